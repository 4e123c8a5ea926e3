//! The logarithm of the mean of exponentials.

use super::lanes::{Lanes, count, largest};
use crate::cpu::LANES;
use crate::numbers::{Elementary, Scalar, lanes};

#[inline(always)]
pub(super) fn value<T: Scalar + Elementary>(window: &[Lanes<T>], sharpness: T) -> Lanes<T> {
    let (most, count) = (largest(window), count(window));
    let mut sum = [T::ZERO; LANES];
    for values in window {
        for lane in 0..LANES {
            sum[lane] += (sharpness * (values[lane] - most[lane])).exponential();
        }
    }
    lanes!(lane => most[lane] + (sum[lane] / count).logarithm() / sharpness)
}

#[inline(always)]
pub(super) fn gradients<T: Scalar + Elementary>(
    window: &[Lanes<T>],
    sharpness: T,
    y: Lanes<T>,
    dy: Lanes<T>,
    gradients: &mut Vec<Lanes<T>>,
) {
    let count = count(window);
    for x in window {
        gradients.push(lanes!(lane => dy[lane] * (sharpness * (x[lane] - y[lane])).exponential() / count));
    }
}
