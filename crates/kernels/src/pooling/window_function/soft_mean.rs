//! The mean weighted by exponentials.

use super::lanes::{Lanes, largest};
use crate::cpu::LANES;
use crate::numbers::{Elementary, Scalar, lanes};

#[inline(always)]
pub(super) fn value<T: Scalar + Elementary>(window: &[Lanes<T>]) -> Lanes<T> {
    let [_, weights, sum] = sums(window);
    lanes!(lane => sum[lane] / weights[lane])
}

#[inline(always)]
pub(super) fn gradients<T: Scalar + Elementary>(
    window: &[Lanes<T>],
    y: Lanes<T>,
    dy: Lanes<T>,
    gradients: &mut Vec<Lanes<T>>,
) {
    let [most, weights, _] = sums(window);
    for x in window {
        gradients.push(lanes!(lane => {
            let weight = (x[lane] - most[lane]).exponential() / weights[lane];
            dy[lane] * weight * (T::ONE + x[lane] - y[lane])
        }));
    }
}

/// Returns the largest value m, the sum of `e^(x - m)` and that of `x·e^(x - m)`.
#[inline(always)]
fn sums<T: Scalar + Elementary>(window: &[Lanes<T>]) -> [Lanes<T>; 3] {
    let most = largest(window);
    let (mut weights, mut sum) = ([T::ZERO; LANES], [T::ZERO; LANES]);
    for values in window {
        for lane in 0..LANES {
            let weight = (values[lane] - most[lane]).exponential();
            weights[lane] += weight;
            sum[lane] += weight * values[lane];
        }
    }
    [most, weights, sum]
}
