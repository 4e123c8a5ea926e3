//! What a pooling window may be reduced to, and the arithmetic of one window: [`LANES`] neighbouring channels at a time.

use crate::elementary::Elementary;
use crate::scalar::Scalar;
use crate::simd::LANES;

/// What a window is reduced to. m is its largest value, or for norms its largest absolute value; n its number of pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WindowFunction {
    /// `sum x·e^(x-m) / sum e^(x-m)`: SoftPool.
    SoftMean,
    /// `m + ln(sum e^(sharpness·(x-m)) / n) / sharpness`.
    LogSumExp {
        /// Above 0.
        sharpness: f64,
    },
    /// `sum x·e^d / sum e^d` with the likeness `d = 2·x·a/(x² + a²)`, a the window's mean; d = 0 where both are 0: AdaPool's half.
    Likeness,
    /// `sum v² / sum v` with `v = max(x, 0)`, 0 for a window without a positive pixel: what stochastic pooling expects.
    SquareMean,
    /// `(sum |x|^p / d)^(1/p)` with `d = n` (mean form) or 1; 0 for a window of zeros.
    PNorm {
        /// Whether the sum is divided by the number of pixels.
        mean: bool,
    },
}

/// The largest value of each lane. A window holds a pixel.
#[inline(always)]
pub(super) fn largest<T: Scalar>(window: impl Iterator<Item = [T; LANES]>) -> [T; LANES] {
    let mut best = [T::NEGATIVE_INFINITY; LANES];
    for values in window {
        for lane in 0..LANES {
            best[lane] = if values[lane] > best[lane] { values[lane] } else { best[lane] };
        }
    }
    best
}

#[inline(always)]
pub(super) fn absolute<T: Scalar>(value: T) -> T {
    if value < T::ZERO { T::ZERO - value } else { value }
}

/// The mean weighted by exponentials, the largest value, and the sum of `e^(x - m)`.
#[inline(always)]
pub(super) fn soft_mean<T: Scalar + Elementary>(
    window: impl Iterator<Item = [T; LANES]> + Clone,
) -> ([T; LANES], [T; LANES], [T; LANES]) {
    let most = largest(window.clone());
    let (mut weights, mut sum) = ([T::ZERO; LANES], [T::ZERO; LANES]);
    for values in window {
        for lane in 0..LANES {
            let weight = (values[lane] - most[lane]).exponential();
            weights[lane] += weight;
            sum[lane] += weight * values[lane];
        }
    }
    (std::array::from_fn(|lane| sum[lane] / weights[lane]), most, weights)
}

#[inline(always)]
pub(super) fn log_sum_exp<T: Scalar + Elementary>(
    window: impl Iterator<Item = [T; LANES]> + Clone,
    sharpness: T,
) -> [T; LANES] {
    let most = largest(window.clone());
    let (mut sum, mut count) = ([T::ZERO; LANES], T::ZERO);
    for values in window {
        count += T::ONE;
        for lane in 0..LANES {
            sum[lane] += (sharpness * (values[lane] - most[lane])).exponential();
        }
    }
    std::array::from_fn(|lane| most[lane] + (sum[lane] / count).logarithm() / sharpness)
}

#[inline(always)]
pub(super) fn p_norm<T: Scalar + Elementary>(
    window: impl Iterator<Item = [T; LANES]> + Clone,
    order: [T; LANES],
    mean: bool,
) -> [T; LANES] {
    let most = largest(window.clone().map(|values| values.map(absolute)));
    // A window of zeros divides by 1; its sum, 0, is replaced by 1 and multiplied by m = 0 at the end.
    let scale = most.map(|most| if most > T::ZERO { most } else { T::ONE });
    let (mut sum, mut count) = ([T::ZERO; LANES], T::ZERO);
    for values in window {
        count += T::ONE;
        for lane in 0..LANES {
            sum[lane] += power(absolute(values[lane]) / scale[lane], order[lane]);
        }
    }
    let divisor = if mean { count } else { T::ONE };
    std::array::from_fn(|lane| {
        let sum = if most[lane] > T::ZERO { sum[lane] } else { T::ONE };
        most[lane] * ((sum / divisor).logarithm() / order[lane]).exponential()
    })
}

/// What [`WindowFunction::Likeness`] computes of a window. Scale and mean are so chosen that the largest absolute value counts as 1.
pub(super) struct LikenessMean<T> {
    pub(super) value: [T; LANES],
    pub(super) scale: [T; LANES],
    /// The window's mean, divided by the scale.
    pub(super) mean: [T; LANES],
    /// The sum of `e^d`.
    pub(super) weights: [T; LANES],
    pub(super) count: T,
}

#[inline(always)]
pub(super) fn likeness_mean<T: Scalar + Elementary>(
    window: impl Iterator<Item = [T; LANES]> + Clone,
) -> LikenessMean<T> {
    let most = largest(window.clone().map(|values| values.map(absolute)));
    let scale = most.map(|most| if most > T::ZERO { most } else { T::ONE });
    let (mut mean, mut count) = ([T::ZERO; LANES], T::ZERO);
    for values in window.clone() {
        count += T::ONE;
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
            let (likeness, ..) = likeness(values[lane] / scale[lane], mean[lane]);
            let weight = likeness.exponential();
            weights[lane] += weight;
            sum[lane] += weight * values[lane];
        }
    }
    let value = std::array::from_fn(|lane| sum[lane] / weights[lane]);
    LikenessMean { value, scale, mean, weights, count }
}

/// The likeness `2·x·a/(x² + a²)` and its slopes along x and a; all 0 where both are 0.
#[inline(always)]
pub(super) fn likeness<T: Scalar>(x: T, a: T) -> (T, T, T) {
    let two = T::ONE + T::ONE;
    let size = x * x + a * a;
    let inverse = T::ONE / (if size > T::ZERO { size } else { T::ONE });
    // (a² − x²)/(x² + a²) lies in [−1, 1]: the squares are divided before they are multiplied.
    let difference = (a * a - x * x) * inverse;
    (two * x * a * inverse, two * (a * inverse) * difference, T::ZERO - two * (x * inverse) * difference)
}

/// The largest value (1 where none is positive) and, of the positive values divided by it, sum and sum of squares.
#[inline(always)]
pub(super) fn positive_sums<T: Scalar>(
    window: impl Iterator<Item = [T; LANES]> + Clone,
) -> ([T; LANES], [T; LANES], [T; LANES]) {
    let scale = largest(window.clone()).map(|most| if most > T::ZERO { most } else { T::ONE });
    let (mut sum, mut squares) = ([T::ZERO; LANES], [T::ZERO; LANES]);
    for values in window {
        for lane in 0..LANES {
            let share = positive(values[lane]) / scale[lane];
            sum[lane] += share;
            squares[lane] += share * share;
        }
    }
    (scale, sum, squares)
}

#[inline(always)]
pub(super) fn positive<T: Scalar>(value: T) -> T {
    if value < T::ZERO { T::ZERO } else { value }
}

/// `base^exponent` for `base ≥ 0`; 0 where the base is 0 or too small for a normal number.
#[inline(always)]
pub(super) fn power<T: Scalar + Elementary>(base: T, exponent: T) -> T {
    let positive = base > T::from_f64(f64::from(f32::MIN_POSITIVE));
    let safe = if positive { base } else { T::ONE };
    let power = (exponent * safe.logarithm()).exponential();
    if positive { power } else { T::ZERO }
}
