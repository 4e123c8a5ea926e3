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

/// `base^exponent` for `base ≥ 0`; 0 where the base is 0 or too small for a normal number.
#[inline(always)]
pub(super) fn power<T: Scalar + Elementary>(base: T, exponent: T) -> T {
    let positive = base > T::from_f64(f64::from(f32::MIN_POSITIVE));
    let safe = if positive { base } else { T::ONE };
    let power = (exponent * safe.logarithm()).exponential();
    if positive { power } else { T::ZERO }
}
