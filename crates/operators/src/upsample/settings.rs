//! Ranges of settings that upsampling operators share.

use crate::description::{DescriptionError, out_of_range};

/// Refuses a kernel, stride or other count of 0, or above 64 cells.
pub(super) fn check_cells(operator: &str, field: &str, cells: usize) -> Result<(), DescriptionError> {
    check_count(operator, field, cells, 64, "from 1 to 64")
}

/// Refuses a blur of 0 or more than 7 taps.
pub(super) fn check_taps(operator: &str, field: &str, taps: usize) -> Result<(), DescriptionError> {
    check_count(operator, field, taps, 7, "from 1 to 7")
}

/// Refuses a count of 0 or above `most`; `words` says so.
pub(super) fn check_count(
    operator: &str,
    field: &str,
    count: usize,
    most: usize,
    words: &'static str,
) -> Result<(), DescriptionError> {
    if (1..=most).contains(&count) {
        return Ok(());
    }
    Err(out_of_range(&format!("upsample.{operator}.{field}"), count, words))
}
