//! The mean of the positive values weighted by themselves.

use super::lanes::{Lanes, largest, or_one};
use crate::cpu::LANES;
use crate::numbers::{Scalar, lanes};

#[inline(always)]
pub(super) fn value<T: Scalar>(window: &[Lanes<T>]) -> Lanes<T> {
    let [scale, sum, squares] = sums(window);
    // A window without a positive pixel divides 0 by 1.
    let divisor = or_one(sum);
    lanes!(lane => scale[lane] * squares[lane] / divisor[lane])
}

#[inline(always)]
pub(super) fn gradients<T: Scalar>(
    window: &[Lanes<T>],
    y: Lanes<T>,
    dy: Lanes<T>,
    gradients: &mut Vec<Lanes<T>>,
) {
    let [scale, sum, _] = sums(window);
    let divisor = or_one(sum);
    // dy·(2·ratio − y/scale)/divisor, linear in the ratio.
    let gain = lanes!(lane => (dy[lane] + dy[lane]) / divisor[lane]);
    let offset = lanes!(lane => dy[lane] * (y[lane] / scale[lane]) / divisor[lane]);
    for x in window {
        let mut gradient = [T::ZERO; LANES];
        for lane in 0..LANES {
            let value = positive(x[lane]) / scale[lane] * gain[lane] - offset[lane];
            gradient[lane] = if x[lane] > T::ZERO { value } else { T::ZERO };
        }
        gradients.push(gradient);
    }
}

/// Returns the largest value (1 where none is positive) and, of the positive values divided by it, sum and sum of squares.
#[inline(always)]
fn sums<T: Scalar>(window: &[Lanes<T>]) -> [Lanes<T>; 3] {
    let scale = or_one(largest(window));
    let (mut sum, mut squares) = ([T::ZERO; LANES], [T::ZERO; LANES]);
    for values in window {
        for lane in 0..LANES {
            let ratio = positive(values[lane]) / scale[lane];
            sum[lane] += ratio;
            squares[lane] += ratio * ratio;
        }
    }
    [scale, sum, squares]
}

#[inline(always)]
fn positive<T: Scalar>(value: T) -> T {
    if value < T::ZERO { T::ZERO } else { value }
}
