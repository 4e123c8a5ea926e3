//! Where the modules of a network get their first parameters from.

use burn::module::{Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};

use crate::initialise::Initialisation;

/// Initial parameters of one stage: each a function of the run's seed and its own path.
#[derive(Clone, Debug)]
pub struct ParameterSource<'a> {
    /// How weights start.
    pub initialisation: Initialisation,
    /// The run's seed.
    pub seed: u64,
    /// Path of the stage: `features.N`.
    pub path: String,
    /// Where parameters live. With autodiff they keep their gradients.
    pub device: &'a Device,
}

impl ParameterSource<'_> {
    /// The weight `path.name` of shape `[out, in, …]`, drawn by the net's initialisation.
    pub fn drawn<const D: usize>(&self, name: &str, shape: [usize; D]) -> Param<Tensor<D>> {
        self.drawn_scaled(name, shape, 1.0)
    }

    /// [`Self::drawn`], times `factor`.
    pub(crate) fn drawn_scaled<const D: usize>(
        &self,
        name: &str,
        shape: [usize; D],
        factor: f32,
    ) -> Param<Tensor<D>> {
        let path = format!("{}.{name}", self.path);
        let drawn = self.initialisation.weights(self.seed, &path, &shape);
        let values: Vec<f32> = drawn.into_iter().map(|value| value * factor).collect();
        self.parameter(TensorData::new(values, shape))
    }

    /// The weight `path.name` of a transposed convolution of this stride, `[in, out, rows, columns]`, drawn by the net's
    /// initialisation. One output sums over `in · rows · columns / stride²` values on average.
    pub(crate) fn drawn_transposed(&self, name: &str, shape: [usize; 4], stride: usize) -> Param<Tensor<4>> {
        let path = format!("{}.{name}", self.path);
        let [channels_in, channels_out, rows, columns] = shape;
        let fan_in = (channels_in * rows * columns) as f64 / (stride * stride) as f64;
        let fan_out = (channels_out * rows * columns) as f64;
        let count = shape.iter().product();
        let values = self.initialisation.weights_of_fans(self.seed, &path, count, [fan_in, fan_out]);
        self.parameter(TensorData::new(values, shape))
    }

    /// The weight `path.name` of a convolution, `[origins.len(), in, rows, columns]`: output `o` starts as output
    /// `origins[o]` of a weight drawn by the net's initialisation.
    pub(crate) fn drawn_repeated(
        &self,
        name: &str,
        [channels_in, rows, columns]: [usize; 3],
        origins: &[usize],
    ) -> Param<Tensor<4>> {
        let path = format!("{}.{name}", self.path);
        let distinct = origins.iter().max().map_or(0, |last| last + 1);
        let drawn = self.initialisation.weights(self.seed, &path, &[distinct, channels_in, rows, columns]);
        let each = channels_in * rows * columns;
        let values = origins.iter().flat_map(|&origin| &drawn[origin * each..][..each]).copied().collect();
        self.parameter(TensorData::new(values, [origins.len(), channels_in, rows, columns]))
    }

    /// A parameter that starts at `value` throughout.
    pub fn filled<const D: usize>(&self, shape: [usize; D], value: f32) -> Param<Tensor<D>> {
        self.parameter(TensorData::new(vec![value; shape.iter().product()], shape))
    }

    /// A value without a gradient that belongs to the network's state; it starts at `value` throughout.
    pub fn buffer<const D: usize>(&self, shape: [usize; D], value: f32) -> Param<Tensor<D>> {
        let data = TensorData::new(vec![value; shape.iter().product()], shape);
        Param::initialized(ParamId::new(), Tensor::from_data(data, self.device))
    }

    fn parameter<const D: usize>(&self, data: TensorData) -> Param<Tensor<D>> {
        let value = Tensor::from_data(data, self.device);
        let value = if self.device.is_autodiff() { value.require_grad() } else { value };
        Param::initialized(ParamId::new(), value)
    }
}
