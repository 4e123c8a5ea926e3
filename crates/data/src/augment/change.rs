//! The interface of random changes of pixels, and draws and checks that they share.

use allconv_random::Stream;

use crate::error::OutOfRange;
use crate::picture::Picture;

/// A random change of the 8-bit pixels of one image, before preprocessing.
pub(super) trait Change {
    /// Refuses settings out of range.
    fn check(&self) -> Result<(), OutOfRange>;
    /// Returns the picture after the change that the stream draws, in the same shape.
    fn apply(&self, picture: Picture, stream: &mut Stream) -> Picture;
}

/// Draws a uniform number between two limits.
pub(super) fn uniform(stream: &mut Stream, [least, most]: [f64; 2]) -> f64 {
    least + (most - least) * f64::from(stream.unit())
}

/// Refuses a number outside its limits.
pub(super) fn check_range(
    field: &'static str,
    value: f64,
    [least, most]: [f64; 2],
) -> Result<(), OutOfRange> {
    OutOfRange::unless((least..=most).contains(&value), field, value, format!("from {least} to {most}"))
}
