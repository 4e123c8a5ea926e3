//! Ranges and omitted defaults of the settings of several operators.

use crate::error::{OutOfRange, check_range};

/// Returns whether a setting with the default 1 is left out where it is written.
pub(crate) fn is_one(value: &usize) -> bool {
    *value == 1
}

/// Returns whether a setting with the default `true` is left out where it is written.
pub(crate) fn is_yes(value: &bool) -> bool {
    *value
}

/// Refuses a kernel, stride or factor of 0, or above 64.
pub(crate) fn check_size(field: &str, size: usize) -> Result<(), OutOfRange> {
    check_range(field, size, 1..=64, "from 1 to 64")
}

/// Refuses a kernel or stride of 0, or above 64.
pub(crate) fn check_window(kernel: usize, stride: usize) -> Result<(), OutOfRange> {
    check_size("kernel", kernel)?;
    check_size("stride", stride)
}

/// Refuses a blur of 0 or more than 7 taps.
pub(crate) fn check_taps(field: &str, taps: usize) -> Result<(), OutOfRange> {
    check_range(field, taps, 1..=7, "from 1 to 7")
}
