//! Spectral pooling: high frequencies are dropped.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::fourier::{self, Matrix};
use super::promises::Promises;
use super::settings::check_range;
use super::slot::Operator;
use super::{ComputingOperator, FixedOperator};
use crate::card::Card;
use crate::description::DescriptionError;
use crate::ops::{SeparableMap, Together, separable_together};
use crate::pass::Pass;
use crate::walk::Window;

/// Keeps the low frequencies of each channel. [`SpectralPool::CARD`] has the definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpectralPool {
    /// By what sides are divided, rounding down: from 1 to 64, need not be whole. Default 2.
    #[serde(default = "half")]
    pub stride: f64,
    /// Whether a constant map keeps its value. Default true.
    #[serde(default = "yes")]
    pub rescale: bool,
}

pub(super) fn half() -> f64 {
    2.0
}

fn yes() -> bool {
    true
}

impl Default for SpectralPool {
    fn default() -> Self {
        Self { stride: half(), rescale: yes() }
    }
}

impl Operator for SpectralPool {
    const NAME: &'static str = "spectral_pool";
    const REVISION: u32 = 2;
    const CARD: Card = Card {
        statement: "The Fourier transform of each channel, cut to its low frequencies and transformed back.",
        formula: "X = rfft2(x); rows [0, h'/2) and [h − h'/2, h), columns [0, floor(w'/2)] of X; y = irfft2 of them · h'w'/(hw)",
        shape: "[n, c, h', w'], h' = 2·floor(floor(h/stride)/2), w' = floor(w/stride), both at least 2",
        boundary: "circular, as the Fourier transform is",
        cost: "dense matrices: about 2·(h + w) multiplications; no weights",
        source: "Rippel, Snoek and Adams, arXiv 1506.03767",
        note: "The code of DiffStride leaves out the factor h'w'/(hw) (`rescale = false`), which multiplies constants by stride². \
               No aliasing, but ringing.",
    };

    fn examples() -> Vec<Self> {
        vec![
            Self::default(),
            Self { rescale: false, ..Self::default() },
            Self { stride: 1.5, ..Self::default() },
        ]
    }

    fn promises(&self) -> Promises {
        // Without the factor the gain is h·w/(h'·w'), on sides that the stride divides its square.
        let gain = if self.rescale { 1.0 } else { self.stride * self.stride };
        Promises { slot_rule: None, gain: Some(gain), linear: true, ..Promises::pooling(1) }
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_range(Self::NAME, "stride", self.stride, 1.0..=64.0, "from 1 to 64")
    }
}

impl ComputingOperator for SpectralPool {
    fn output_shape(&self, [channels, height, width]: [usize; 3]) -> Result<[usize; 3], String> {
        let [rows, columns] = kept([height, width], self.stride);
        if rows.min(columns) < 2 {
            let least = (2.0 * self.stride).ceil();
            return Err(format!(
                "fewer than 2 frequencies would be left; its sides must be at least {least}"
            ));
        }
        Ok([channels, rows, columns])
    }

    fn window(&self, [_, height, width]: [usize; 3]) -> Window {
        // Every output sees the whole map.
        Window { extent: height.max(width), stride: (self.stride.round() as usize).max(1) }
    }
}

/// The sides that a division by `stride` leaves: the rows' an even number.
pub(super) fn kept([height, width]: [usize; 2], stride: f64) -> [usize; 2] {
    let divided = |side: usize| (side as f64 / stride) as usize;
    [divided(height) / 2 * 2, divided(width)]
}

impl FixedOperator for SpectralPool {
    fn compute(&self, x: Tensor<4>, pass: &Pass<'_>) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        let [rows, columns] = kept([height, width], self.stride);
        let scale = if self.rescale { (rows * columns) as f64 / (height * width) as f64 } else { 1.0 };
        let [real, imaginary] = row_matrices(height, rows, scale);
        let [even, odd] = column_matrices(width, columns);
        let term = |along_rows: &Matrix, along_columns: &Matrix| {
            SeparableMap::new(along_rows.axis_map(), along_columns.axis_map())
        };
        separable_together(x, vec![term(&real, &even), term(&imaginary, &odd)], Together::Sum, pass.engine)
    }
}

/// Real and imaginary part of transform, truncation and inverse along the rows' axis, `[kept, side]`.
fn row_matrices(side: usize, kept: usize, scale: f64) -> [Matrix; 2] {
    let [fr, fi] = fourier::forward_rows(side, kept);
    let [gr, gi] = fourier::inverse_rows(side, kept);
    let combined = |a: Matrix, sign: f64, b: Matrix| fourier::sum(&a, sign, &b).scaled(scale);
    [
        combined(fourier::product(&gr, &fr), -1.0, fourier::product(&gi, &fi)),
        combined(fourier::product(&gr, &fi), 1.0, fourier::product(&gi, &fr)),
    ]
}

/// What the real and the imaginary part are multiplied by along the columns' axis, `[kept, side]`.
fn column_matrices(side: usize, kept: usize) -> [Matrix; 2] {
    let [fc, fs] = fourier::forward_columns(side, kept);
    let [gc, gs] = fourier::inverse_columns(kept);
    [
        fourier::sum(&fourier::product(&gc, &fc), 1.0, &fourier::product(&gs, &fs)),
        fourier::sum(&fourier::product(&gs, &fc), -1.0, &fourier::product(&gc, &fs)),
    ]
}

#[cfg(test)]
mod tests {
    use allconv_random::elementary::cos;

    use super::*;
    use crate::tests::{assert_near, evaluated, image};

    /// A wave of `frequency` along the columns of a map of 4×`width`.
    fn wave(width: usize, frequency: f64) -> Tensor<4> {
        let value = |cell: usize| {
            cos(std::f64::consts::TAU * frequency * (cell % width) as f64 / width as f64) as f32
        };
        image(4, width, &(0..4 * width).map(value).collect::<Vec<_>>())
    }

    #[test]
    fn low_waves_are_kept_exactly_and_high_ones_vanish() {
        let coarse = |frequency: f64| -> Vec<f64> {
            (0..8).map(|cell| cos(std::f64::consts::TAU * frequency * f64::from(cell % 4) / 4.0)).collect()
        };
        assert_near(&evaluated(&SpectralPool::default(), wave(8, 1.0)), &coarse(1.0), 1e-6);
        assert_near(&evaluated(&SpectralPool::default(), wave(8, 3.0)), &[0.0; 8], 1e-6);
    }

    #[test]
    fn sides_that_leave_less_than_two_frequencies_are_refused() {
        let error = SpectralPool::default().output_shape([1, 3, 8]).unwrap_err();
        assert!(error.contains("at least 4"), "{error}");
    }
}
