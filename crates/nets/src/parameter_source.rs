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
        let path = format!("{}.{name}", self.path);
        self.parameter(TensorData::new(self.initialisation.weights(self.seed, &path, &shape), shape))
    }

    /// A parameter that starts at `value` throughout.
    pub fn filled<const D: usize>(&self, shape: [usize; D], value: f32) -> Param<Tensor<D>> {
        self.parameter(TensorData::new(vec![value; shape.iter().product()], shape))
    }

    fn parameter<const D: usize>(&self, data: TensorData) -> Param<Tensor<D>> {
        let value = Tensor::from_data(data, self.device);
        let value = if self.device.is_autodiff() { value.require_grad() } else { value };
        Param::initialized(ParamId::new(), value)
    }
}
