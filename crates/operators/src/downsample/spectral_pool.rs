//! Spectral pooling: high frequencies are dropped.

use allconv_random::elementary::cos_sin_of_turn;

use super::properties::Properties;
use super::reduction::Reduction;
use crate::axis_maps::fourier::{self, Matrix};
use crate::lowering::lowered_maps;
use crate::operations::{SeparableMap, Together, separable_together};
use crate::prelude::*;

/// Keeps the low frequencies of each channel. [`SpectralPool::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SpectralPool {
    /// The divisor of height and width, rounding down: a real number from 1 to 64. Default 2.
    pub stride: f64,
    /// Whether a constant map keeps its value. Default true.
    pub rescale: bool,
    /// The factors on the frequencies that are kept, against ringing. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<SpectralWindow>,
}

/// Factors on the frequencies of a map, largest at frequency 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SpectralWindow {
    /// The root of a Hamming window over all frequencies of an axis: √(0.54 + 0.46·cos(2πf/h)) at frequency f of h.
    Hamming,
}

impl SpectralWindow {
    /// Returns the factor on `frequency` of a map with `size` positions.
    fn factor(self, frequency: usize, size: usize) -> f64 {
        match self {
            Self::Hamming => (0.54 + 0.46 * cos_sin_of_turn(frequency as u64, size as u64)[0]).sqrt(),
        }
    }
}

impl Default for SpectralPool {
    fn default() -> Self {
        Self { stride: 2.0, rescale: true, window: None }
    }
}

impl Settings for SpectralPool {
    const DESCRIPTION: Description = Description {
        name: "spectral_pool",
        kind: Kind::Filter,
        revision: 2,
        statement: "The Fourier transform of each channel, cut to its low frequencies and transformed back.",
        formula: "X = rfft2(x); rows [0, h'/2) and [h − h'/2, h), columns [0, floor(w'/2)] of X; y = irfft2 of them · h'w'/(hw); with `window` \
                  each frequency times its factor along both axes",
        shape: "[n, c, h', w'], h' = 2·floor(floor(h/stride)/2), w' = floor(w/stride), both at least 2",
        boundary: "circular, as the Fourier transform is",
        cost: "dense matrices: about 2·(h + w) multiplications; no weights",
        source: "Rippel, Snoek and Adams, arXiv 1506.03767; FLC pooling: Grabinski et al., arXiv 2204.00491; `window`: ASAP, Grabinski et \
                 al., arXiv 2307.09804",
        note: "The code of DiffStride leaves out the factor h'w'/(hw) (`rescale = false`), which multiplies constants by stride². \
               No aliasing, but ringing, which the window reduces. The window of ASAP's code begins and ends with the same value, so that its \
               largest lies half a frequency next to 0; here it lies on 0, and the result is real without dropping a part.",
    };

    fn examples() -> Vec<Self> {
        vec![
            Self::default(),
            Self { rescale: false, ..Self::default() },
            Self { stride: 1.5, ..Self::default() },
            Self { window: Some(SpectralWindow::Hamming), ..Self::default() },
        ]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_range("stride", self.stride, 1.0..=64.0, "from 1 to 64")
    }
}

impl Reduction for SpectralPool {
    fn properties(&self) -> Properties {
        // Without the factor the gain is h·w/(h'·w'), where the stride divides both its square.
        let gain = if self.rescale { 1.0 } else { self.stride * self.stride };
        Properties { slot_rule: None, gain: Some(gain), linear: true, ..Properties::pooling(1) }
    }

    fn window(&self, [_, height, width]: [usize; 3]) -> Window {
        // Every output depends on the whole map.
        Window { extent: height.max(width), stride: (self.stride.round() as usize).max(1) }
    }

    fn output_shape(&self, [channels, height, width]: [usize; 3]) -> Result<[usize; 3], String> {
        let [rows, columns] = kept([height, width], self.stride);
        if rows.min(columns) < 2 {
            return Err(too_few_frequencies(self.stride));
        }
        Ok([channels, rows, columns])
    }

    fn compute(&self, x: Tensor<4>, _parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        separable_together(x, self.maps([height, width]), Together::Sum, pass.engine)
    }

    fn lower(&self, graph: &mut Graph, x: Value) -> Value {
        let [_, height, width] = graph.map_shape(x);
        lowered_maps(graph, x, &self.maps([height, width]))
    }
}

impl SpectralPool {
    /// Returns the maps whose results are added for a map of this height and width.
    fn maps(&self, [height, width]: [usize; 2]) -> Vec<SeparableMap> {
        let [rows, columns] = kept([height, width], self.stride);
        let scale = if self.rescale { (rows * columns) as f64 / (height * width) as f64 } else { 1.0 };
        let [real, imaginary] = row_matrices(height, rows, scale, self.window);
        let [even, odd] = column_matrices(width, columns, self.window);
        let term = |along_rows: &Matrix, along_columns: &Matrix| {
            SeparableMap::new(along_rows.axis_map(), along_columns.axis_map())
        };
        vec![term(&real, &even), term(&imaginary, &odd)]
    }
}

/// Returns the reason why a map is too small for a division by this stride.
pub(super) fn too_few_frequencies(stride: f64) -> String {
    let least = (2.0 * stride).ceil();
    format!("fewer than 2 frequencies would be left; height and width must be at least {least}")
}

/// Returns the height and width that a division by `stride` leaves: the rows' an even number.
pub(super) fn kept([height, width]: [usize; 2], stride: f64) -> [usize; 2] {
    let divided = |size: usize| (size as f64 / stride) as usize;
    [divided(height) / 2 * 2, divided(width)]
}

/// Returns real and imaginary part of transform, truncation and inverse along the rows' axis, `[kept, size]`.
fn row_matrices(size: usize, kept: usize, scale: f64, window: Option<SpectralWindow>) -> [Matrix; 2] {
    let frequencies = fourier::row_frequencies(size, kept);
    let [fr, fi] = fourier::forward_rows(size, kept)
        .map(|matrix| windowed(matrix, window, |row| (frequencies[row].0, size)));
    let [gr, gi] = fourier::inverse_rows(size, kept);
    let combined = |a: Matrix, sign: f64, b: Matrix| fourier::sum(&a, sign, &b).scaled(scale);
    [
        combined(fourier::product(&gr, &fr), -1.0, fourier::product(&gi, &fi)),
        combined(fourier::product(&gr, &fi), 1.0, fourier::product(&gi, &fr)),
    ]
}

/// Returns the rows of a transform times the window's factors; `place` returns the frequency of a row and the size of the map.
fn windowed(
    matrix: Matrix,
    window: Option<SpectralWindow>,
    place: impl Fn(usize) -> (usize, usize),
) -> Matrix {
    match window {
        None => matrix,
        Some(window) => matrix.scaled_rows(|row| {
            let (frequency, size) = place(row);
            window.factor(frequency, size)
        }),
    }
}

/// Returns the factors of the real and the imaginary part along the columns' axis, `[kept, size]`.
fn column_matrices(size: usize, kept: usize, window: Option<SpectralWindow>) -> [Matrix; 2] {
    let [fc, fs] =
        fourier::forward_columns(size, kept).map(|matrix| windowed(matrix, window, |row| (row, size)));
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
    use crate::test_support::{assert_near, evaluated, image};

    /// Returns a wave of `frequency` along the columns of a map of 4×`width`.
    fn wave(width: usize, frequency: f64) -> Tensor<4> {
        let value = |position: usize| {
            cos(std::f64::consts::TAU * frequency * (position % width) as f64 / width as f64) as f32
        };
        image(4, width, &(0..4 * width).map(value).collect::<Vec<_>>())
    }

    #[test]
    fn low_waves_are_kept_exactly_and_high_ones_vanish() {
        let coarse = |frequency: f64| -> Vec<f64> {
            (0..8)
                .map(|position| cos(std::f64::consts::TAU * frequency * f64::from(position % 4) / 4.0))
                .collect()
        };
        assert_near(&evaluated(&SpectralPool::default(), wave(8, 1.0)), &coarse(1.0), 1e-6);
        assert_near(&evaluated(&SpectralPool::default(), wave(8, 3.0)), &[0.0; 8], 1e-6);
    }

    #[test]
    fn the_window_multiplies_a_wave_by_the_root_of_the_hamming_window_and_keeps_constants() {
        let operator = SpectralPool { window: Some(SpectralWindow::Hamming), ..SpectralPool::default() };
        // Frequency 1 of 8: the root of 0.54 + 0.46·cos(45°), by hand 0.930 198.
        let factor = 0.930_198_f64;
        let coarse: Vec<f64> = (0..8)
            .map(|position| factor * cos(std::f64::consts::TAU * f64::from(position % 4) / 4.0))
            .collect();
        assert_near(&evaluated(&operator, wave(8, 1.0)), &coarse, 1e-5);
        assert_near(&evaluated(&operator, wave(8, 0.0)), &[1.0; 8], 1e-6);
    }

    #[test]
    fn sizes_that_leave_less_than_two_frequencies_are_refused() {
        let error = SpectralPool::default().output_shape([1, 3, 8]).unwrap_err();
        assert!(error.contains("at least 4"), "{error}");
    }
}
