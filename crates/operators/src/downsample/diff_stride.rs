//! DiffStride: spectral pooling whose strides are learned.

use burn::tensor::TensorData;

use super::properties::Properties;
use super::reduction::Reduction;
use super::spectral_pool::{kept, too_few_frequencies};
use crate::axis_maps::fourier::{self, Matrix};
use crate::host::to_host;
use crate::lowering::{Binary, lowered_maps};
use crate::operations::{SeparableMap, Together, separable_together};
use crate::prelude::*;

/// Keeps the low frequencies below a learned bound. [`DiffStride::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DiffStride {
    /// The strides at the start, from 1 to 16. Default 2.
    pub stride: f64,
    /// Frequencies over which the mask falls from 1 to 0, above 0 and at most 64. Default 4.
    pub smoothness: f64,
    /// Whether the output has the size of spectral pooling at the first strides throughout, the mask falling inside it.
    /// Default false: as published, the output is larger by twice the smoothness, and changes in training.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub match_size: bool,
}

impl Default for DiffStride {
    fn default() -> Self {
        Self { stride: 2.0, smoothness: 4.0, match_size: false }
    }
}

impl Settings for DiffStride {
    const DESCRIPTION: Description = Description {
        name: "diff_stride",
        kind: Kind::Filter,
        revision: 2,
        statement: "Spectral pooling with a mask that falls smoothly to zero at a learned frequency, one for each axis.",
        formula: "y = irfft2(crop(m·rfft2 x))·h'w'/(hw); m = clip((R + h/(2S) − q)/R, 0, 1), S learned, q = 0, 1, … from both ends \
                  of the rows' axis (of an odd h |frequency|); columns likewise with w/(2S) + 1; crop keeps m > 0",
        shape: "[n, c, h', w'] with about h/S + 2R rows, at most h; with `match_size` that of `spectral_pool`",
        boundary: "circular, as the Fourier transform is",
        cost: "dense matrices: about 2·(h + w) multiplications; 2 parameters",
        source: "Riad et al., arXiv 2202.01653",
        note: "A confound in the published form: \"stride 2\" leaves 24 of 32 positions and so costs more later on; `match_size` is \
               the fair form (the mask then falls inside the kept frequencies, over at most half of them). Its code leaves out \
               the factor h'w'/(hw).",
    };

    fn examples() -> Vec<Self> {
        vec![
            Self::default(),
            Self { match_size: true, ..Self::default() },
            Self { smoothness: 1.0, ..Self::default() },
        ]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_range("stride", self.stride, 1.0..=16.0, "from 1 to 16")?;
        let range = (std::ops::Bound::Excluded(0.0), std::ops::Bound::Included(64.0));
        check_range("smoothness", self.smoothness, range, "above 0 and at most 64")
    }
}

impl Reduction for DiffStride {
    fn properties(&self) -> Properties {
        Properties { slot_rule: None, linear: true, ..Properties::pooling(1) }
    }

    fn window(&self, [_, height, width]: [usize; 3]) -> Window {
        Window { extent: height.max(width), stride: (self.stride.round() as usize).max(1) }
    }

    fn output_shape(&self, [channels, height, width]: [usize; 3]) -> Result<[usize; 3], String> {
        let [rows, columns] = [self.mask(height, Axis::Rows), self.mask(width, Axis::Columns)];
        let [rows, columns] = [rows.kept(self.stride), columns.kept(self.stride)];
        if self.match_size && rows.min(columns) < 2 {
            return Err(too_few_frequencies(self.stride));
        }
        Ok([channels, rows, columns])
    }

    fn parameters(&self, _input: [usize; 3]) -> Vec<ParameterSpec> {
        // Of rows and columns.
        vec![ParameterSpec::new("strides", [2], Start::Filled(self.stride as f32))]
    }

    fn compute(&self, x: Tensor<4>, parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        let strides = parameters.get::<1>("strides");
        let current: Vec<f64> = to_host(strides.clone());
        let Terms { masks, kept, forward, inverse: [from_real, from_imaginary] } =
            self.terms([height, width], [current[0], current[1]]);
        let [row_mask, column_mask] =
            [0, 1].map(|axis| masks[axis].values(kept[axis], strides.clone().slice(axis..axis + 1)));
        let together = |x: Tensor<4>, maps| separable_together(x, maps, Together::Sum, pass.engine);
        let scale = (kept[0] * kept[1]) as f64 / (height * width) as f64;
        let mask: Tensor<4> = (row_mask * column_mask.transpose() * scale).unsqueeze_dims(&[0, 1]);
        let [real, imaginary] = forward.map(|maps| together(x.clone(), maps) * mask.clone());
        together(real, from_real) + together(imaginary, from_imaginary)
    }

    fn lower(&self, graph: &mut Graph, x: Value) -> Value {
        let [_, height, width] = graph.map_shape(x);
        let current = graph.parameter_values("strides").to_vec();
        let terms = self.terms([height, width], [current[0], current[1]]);
        let scale = (terms.kept[0] * terms.kept[1]) as f64 / (height * width) as f64;
        let strides = graph.parameter("strides", &[2]);
        let [rows, columns] = [0, 1].map(|axis| {
            let stride = graph.slice(strides, 0, [axis, 1 - axis, 1]);
            terms.masks[axis].lower(graph, terms.kept[axis], stride)
        });
        let rows = graph.reshape(rows, &[1, 1, -1, 1]);
        let columns = graph.reshape(columns, &[1, 1, 1, -1]);
        let mask = graph.binary(Binary::Multiply, rows, columns);
        let mask = graph.with_number(Binary::Multiply, mask, scale);
        let [real, imaginary] = terms.forward.map(|maps| {
            let spectrum = lowered_maps(graph, x, &maps);
            graph.binary(Binary::Multiply, spectrum, mask)
        });
        let [from_real, from_imaginary] = terms.inverse;
        let real = lowered_maps(graph, real, &from_real);
        let imaginary = lowered_maps(graph, imaginary, &from_imaginary);
        graph.binary(Binary::Add, real, imaginary)
    }
}

/// The axis along which a mask lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Axis {
    /// Both ends of the spectrum are low frequencies.
    Rows,
    /// One-sided.
    Columns,
}

/// The mask along one axis of `size` positions: `clip((reach + size/(2S) − q)/fall, 0, 1)`.
#[derive(Clone, Copy, Debug)]
struct Mask {
    size: usize,
    axis: Axis,
    /// Frequencies beyond `size/(2S)` at which the mask reaches 0.
    reach: f64,
    fall: f64,
    /// The output height or width, where it is fixed.
    fixed: Option<usize>,
}

/// What is computed for a map of one height and width.
struct Terms {
    masks: [Mask; 2],
    /// Rows and columns that are left.
    kept: [usize; 2],
    /// Real and imaginary part of the spectrum of the map.
    forward: [Vec<SeparableMap>; 2],
    /// The map of the real and of the imaginary part.
    inverse: [Vec<SeparableMap>; 2],
}

impl DiffStride {
    /// Returns what the computation needs for a map of this height and width and these strides.
    fn terms(&self, [height, width]: [usize; 2], strides: [f64; 2]) -> Terms {
        let masks = [self.mask(height, Axis::Rows), self.mask(width, Axis::Columns)];
        let kept @ [rows, columns] = [0, 1].map(|axis| masks[axis].kept(strides[axis]));
        let [fr, fi] = fourier::forward_rows(height, rows);
        let [fc, fs] = fourier::forward_columns(width, columns);
        let [gr, gi] = fourier::inverse_rows(height, rows);
        let [gc, gs] = fourier::inverse_columns(columns);
        let map = |along_rows: &Matrix, along_columns: &Matrix| {
            SeparableMap::new(along_rows.axis_map(), along_columns.axis_map())
        };
        let minus = |matrix: &Matrix| matrix.clone().scaled(-1.0);
        // The spectrum (fr + i·fi)·x·(fc + i·fs)ᵀ, masked, and the real part of its inverse.
        let forward = [vec![map(&fr, &fc), map(&minus(&fi), &fs)], vec![map(&fr, &fs), map(&fi, &fc)]];
        let inverse = [vec![map(&gr, &gc), map(&gi, &gs)], vec![map(&gr, &gs), map(&minus(&gi), &gc)]];
        Terms { masks, kept, forward, inverse }
    }

    fn mask(&self, size: usize, axis: Axis) -> Mask {
        let offset = if axis == Axis::Columns { 1.0 } else { 0.0 };
        if !self.match_size {
            return Mask { size, axis, reach: self.smoothness + offset, fall: self.smoothness, fixed: None };
        }
        let [rows, columns] = kept([size; 2], self.stride);
        let fixed = if axis == Axis::Rows { rows } else { columns };
        Mask {
            size,
            axis,
            reach: offset,
            fall: self.smoothness.min(size as f64 / (4.0 * self.stride)),
            fixed: Some(fixed),
        }
    }
}

impl Mask {
    /// Returns the stride in use: where the published bound of size/(size − smoothness) holds, the output is not the whole map.
    fn clamped(&self, stride: f64) -> f64 {
        stride.max(self.least_stride())
    }

    fn least_stride(&self) -> f64 {
        let size = self.size as f64;
        if size > self.fall { size / (size - self.fall) } else { 1.0 }
    }

    /// Returns the number of output positions at this stride.
    fn kept(&self, stride: f64) -> usize {
        if let Some(fixed) = self.fixed {
            return fixed;
        }
        let end = self.reach + self.size as f64 / (2.0 * self.clamped(stride));
        // The number of q = 0, 1, … below `end`.
        let positions = end.ceil() as usize;
        match self.axis {
            Axis::Rows => (2 * positions - self.size % 2).min(self.size),
            Axis::Columns => (2 * (positions - 1).min(self.size / 2)).max(1),
        }
    }

    /// Returns the place q of each kept frequency, counted from the nearest end.
    fn places(&self, kept: usize) -> Vec<f64> {
        match self.axis {
            Axis::Rows => fourier::row_frequencies(self.size, kept)
                .into_iter()
                .map(|(frequency, _)| frequency.min(self.size - 1 + self.size % 2 - frequency.max(1)) as f64)
                .collect(),
            Axis::Columns => (0..=kept / 2).map(|frequency| frequency as f64).collect(),
        }
    }

    /// Lowers [`Self::values`], as a vector.
    fn lower(&self, graph: &mut Graph, kept: usize, stride: Value) -> Value {
        let places = self.places(kept);
        let clamped = graph.with_number(Binary::Maximum, stride, self.least_stride());
        let half = graph.number(self.size as f64 / 2.0);
        let half_kept = graph.binary(Binary::Divide, half, clamped);
        let end = graph.with_number(Binary::Add, half_kept, self.reach);
        let count = places.len();
        let places = graph.constant(places, &[count]);
        let distance = graph.binary(Binary::Subtract, end, places);
        let share = graph.with_number(Binary::Divide, distance, self.fall);
        let share = graph.with_number(Binary::Maximum, share, 0.0);
        graph.with_number(Binary::Minimum, share, 1.0)
    }

    /// Returns the mask's values at the kept frequencies, `[kept frequencies, 1]`.
    fn values(&self, kept: usize, stride: Tensor<1>) -> Tensor<2> {
        let places = self.places(kept);
        let shape = [places.len(), 1];
        let places: Tensor<2> =
            Tensor::from_data(TensorData::new(places, shape), (&stride.device(), stride.dtype()));
        let end = stride.clamp_min(self.least_stride()).recip() * (self.size as f64 / 2.0) + self.reach;
        ((end.reshape([1, 1]) - places) / self.fall).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_sizes_are_those_of_the_reference() {
        for (size, stride, expected) in
            [(32, 2.0, 24), (24, 2.0, 20), (20, 2.0, 18), (16, 2.0, 16), (8, 2.0, 8), (32, 3.0, 20)]
        {
            let shape = DiffStride { stride, ..DiffStride::default() }.output_shape([1, size, size]);
            assert_eq!(shape, Ok([1, expected, expected]), "{size} at {stride}");
        }
        let matched = DiffStride { match_size: true, ..DiffStride::default() };
        assert_eq!(matched.output_shape([1, 32, 24]), Ok([1, 16, 12]));
    }
}
