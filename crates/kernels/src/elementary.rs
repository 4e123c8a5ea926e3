//! Exponential, logarithm and root of the element types, with the same bits on every machine.

use allconv_random::elementary;

use crate::scalar::Scalar;

/// Exponential, natural logarithm and square root of a scalar. Loops over f32 can be vectorised with them.
pub trait Elementary: Sized {
    /// `e^x`. f32: relative error below 3e-7 where the result is a normal number, 0 below -104, infinity above 88.7.
    fn exponential(self) -> Self;

    /// `ln x` for positive normal x. f32: relative error below 3e-7, absolute near 1 below 1e-7.
    fn logarithm(self) -> Self;

    /// `ln x` of any number, with the error of [`Self::logarithm`]: −∞ of 0, NaN below 0 and of NaN, ∞ of ∞.
    fn logarithm_of_any(self) -> Self;

    /// The square root, correctly rounded; 0 of 0.
    fn square_root(self) -> Self;
}

impl Elementary for f64 {
    fn exponential(self) -> Self {
        elementary::exp(self)
    }

    fn logarithm(self) -> Self {
        elementary::ln(self)
    }

    fn logarithm_of_any(self) -> Self {
        elementary::ln(self)
    }

    fn square_root(self) -> Self {
        self.sqrt()
    }
}

impl Elementary for f32 {
    #[inline(always)]
    fn exponential(self) -> Self {
        elementary::exp_f32(self)
    }

    #[inline(always)]
    fn logarithm(self) -> Self {
        elementary::ln_f32(self)
    }

    #[inline(always)]
    fn logarithm_of_any(self) -> Self {
        // Denormal numbers times 2²⁴ are normal.
        const FACTOR: f32 = 16_777_216.0;
        let denormal = self < Self::MIN_POSITIVE;
        let normal = if denormal { self * FACTOR } else { self };
        let logarithm =
            elementary::ln_f32(normal) - if denormal { 24.0 * std::f32::consts::LN_2 } else { 0.0 };
        let of_positive = if self == Self::INFINITY { self } else { logarithm };
        let of_others = if self == 0.0 { Self::NEG_INFINITY } else { Self::NAN };
        if self > 0.0 { of_positive } else { of_others }
    }

    #[inline(always)]
    fn square_root(self) -> Self {
        self.sqrt()
    }
}

/// The logistic function `1/(1 + e^-x)`.
#[inline(always)]
pub(crate) fn logistic<T: Scalar + Elementary>(x: T) -> T {
    T::ONE / (T::ONE + (T::ZERO - x).exponential())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_of_any_number_is_that_of_double_precision() {
        let steps = (0..=u32::MAX).step_by(65_521).map(f32::from_bits);
        let special =
            [0.0, -0.0, f32::MIN_POSITIVE, f32::from_bits(1), 1.0, f32::INFINITY, f32::NEG_INFINITY];
        for x in steps.chain(special) {
            let (found, exact) = (f64::from(x.logarithm_of_any()), f64::from(x).logarithm_of_any());
            let close = (found - exact).abs() < 1e-7 + 3e-7 * exact.abs();
            assert!(
                close || found == exact || (found.is_nan() && exact.is_nan()),
                "ln {x:e}: {found} and {exact}"
            );
        }
    }
}
