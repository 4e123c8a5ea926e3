//! Defaults and ranges that operators share.

use crate::description::{DescriptionError, out_of_range};

pub(super) fn one() -> usize {
    1
}

pub(crate) fn two() -> usize {
    2
}

pub(crate) fn three() -> usize {
    3
}

pub(super) fn is_one(value: &usize) -> bool {
    *value == 1
}

pub(super) fn yes() -> bool {
    true
}

pub(super) fn is_yes(value: &bool) -> bool {
    *value
}

/// Refuses a kernel, stride or other count of 0, or above 64 cells.
pub(super) fn check_cells(operator: &str, field: &str, cells: usize) -> Result<(), DescriptionError> {
    check_range(operator, field, cells, 1..=64, "from 1 to 64")
}

/// Refuses a setting outside its range, which `words` names.
pub(super) fn check_range<T: PartialOrd + std::fmt::Display>(
    operator: &str,
    field: &str,
    value: T,
    range: impl std::ops::RangeBounds<T>,
    words: &'static str,
) -> Result<(), DescriptionError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(out_of_range(&format!("downsample.{operator}.{field}"), value, words))
}
