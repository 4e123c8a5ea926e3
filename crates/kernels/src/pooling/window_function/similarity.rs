//! The mean weighted by the exponential of each value's similarity to the window's mean.

use super::lanes::{Lanes, count, largest_absolute, or_one};
use crate::cpu::LANES;
use crate::numbers::{Elementary, Scalar, lanes};

#[inline(always)]
pub(super) fn value<T: Scalar + Elementary>(window: &[Lanes<T>]) -> Lanes<T> {
    let Sums { weights, sum, .. } = sums(window);
    lanes!(lane => sum[lane] / weights[lane])
}

#[inline(always)]
pub(super) fn gradients<T: Scalar + Elementary>(
    window: &[Lanes<T>],
    y: Lanes<T>,
    dy: Lanes<T>,
    gradients: &mut Vec<Lanes<T>>,
) {
    let (Sums { scale, mean, weights, .. }, count) = (sums(window), count(window));
    // Every pixel moves the mean, and with it all similarities.
    let mut through_mean = [T::ZERO; LANES];
    for x in window {
        for lane in 0..LANES {
            let [similarity, _, derivative] = similarity(x[lane] / scale[lane], mean[lane]);
            let weight = similarity.exponential() / weights[lane];
            through_mean[lane] += weight * (x[lane] - y[lane]) * derivative / scale[lane] / count;
        }
    }
    for x in window {
        gradients.push(lanes!(lane => {
            let [similarity, derivative, _] = similarity(x[lane] / scale[lane], mean[lane]);
            let weight = similarity.exponential() / weights[lane];
            let own = weight * (T::ONE + (x[lane] - y[lane]) * derivative / scale[lane]);
            dy[lane] * (own + through_mean[lane])
        }));
    }
}

/// Scale and mean are so chosen that the largest absolute value counts as 1.
struct Sums<T> {
    scale: Lanes<T>,
    /// The window's mean, divided by the scale.
    mean: Lanes<T>,
    /// The sum of `e^d`.
    weights: Lanes<T>,
    /// The sum of `x·e^d`.
    sum: Lanes<T>,
}

#[inline(always)]
fn sums<T: Scalar + Elementary>(window: &[Lanes<T>]) -> Sums<T> {
    let (scale, count) = (or_one(largest_absolute(window)), count(window));
    let mut mean = [T::ZERO; LANES];
    for values in window {
        for lane in 0..LANES {
            mean[lane] += values[lane];
        }
    }
    for lane in 0..LANES {
        mean[lane] = mean[lane] / count / scale[lane];
    }
    let (mut weights, mut sum) = ([T::ZERO; LANES], [T::ZERO; LANES]);
    for values in window {
        for lane in 0..LANES {
            let [similarity, ..] = similarity(values[lane] / scale[lane], mean[lane]);
            let weight = similarity.exponential();
            weights[lane] += weight;
            sum[lane] += weight * values[lane];
        }
    }
    Sums { scale, mean, weights, sum }
}

/// Returns the similarity `2·x·a/(x² + a²)` and its derivatives along x and a; all 0 where both are 0.
#[inline(always)]
fn similarity<T: Scalar>(x: T, a: T) -> [T; 3] {
    let two = T::ONE + T::ONE;
    let size = x * x + a * a;
    let inverse = T::ONE / (if size > T::ZERO { size } else { T::ONE });
    // (a² − x²)/(x² + a²) lies in [−1, 1]: the squares are divided before they are multiplied.
    let difference = (a * a - x * x) * inverse;
    [two * x * a * inverse, two * (a * inverse) * difference, T::ZERO - two * (x * inverse) * difference]
}
