//! The element types that kernels accept: `f32` on the fast paths, `f64` by the definitions.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Sub};

use crate::memory::AnyBits;

/// An element of a tensor: `f32` or `f64`. Sealed: the kernels work on these two only.
pub trait Scalar:
    AnyBits
    + Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + AddAssign
    + 'static
{
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// Minus infinity, the neutral element of the maximum.
    const NEGATIVE_INFINITY: Self;

    /// Returns the nearest value of this type.
    fn from_f64(value: f64) -> Self;

    /// Returns the value, exactly.
    fn to_f64(self) -> f64;
}

impl Scalar for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const NEGATIVE_INFINITY: Self = Self::NEG_INFINITY;

    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding to the nearest f32 is what the method does"
    )]
    fn from_f64(value: f64) -> Self {
        value as Self
    }

    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Scalar for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const NEGATIVE_INFINITY: Self = Self::NEG_INFINITY;

    fn from_f64(value: f64) -> Self {
        value
    }

    fn to_f64(self) -> f64 {
        self
    }
}
