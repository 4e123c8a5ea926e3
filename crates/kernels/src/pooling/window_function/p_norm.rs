//! The p-norm, by shares of the largest absolute value.

use super::{Lanes, absolute, count, largest_absolute, or_one};
use crate::elementary::Elementary;
use crate::pooling::channels::lanes;
use crate::scalar::Scalar;
use crate::simd::LANES;

#[inline(always)]
pub(super) fn value<T: Scalar + Elementary>(window: &[Lanes<T>], order: Lanes<T>, mean: bool) -> Lanes<T> {
    let most = largest_absolute(window);
    // A window of zeros divides by 1; its sum, 0, is replaced by 1 and multiplied by m = 0 at the end.
    let scale = or_one(most);
    let mut sum = [T::ZERO; LANES];
    for values in window {
        for lane in 0..LANES {
            sum[lane] += power(absolute(values[lane]) / scale[lane], order[lane]);
        }
    }
    let divisor = divisor(window, mean);
    lanes!(lane => {
        let sum = if most[lane] > T::ZERO { sum[lane] } else { T::ONE };
        most[lane] * ((sum / divisor).logarithm() / order[lane]).exponential()
    })
}

#[inline(always)]
pub(super) fn slopes<T: Scalar + Elementary>(
    window: &[Lanes<T>],
    order: Lanes<T>,
    mean: bool,
    y: Lanes<T>,
    dy: Lanes<T>,
    slopes: &mut Vec<Lanes<T>>,
) {
    let (divisor, scale) = (divisor(window, mean), or_one(y));
    for x in window {
        slopes.push(lanes!(lane => {
            let share = absolute(x[lane]) / scale[lane];
            let slope = dy[lane] * power(share, order[lane] - T::ONE) / divisor;
            let slope = if share > T::ZERO { slope } else { T::ZERO };
            if x[lane] < T::ZERO { T::ZERO - slope } else { slope }
        }));
    }
}

/// `dy/dp = (y/p)·Σ w·ln(|x|/y)` with `w = |x|^p/(d·y^p)`, which sum to 1.
#[inline(always)]
pub(super) fn slope_of_order<T: Scalar + Elementary>(
    window: &[Lanes<T>],
    order: Lanes<T>,
    mean: bool,
    y: Lanes<T>,
    dy: Lanes<T>,
) -> Lanes<T> {
    let (divisor, scale) = (divisor(window, mean), or_one(y));
    let mut sum = [T::ZERO; LANES];
    for x in window {
        for lane in 0..LANES {
            let share = absolute(x[lane]) / scale[lane];
            let logarithm = (if is_normal(share) { share } else { T::ONE }).logarithm();
            sum[lane] += power(share, order[lane]) / divisor * logarithm;
        }
    }
    lanes!(lane => dy[lane] * y[lane] / order[lane] * sum[lane])
}

/// What the sum of powers is divided by.
#[inline(always)]
fn divisor<T: Scalar>(window: &[Lanes<T>], mean: bool) -> T {
    if mean { count(window) } else { T::ONE }
}

/// `base^exponent` for `base ≥ 0`; 0 where the base is 0 or too small for a normal number.
#[inline(always)]
fn power<T: Scalar + Elementary>(base: T, exponent: T) -> T {
    let safe = if is_normal(base) { base } else { T::ONE };
    let power = (exponent * safe.logarithm()).exponential();
    if is_normal(base) { power } else { T::ZERO }
}

#[inline(always)]
fn is_normal<T: Scalar>(base: T) -> bool {
    base > T::from_f64(f64::from(f32::MIN_POSITIVE))
}
