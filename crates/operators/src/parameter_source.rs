//! The parameters of an operator and their initial values.

use burn::module::{Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};

use crate::initialise::Initialisation;

/// A parameter that an operator has.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterSpec {
    /// Its name within the operator.
    pub name: String,
    /// Its sizes, one to four of them.
    pub shape: Vec<usize>,
    /// Its initial values.
    pub start: Start,
}

impl ParameterSpec {
    /// Creates a parameter of this name and shape.
    pub fn new(name: impl Into<String>, shape: impl Into<Vec<usize>>, start: Start) -> Self {
        Self { name: name.into(), shape: shape.into(), start }
    }

    /// Returns the number of values of all of these parameters.
    pub fn count(specs: &[Self]) -> u64 {
        specs.iter().map(|spec| spec.shape.iter().product::<usize>() as u64).sum()
    }
}

/// The initial values of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Start {
    /// This value throughout.
    Filled(f32),
    /// Drawn by the net's initialisation, for a shape `[out, in, …]`.
    Drawn,
    /// This many times the values that the net's initialisation draws.
    Scaled(f32),
    /// Drawn for a transposed convolution of this stride, `[in, out, rows, columns]`: one output sums over
    /// `in · rows · columns / stride²` values on average.
    DrawnTransposed {
        /// The stride.
        stride: usize,
    },
    /// Drawn for one in so many outputs of a convolution `[out, in, rows, columns]`, each then repeated for the outputs next to it.
    DrawnEachRepeated(usize),
    /// Drawn for one in so many outputs of a convolution `[out, in, rows, columns]`, all of which are then repeated in turn.
    DrawnAllRepeated(usize),
}

/// The initial values of the parameters of one stage, each a function of the run's seed and its own path.
#[derive(Clone, Debug)]
pub struct ParameterSource<'a> {
    /// The initialisation of weights.
    pub initialisation: Initialisation,
    /// The run's seed.
    pub seed: u64,
    /// Path of the stage: `features.N`.
    pub path: String,
    /// The device of the parameters. With autodiff they keep their gradients.
    pub device: &'a Device,
}

impl ParameterSource<'_> {
    /// Creates the parameter `path.name`.
    pub fn parameter<const D: usize>(&self, name: &str, shape: [usize; D], start: Start) -> Param<Tensor<D>> {
        let value = Tensor::from_data(TensorData::new(self.values(name, &shape, start), shape), self.device);
        let value = if self.device.is_autodiff() { value.require_grad() } else { value };
        Param::initialized(ParamId::new(), value)
    }

    /// Creates a value without a gradient that belongs to the network's state, filled with `value`.
    pub fn buffer<const D: usize>(&self, shape: [usize; D], value: f32) -> Param<Tensor<D>> {
        let data = TensorData::new(vec![value; shape.iter().product()], shape);
        Param::initialized(ParamId::new(), Tensor::from_data(data, self.device))
    }

    fn values(&self, name: &str, shape: &[usize], start: Start) -> Vec<f32> {
        let count = shape.iter().product();
        let path = format!("{}.{name}", self.path);
        let drawn = |shape: &[usize]| self.initialisation.weights(self.seed, &path, shape);
        // The weights of the outputs that are drawn, and the number of values of each.
        let distinct = |times: usize| {
            let shape = [&[shape[0] / times], &shape[1..]].concat();
            (drawn(&shape), shape[1..].iter().product::<usize>())
        };
        match start {
            Start::Filled(value) => vec![value; count],
            Start::Drawn => drawn(shape),
            Start::Scaled(factor) => drawn(shape).into_iter().map(|value| value * factor).collect(),
            Start::DrawnTransposed { stride } => {
                let (inputs, outputs, taps) = (shape[0], shape[1], shape[2..].iter().product::<usize>());
                let fan_in = (inputs * taps) as f64 / (stride * stride) as f64;
                let fans = [fan_in, (outputs * taps) as f64];
                self.initialisation.weights_of_fans(self.seed, &path, count, fans)
            }
            Start::DrawnEachRepeated(times) => {
                let (weights, each) = distinct(times);
                weights.chunks(each).flat_map(|output| output.repeat(times)).collect()
            }
            Start::DrawnAllRepeated(times) => distinct(times).0.repeat(times),
        }
    }
}
