//! The functions that a pooling window may be reduced by: the arithmetic of one window, [`LANES`] neighbouring channels at a time.
//!
//! Each function has a `value`, and `gradients` of its elements: the gradient of the value times the derivative along each element.

use super::lanes::Lanes;
use super::{log_sum_exp, p_norm, rank_mean, similarity, soft_mean, square_mean};
use crate::cpu::LANES;
use crate::numbers::{Elementary, Scalar};

/// The function that a window is reduced by. m is its largest value, or for norms its largest absolute value; n its number of pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WindowFunction {
    /// `sum x·e^(x-m) / sum e^(x-m)`: SoftPool.
    SoftMean,
    /// `m + ln(sum e^(sharpness·(x-m)) / n) / sharpness`.
    LogSumExp {
        /// Above 0.
        sharpness: f64,
    },
    /// `sum x·e^d / sum e^d` with the similarity `d = 2·x·a/(x² + a²)`, a the window's mean; d = 0 where both are 0: a mean of AdaPool.
    Similarity,
    /// `sum v² / sum v` with `v = max(x, 0)`, 0 for a window without a positive pixel: the expectation of stochastic pooling.
    SquareMean,
    /// The mean of the `top` largest values, or of all where there are fewer; of equal values the first ones count.
    RankMean {
        /// At least 1.
        top: u32,
    },
    /// `(sum |x|^p / d)^(1/p)` with `d = n` (mean form) or 1; 0 for a window of zeros.
    PNorm {
        /// Whether the sum is divided by the number of pixels.
        mean: bool,
    },
}

impl WindowFunction {
    /// Returns the window's value. `order` is read by norms alone; a window holds a pixel.
    #[inline(always)]
    pub(in crate::pooling) fn value<T: Scalar + Elementary>(
        self,
        window: &[Lanes<T>],
        order: Lanes<T>,
    ) -> Lanes<T> {
        match self {
            Self::SoftMean => soft_mean::value(window),
            Self::LogSumExp { sharpness } => log_sum_exp::value(window, T::from_f64(sharpness)),
            Self::Similarity => similarity::value(window),
            Self::SquareMean => square_mean::value(window),
            Self::RankMean { top } => rank_mean::value(window, top),
            Self::PNorm { mean } => p_norm::value(window, order, mean),
        }
    }

    /// Writes the gradient of each pixel, from the value `y` and its gradient `dy`.
    #[inline(always)]
    pub(in crate::pooling) fn gradients<T: Scalar + Elementary>(
        self,
        window: &[Lanes<T>],
        order: Lanes<T>,
        [y, dy]: [Lanes<T>; 2],
        gradients: &mut Vec<Lanes<T>>,
    ) {
        gradients.clear();
        match self {
            Self::SoftMean => soft_mean::gradients(window, y, dy, gradients),
            Self::LogSumExp { sharpness } => {
                log_sum_exp::gradients(window, T::from_f64(sharpness), y, dy, gradients);
            }
            Self::Similarity => similarity::gradients(window, y, dy, gradients),
            Self::SquareMean => square_mean::gradients(window, y, dy, gradients),
            Self::RankMean { top } => rank_mean::gradients(window, top, dy, gradients),
            Self::PNorm { mean } => p_norm::gradients(window, order, mean, y, dy, gradients),
        }
    }

    /// Computes the gradient of the order of a norm.
    #[inline(always)]
    pub(in crate::pooling) fn order_gradient<T: Scalar + Elementary>(
        self,
        window: &[Lanes<T>],
        order: Lanes<T>,
        [y, dy]: [Lanes<T>; 2],
    ) -> Lanes<T> {
        match self {
            Self::PNorm { mean } => p_norm::order_gradient(window, order, mean, y, dy),
            _ => [T::ZERO; LANES],
        }
    }
}
