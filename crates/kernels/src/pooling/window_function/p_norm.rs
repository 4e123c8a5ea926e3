//! The p-norm, by ratios to the largest absolute value.

use super::lanes::{Lanes, absolute, count, largest_absolute, or_one};
use crate::cpu::LANES;
use crate::numbers::{Elementary, Scalar, lanes};

/// The computation of powers.
#[derive(Clone, Copy)]
enum Power<T> {
    /// `p = 2^k` for all lanes: by k squares, and roots by k square roots.
    Squares(u32),
    /// By logarithm and exponential.
    Any(Lanes<T>),
}

impl<T: Scalar + Elementary> Power<T> {
    /// Orders up to 2^6 have squares.
    #[inline(always)]
    fn of(order: Lanes<T>) -> Self {
        let squares = (0..=6_u32).find(|squares| order[0] == T::from_f64(f64::from(1 << squares)));
        match squares {
            Some(squares) if order.iter().all(|other| *other == order[0]) => Self::Squares(squares),
            _ => Self::Any(order),
        }
    }

    /// Computes `ratio^p`
    #[inline(always)]
    fn raised(self, ratio: Lanes<T>) -> Lanes<T> {
        match self {
            Self::Squares(squares) => {
                let mut power = ratio;
                for _ in 0..squares {
                    power = lanes!(lane => power[lane] * power[lane]);
                }
                power
            }
            Self::Any(order) => lanes!(lane => power(ratio[lane], order[lane])),
        }
    }

    /// Computes `ratio^(p − 1)`; 0 where the ratio is 0.
    #[inline(always)]
    fn lowered(self, ratio: Lanes<T>) -> Lanes<T> {
        match self {
            Self::Squares(squares) => {
                // 2^k − 1 = 1 + 2 + … + 2^(k − 1)
                let (mut product, mut factor) = ([T::ONE; LANES], ratio);
                for _ in 0..squares {
                    product = lanes!(lane => product[lane] * factor[lane]);
                    factor = lanes!(lane => factor[lane] * factor[lane]);
                }
                lanes!(lane => if ratio[lane] > T::ZERO { product[lane] } else { T::ZERO })
            }
            Self::Any(order) => lanes!(lane => {
                let power = power(ratio[lane], order[lane] - T::ONE);
                if ratio[lane] > T::ZERO { power } else { T::ZERO }
            }),
        }
    }

    /// Computes `sum^(1/p)` of positive sums; 0 of 0 where p is a power of two.
    #[inline(always)]
    fn root(self, sum: Lanes<T>) -> Lanes<T> {
        match self {
            Self::Squares(squares) => {
                let mut root = sum;
                for _ in 0..squares {
                    root = lanes!(lane => root[lane].square_root());
                }
                root
            }
            Self::Any(order) => lanes!(lane => (sum[lane].logarithm() / order[lane]).exponential()),
        }
    }
}

#[inline(always)]
pub(super) fn value<T: Scalar + Elementary>(window: &[Lanes<T>], order: Lanes<T>, mean: bool) -> Lanes<T> {
    let most = largest_absolute(window);
    // A window of zeros divides by 1; its sum, 0, is replaced by 1 and multiplied by m = 0 at the end.
    let (scale, power) = (or_one(most), Power::of(order));
    let mut sum = [T::ZERO; LANES];
    for values in window {
        let raised = power.raised(lanes!(lane => absolute(values[lane]) / scale[lane]));
        for lane in 0..LANES {
            sum[lane] += raised[lane];
        }
    }
    let divisor = divisor(window, mean);
    let root = power.root(lanes!(lane => if most[lane] > T::ZERO { sum[lane] / divisor } else { T::ONE }));
    lanes!(lane => most[lane] * root[lane])
}

#[inline(always)]
pub(super) fn gradients<T: Scalar + Elementary>(
    window: &[Lanes<T>],
    order: Lanes<T>,
    mean: bool,
    y: Lanes<T>,
    dy: Lanes<T>,
    gradients: &mut Vec<Lanes<T>>,
) {
    let (divisor, scale, power) = (divisor(window, mean), or_one(y), Power::of(order));
    for x in window {
        let lowered = power.lowered(lanes!(lane => absolute(x[lane]) / scale[lane]));
        gradients.push(lanes!(lane => {
            let gradient = dy[lane] * lowered[lane] / divisor;
            if x[lane] < T::ZERO { T::ZERO - gradient } else { gradient }
        }));
    }
}

/// Computes `dy/dp = (y/p)·Σ w·ln(|x|/y)` with `w = |x|^p/(d·y^p)`, which sum to 1.
#[inline(always)]
pub(super) fn order_gradient<T: Scalar + Elementary>(
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
            let ratio = absolute(x[lane]) / scale[lane];
            let logarithm = (if is_normal(ratio) { ratio } else { T::ONE }).logarithm();
            sum[lane] += power(ratio, order[lane]) / divisor * logarithm;
        }
    }
    lanes!(lane => dy[lane] * y[lane] / order[lane] * sum[lane])
}

/// Returns the divisor of the sum of powers.
#[inline(always)]
fn divisor<T: Scalar>(window: &[Lanes<T>], mean: bool) -> T {
    if mean { count(window) } else { T::ONE }
}

/// Computes `base^exponent` for `base ≥ 0`; 0 where the base is 0 or too small for a normal number.
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
