//! Exponential, logarithm and root of the element types, with the same bits on every machine.

use allconv_random::elementary;

use super::scalar::Scalar;

/// Exponential, natural logarithm and square root of a scalar. Loops over f32 can be vectorised with them.
pub trait Elementary: Sized {
    /// Computes `e^x`. f32: relative error below 3e-7 where the result is a normal number, 0 below -104, infinity above 88.7.
    fn exponential(self) -> Self;

    /// Computes `ln x` for positive normal x. f32: relative error below 3e-7, absolute near 1 below 1e-7.
    fn logarithm(self) -> Self;

    /// Returns the square root, correctly rounded; 0 of 0.
    fn square_root(self) -> Self;
}

impl Elementary for f64 {
    fn exponential(self) -> Self {
        elementary::exp(self)
    }

    fn logarithm(self) -> Self {
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
    fn square_root(self) -> Self {
        self.sqrt()
    }
}

/// Returns the logistic function `1/(1 + e^-x)`.
#[inline(always)]
pub(crate) fn logistic<T: Scalar + Elementary>(x: T) -> T {
    T::ONE / (T::ONE + (T::ZERO - x).exponential())
}
