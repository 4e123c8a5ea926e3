//! Local importance-based pooling (LIP): each window weighted by the exponential of a learned score.

use allconv_kernels::{Activation, Elementwise, Engine, Epilogue, Padding};
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::computing::divided;
use super::promises::{Promises, SLOT_SHAPE};
use super::settings::{check_cells, three, two};
use super::slot::Operator;
use super::{ComputingOperator, LearnedOperator};
use crate::card::Card;
use crate::description::DescriptionError;
use crate::ops::{
    ConvolutionSettings, Divisor, PoolBorder, PoolWindow, average_pool, channels_first, channels_last,
    convolution, elementwise, rectifier,
};
use crate::parameter_source::ParameterSource;
use crate::pass::Pass;
use crate::signal_rules::ReluRule;
use crate::walk::Window;

/// The largest score.
const LARGEST_SCORE: f64 = 12.0;
/// Added to the variance of the normalisation.
const EPSILON: f64 = 1e-5;
/// Channels inside the bottleneck gate.
const BOTTLENECK: usize = 128;

/// The mean of each window weighted by learned importance. [`LocalImportancePool::CARD`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalImportancePool {
    /// Side of the window in cells, 1 to 64. Default 3.
    #[serde(default = "three")]
    pub kernel: usize,
    /// Cells between windows, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub stride: usize,
    /// What scores the cells. Default: one convolution.
    #[serde(default)]
    pub gate: ImportanceGate,
}

/// The net that scores cells, before instance normalisation and a sigmoid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportanceGate {
    /// A 3×3 convolution.
    #[default]
    Simplified,
    /// 1×1 to at most 128 channels, 3×3, 1×1 back, with ReLUs between.
    Bottleneck,
}

impl Default for LocalImportancePool {
    fn default() -> Self {
        Self { kernel: three(), stride: two(), gate: ImportanceGate::default() }
    }
}

impl Operator for LocalImportancePool {
    const NAME: &'static str = "local_importance_pool";
    const REVISION: u32 = 3;
    const CARD: Card = Card {
        statement: "The mean of each window, its cells weighted by the exponential of a learned score.",
        formula: "y = Σ x·e^s / Σ e^s over the window, s = 12/(1 + e^(−z)), z = instance norm of the gate's output G(x)",
        shape: SLOT_SHAPE,
        boundary: "windows are centred; cells beyond the map are left out; the gate reads zeros there",
        cost: "the gate: 9c (simplified) multiply–accumulates for each input cell, 9c² + 2c learned values; 2·kernel² additions",
        source: "Gao, Wang and Wu, arXiv 1908.04156",
        note: "The normalisation starts at 0, so that training starts from average pooling. With s = x it is `soft_pool`.",
    };

    fn examples() -> Vec<Self> {
        vec![
            Self::default(),
            Self { kernel: 2, ..Self::default() },
            Self { gate: ImportanceGate::Bottleneck, ..Self::default() },
        ]
    }

    fn promises(&self) -> Promises {
        Promises { channel_wise: false, ..Promises::pooling(self.stride) }
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_cells(Self::NAME, "kernel", self.kernel)?;
        check_cells(Self::NAME, "stride", self.stride)
    }
}

impl ComputingOperator for LocalImportancePool {
    fn output_shape(&self, input: [usize; 3]) -> Result<[usize; 3], String> {
        Ok(divided(input, self.stride))
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: self.kernel + 2, stride: self.stride }
    }

    fn parameters(&self, [channels, _, _]: [usize; 3]) -> u64 {
        let shapes = self.gate.shapes(channels);
        let weights: usize = shapes.iter().map(|shape| shape.iter().product::<usize>()).sum();
        (weights + 2 * channels) as u64
    }

    fn macs(&self, [channels, height, width]: [usize; 3]) -> u64 {
        let shapes = self.gate.shapes(channels);
        let weights: usize = shapes.iter().map(|shape| shape.iter().product::<usize>()).sum();
        (weights * height * width) as u64
    }
}

impl ImportanceGate {
    /// The shapes of its convolutions' weights, in order.
    fn shapes(self, channels: usize) -> Vec<[usize; 4]> {
        let inner = channels.min(BOTTLENECK);
        match self {
            Self::Simplified => vec![[channels, channels, 3, 3]],
            Self::Bottleneck => vec![[inner, channels, 1, 1], [inner, inner, 3, 3], [channels, inner, 1, 1]],
        }
    }
}

impl LearnedOperator for LocalImportancePool {
    type Module = LocalImportancePoolModule;

    fn module(&self, [channels, _, _]: [usize; 3], source: &ParameterSource<'_>) -> Self::Module {
        let weight = |(index, shape): (usize, [usize; 4])| source.drawn(&format!("gate.{index}"), shape);
        LocalImportancePoolModule {
            gate: self.gate.shapes(channels).into_iter().enumerate().map(weight).collect(),
            norm_weight: source.filled([channels], 0.0),
            norm_bias: source.filled([channels], 0.0),
            config: self.clone(),
        }
    }
}

/// [`LocalImportancePool`] with its parameters.
#[derive(Module, Debug)]
pub struct LocalImportancePoolModule {
    /// The weights of the gate's convolutions, which have no bias.
    gate: Vec<Param<Tensor<4>>>,
    norm_weight: Param<Tensor<1>>,
    norm_bias: Param<Tensor<1>>,
    #[module(skip)]
    config: LocalImportancePool,
}

impl LocalImportancePoolModule {
    /// `[n, c, h, w]` to `[n, c, ceil(h/stride), ceil(w/stride)]`.
    pub fn forward(&self, x: Tensor<4>, pass: &Pass<'_>) -> Tensor<4> {
        let z = self.gated(x.clone(), pass);
        self.weighted(x, z, pass)
    }

    /// The mean of `x` by the scores that follow from the gate's output `z`.
    fn weighted(&self, x: Tensor<4>, z: Tensor<4>, pass: &Pass<'_>) -> Tensor<4> {
        let LocalImportancePool { kernel, stride, .. } = self.config;
        let window = PoolWindow { border: PoolBorder::Centred, ..PoolWindow::cut_off(kernel, stride) };
        let weights = elementwise(Elementwise::Exponential, self.scores(z, pass.engine), pass.engine);
        let x = channels_last(x);
        // The cells left out at the edges cancel in the quotient of the two means.
        let mean = |values| average_pool(channels_first(values), window, Divisor::Cells, pass.engine);
        mean(x * weights.clone()) / mean(weights)
    }

    /// The gate's output, in the shape of `x`.
    fn gated(&self, x: Tensor<4>, pass: &Pass<'_>) -> Tensor<4> {
        let mut z = x;
        for (index, weight) in self.gate.iter().enumerate() {
            let [outputs, _, side, _] = weight.val().dims();
            let last = index + 1 == self.gate.len();
            let fused = pass.rules.relu == ReluRule::Backpropagation && !last;
            let activation = if fused { Activation::Relu } else { Activation::Identity };
            let settings = ConvolutionSettings {
                stride: [1; 2],
                padding: Padding::same(side / 2),
                dilation: [1; 2],
                groups: 1,
                epilogue: Epilogue { activation, dropout: None },
            };
            let bias = Tensor::zeros([outputs], (&z.device(), z.dtype()));
            z = convolution(z, weight.val(), bias, settings, pass.engine);
            if !fused && !last {
                z = rectifier(z, 0.0, pass.rules.relu);
            }
        }
        z
    }

    /// The scores for the gate's output `z`, `[n, h, w, c]`: in the order in which maps lie, for speed.
    fn scores(&self, z: Tensor<4>, engine: &Engine) -> Tensor<4> {
        let z = channels_last(z);
        let [_, _, _, channels] = z.dims();
        let centred = z.clone() - z.mean_dims(&[1, 2]);
        let variance = centred.clone().square().mean_dims(&[1, 2]);
        let along_channels = |values: Tensor<1>| values.reshape([1, 1, 1, channels]);
        let normalised = centred / (variance + EPSILON).sqrt() * along_channels(self.norm_weight.val())
            + along_channels(self.norm_bias.val());
        elementwise(Elementwise::Logistic, normalised, engine) * LARGEST_SCORE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::downsample::AveragePool;
    use burn::tensor::{Device, TensorData};

    use crate::initialise::Initialisation;
    use crate::parameters::in_double_precision;
    use crate::signal_rules::SignalRules;
    use crate::tests::{assert_near, evaluated, evaluated_learned, grid, noise_tensor, values};

    /// Guided backpropagation through both rectifiers of the bottleneck, one segment between rectifiers at a time.
    #[test]
    fn no_rectifier_of_the_gate_escapes_the_rule() {
        let device = Device::flex().autodiff();
        let config =
            LocalImportancePool { gate: ImportanceGate::Bottleneck, ..LocalImportancePool::default() };
        let source = ParameterSource {
            initialisation: Initialisation::He,
            seed: 4,
            path: "features.0".to_owned(),
            device: &device,
        };
        let mut module = in_double_precision(config.module([3, 6, 6], &source));
        // At its start the normalisation is 0, and no signal reaches the gate.
        module.norm_weight = module.norm_weight.map(|weight| (weight + 0.7).detach());
        let engine = Engine::detect();
        let pass = Pass { rules: SignalRules::of_relu(ReluRule::Guided), ..Pass::evaluate(&engine) };
        let x = noise_tensor(1, [2, 3, 6, 6], &device).require_grad();
        let signal = noise_tensor(2, [2, 3, 3, 3], &device);
        let gradients = (module.forward(x.clone(), &pass) * signal.clone()).sum().backward();
        let found = values(x.grad(&gradients).unwrap());

        let plain = Pass::evaluate(&engine);
        let leaf = |tensor: &Tensor<4>| tensor.clone().detach().require_grad();
        let segment = |index: usize, input: Tensor<4>| {
            let weight = module.gate[index].val();
            let [outputs, _, side, _] = weight.dims();
            let settings = ConvolutionSettings {
                stride: [1; 2],
                padding: Padding::same(side / 2),
                dilation: [1; 2],
                groups: 1,
                epilogue: Epilogue::IDENTITY,
            };
            let bias = Tensor::zeros([outputs], (&input.device(), input.dtype()));
            convolution(input, weight, bias, settings, &engine)
        };
        let positive = |z: &Tensor<4>| {
            let on = z.clone().detach().greater_elem(0.0).float().cast(z.dtype());
            Tensor::<4>::from_data(
                TensorData::new(values(on).iter().map(|v| f64::from(*v)).collect(), z.dims()),
                (&device, z.dtype()),
            )
        };
        let below = |y: Tensor<4>, signal: &Tensor<4>, input: &Tensor<4>| {
            Tensor::<4>::from_data(
                input.grad(&(y * signal.clone()).sum().backward()).unwrap().into_data(),
                (&device, input.dtype()),
            )
        };
        let first = segment(0, x.clone());
        let first_on = leaf(&(first.clone() * positive(&first)));
        let second = segment(1, first_on.clone());
        let second_on = leaf(&(second.clone() * positive(&second)));
        let last = segment(2, second_on.clone());
        // A tape is used up by one way back: each begins at leaves of its own.
        let (direct, constant) = (leaf(&x), leaf(&last).detach());
        let of_direct = below(module.weighted(direct.clone(), constant, &plain), &signal, &direct);
        let (constant, gate) = (x.clone().detach(), leaf(&last));
        let of_last = below(module.weighted(constant, gate.clone(), &plain), &signal, &gate);
        let second_on = leaf(&second_on);
        let of_second_on = below(segment(2, second_on.clone()), &of_last, &second_on);
        let of_second = of_second_on.clone() * positive(&of_second_on) * positive(&second);
        let first_on = leaf(&first_on);
        let of_first_on = below(segment(1, first_on.clone()), &of_second, &first_on);
        let of_first = of_first_on.clone() * positive(&of_first_on) * positive(&first);
        let start = leaf(&x);
        let expected = below(segment(0, start.clone()), &of_first, &start) + of_direct.clone();
        let expected: Vec<f64> = values(expected).into_iter().map(f64::from).collect();
        assert_near(&found, &expected, 1e-5);
        assert_ne!(values(of_direct), found, "the gate must matter");
    }

    #[test]
    fn training_starts_from_average_pooling() {
        let average = AveragePool { padding: Some(1), ..AveragePool::plain(3, 2) };
        let expected: Vec<f64> = evaluated(&average, grid(5, 4)).into_iter().map(f64::from).collect();
        assert_near(&evaluated_learned(&LocalImportancePool::default(), grid(5, 4)), &expected, 1e-5);
    }
}
