//! The functions that a pooling window may be reduced by: the arithmetic of one window, [`LANES`] neighbouring channels at a time.
//!
//! Each function has a `value` and the `slopes` of its cells: the gradient of the value times each cell's derivative.

use super::lanes::Lanes;
use super::{likeness, log_sum_exp, p_norm, soft_mean, square_mean};
use crate::cpu::LANES;
use crate::numbers::{Elementary, Scalar};

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

impl WindowFunction {
    /// The window's value. `order` is read by norms alone; a window holds a pixel.
    #[inline(always)]
    pub(in crate::pooling) fn value<T: Scalar + Elementary>(
        self,
        window: &[Lanes<T>],
        order: Lanes<T>,
    ) -> Lanes<T> {
        match self {
            Self::SoftMean => soft_mean::value(window),
            Self::LogSumExp { sharpness } => log_sum_exp::value(window, T::from_f64(sharpness)),
            Self::Likeness => likeness::value(window),
            Self::SquareMean => square_mean::value(window),
            Self::PNorm { mean } => p_norm::value(window, order, mean),
        }
    }

    /// Writes the slope of each pixel, from the value `y` and its gradient `dy`.
    #[inline(always)]
    pub(in crate::pooling) fn slopes<T: Scalar + Elementary>(
        self,
        window: &[Lanes<T>],
        order: Lanes<T>,
        [y, dy]: [Lanes<T>; 2],
        slopes: &mut Vec<Lanes<T>>,
    ) {
        slopes.clear();
        match self {
            Self::SoftMean => soft_mean::slopes(window, y, dy, slopes),
            Self::LogSumExp { sharpness } => {
                log_sum_exp::slopes(window, T::from_f64(sharpness), y, dy, slopes);
            }
            Self::Likeness => likeness::slopes(window, y, dy, slopes),
            Self::SquareMean => square_mean::slopes(window, y, dy, slopes),
            Self::PNorm { mean } => p_norm::slopes(window, order, mean, y, dy, slopes),
        }
    }

    /// The gradient of the order of a norm.
    #[inline(always)]
    pub(in crate::pooling) fn slope_of_order<T: Scalar + Elementary>(
        self,
        window: &[Lanes<T>],
        order: Lanes<T>,
        [y, dy]: [Lanes<T>; 2],
    ) -> Lanes<T> {
        match self {
            Self::PNorm { mean } => p_norm::slope_of_order(window, order, mean, y, dy),
            _ => [T::ZERO; LANES],
        }
    }
}
