//! Values of a window, and reductions of them lane by lane.

use crate::cpu::LANES;
use crate::numbers::{Scalar, lanes};

/// Neighbouring channels of one pixel.
pub(in crate::pooling) type Lanes<T> = [T; LANES];

/// Returns the largest value of each lane; NaN where one is NaN.
#[inline(always)]
pub(super) fn largest<T: Scalar>(window: &[Lanes<T>]) -> Lanes<T> {
    let mut best = [T::NEGATIVE_INFINITY; LANES];
    for values in window {
        best = lanes!(lane => larger(best[lane], values[lane]));
    }
    best
}

/// Returns the largest absolute value of each lane; NaN where one is NaN.
#[inline(always)]
pub(super) fn largest_absolute<T: Scalar>(window: &[Lanes<T>]) -> Lanes<T> {
    let mut best = [T::NEGATIVE_INFINITY; LANES];
    for values in window {
        best = lanes!(lane => larger(best[lane], absolute(values[lane])));
    }
    best
}

#[inline(always)]
fn larger<T: Scalar>(best: T, value: T) -> T {
    #[expect(clippy::eq_op, reason = "NaN alone differs from itself")]
    let is_nan = value != value;
    if value > best || is_nan { value } else { best }
}

/// Returns the number of pixels as an element.
#[inline(always)]
#[expect(clippy::cast_precision_loss, reason = "windows are far smaller than 2^24 pixels")]
pub(super) fn count<T: Scalar>(window: &[Lanes<T>]) -> T {
    T::from_f64(window.len() as f64)
}

/// Returns positive values and NaN, and 1 in place of all others: a divisor.
#[inline(always)]
pub(super) fn or_one<T: Scalar>(values: Lanes<T>) -> Lanes<T> {
    lanes!(lane => if values[lane] <= T::ZERO { T::ONE } else { values[lane] })
}

#[inline(always)]
pub(super) fn absolute<T: Scalar>(value: T) -> T {
    if value < T::ZERO { T::ZERO - value } else { value }
}
