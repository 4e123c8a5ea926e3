//! Local importance-based pooling (LIP): each window weighted by the exponential of a learned score.

use allconv_kernels::{Activation, Elementwise, Engine, Epilogue, Padding};

use super::properties::{Properties, SLOT_SHAPE};
use super::reduction::Reduction;
use crate::lowering::{Binary, Unary};
use crate::operations::{
    ConvolutionSettings, Divisor, PoolBorder, PoolWindow, average_pool, channels_first, channels_last,
    convolution, elementwise, rectifier,
};
use crate::prelude::*;
use crate::signal_rules::ReluRule;

/// The largest score.
const LARGEST_SCORE: f64 = 12.0;

/// Added to the variance of the normalisation.
const EPSILON: f64 = 1e-5;

/// Channels inside the bottleneck gate.
const BOTTLENECK: usize = 128;

/// The mean of each window weighted by learned importance. [`LocalImportancePool::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LocalImportancePool {
    /// Height and width of the window, 1 to 64. Default 3.
    pub kernel: usize,
    /// Positions between windows, 1 to 64. Default 2.
    pub stride: usize,
    /// The net that scores the elements. Default: one convolution.
    pub gate: ImportanceGate,
}

/// The net that scores elements, before instance normalisation and a sigmoid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
        Self { kernel: 3, stride: 2, gate: ImportanceGate::default() }
    }
}

impl Settings for LocalImportancePool {
    const DESCRIPTION: Description = Description {
        name: "local_importance_pool",
        kind: Kind::Pooling,
        revision: 3,
        statement: "The mean of each window, its elements weighted by the exponential of a learned score.",
        formula: "y = Σ x·e^s / Σ e^s over the window, s = 12/(1 + e^(−z)), z = instance norm of the gate's output G(x)",
        shape: SLOT_SHAPE,
        boundary: "windows are centred; positions beyond the map are left out; the gate reads zeros there",
        cost: "the gate: 9c (simplified) multiply–accumulates for each input position, 9c² + 2c parameters; 2·kernel² additions",
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

    fn check(&self) -> Result<(), OutOfRange> {
        check_window(self.kernel, self.stride)
    }
}

impl Reduction for LocalImportancePool {
    fn properties(&self) -> Properties {
        Properties { channel_wise: false, ..Properties::pooling(self.stride) }
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: self.kernel + 2, stride: self.stride }
    }

    fn parameters(&self, [channels, _, _]: [usize; 3]) -> Vec<ParameterSpec> {
        let weight = |(index, shape)| ParameterSpec::new(gate_weight(index), shape, Start::Drawn);
        let norm = |name| ParameterSpec::new(name, [channels], Start::Filled(0.0));
        let weights = self.gate.shapes(channels).into_iter().enumerate().map(weight);
        weights.chain(["norm_weight", "norm_bias"].map(norm)).collect()
    }

    fn macs(&self, [channels, height, width]: [usize; 3]) -> u64 {
        let shapes = self.gate.shapes(channels);
        let weights: usize = shapes.iter().map(|shape| shape.iter().product::<usize>()).sum();
        (weights * height * width) as u64
    }

    fn compute(&self, x: Tensor<4>, parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4> {
        let z = self.gated(x.clone(), parameters, pass);
        self.weighted(x, z, parameters, pass)
    }

    fn lower(&self, graph: &mut Graph, x: Value) -> Value {
        let channels = graph.map_shape(x)[0];
        let shapes = self.gate.shapes(channels);
        let mut z = x;
        for (index, shape) in shapes.iter().enumerate() {
            let weight = graph.parameter(&gate_weight(index), shape);
            z = graph.convolution(&[z, weight], [1; 2], [shape[2] / 2; 4], [1; 2], 1);
            if index + 1 < shapes.len() {
                z = graph.unary(Unary::Relu, z);
            }
        }
        let shifted = graph.normalised(z, &[2, 3], EPSILON);
        let score = graph.unary(Unary::Sigmoid, shifted);
        let score = graph.with_number(Binary::Multiply, score, LARGEST_SCORE);
        let weights = graph.unary(Unary::Exp, score);
        let window =
            PoolWindow { border: PoolBorder::Centred, ..PoolWindow::cut_off(self.kernel, self.stride) };
        let weighted = graph.binary(Binary::Multiply, x, weights);
        let [sum, divisor] =
            [weighted, weights].map(|values| graph.window_mean(values, window, Divisor::Elements));
        graph.binary(Binary::Divide, sum, divisor)
    }
}

impl ImportanceGate {
    /// Returns the shapes of its convolutions' weights, in order.
    fn shapes(self, channels: usize) -> Vec<[usize; 4]> {
        let inner = channels.min(BOTTLENECK);
        match self {
            Self::Simplified => vec![[channels, channels, 3, 3]],
            Self::Bottleneck => vec![[inner, channels, 1, 1], [inner, inner, 3, 3], [channels, inner, 1, 1]],
        }
    }
}

/// Returns the name of the weight of the gate's convolution number `index`, which has no bias.
fn gate_weight(index: usize) -> String {
    format!("gate.{index}")
}

impl LocalImportancePool {
    /// Returns the mean of `x` by the scores that follow from the gate's output `z`.
    fn weighted(&self, x: Tensor<4>, z: Tensor<4>, parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4> {
        let cut_off = PoolWindow::cut_off(self.kernel, self.stride);
        let window = PoolWindow { border: PoolBorder::Centred, ..cut_off };
        let weights = elementwise(Elementwise::Exponential, scores(z, parameters, pass.engine), pass.engine);
        let x = channels_last(x);
        // The positions left out at the edges cancel in the quotient of the two means.
        let mean = |values| average_pool(channels_first(values), window, Divisor::Elements, pass.engine);
        mean(x * weights.clone()) / mean(weights)
    }

    /// Returns the gate's output, in the shape of `x`.
    fn gated(&self, x: Tensor<4>, parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4> {
        let convolutions = self.gate.shapes(x.dims()[1]).len();
        let mut z = x;
        for index in 0..convolutions {
            let weight = parameters.get::<4>(&gate_weight(index));
            let [outputs, _, kernel, _] = weight.dims();
            let last = index + 1 == convolutions;
            let fused = pass.rules.relu == ReluRule::Backpropagation && !last;
            let activation = if fused { Activation::Relu } else { Activation::Identity };
            let settings = ConvolutionSettings {
                padding: Padding::same(kernel / 2),
                epilogue: Epilogue { activation, dropout: None },
                ..ConvolutionSettings::PLAIN
            };
            let bias = Tensor::zeros([outputs], (&z.device(), z.dtype()));
            z = convolution(z, weight, bias, settings, pass.engine);
            if !fused && !last {
                z = rectifier(z, 0.0, pass.rules.relu);
            }
        }
        z
    }
}

/// Returns the scores for the gate's output `z`, `[n, h, w, c]`: in the memory order of maps, for speed.
fn scores(z: Tensor<4>, parameters: &Parameters, engine: &Engine) -> Tensor<4> {
    let z = channels_last(z);
    let [_, _, _, channels] = z.dims();
    let centred = z.clone() - z.mean_dims(&[1, 2]);
    let variance = centred.clone().square().mean_dims(&[1, 2]);
    let along_channels = |name| parameters.get::<1>(name).reshape([1, 1, 1, channels]);
    let normalised =
        centred / (variance + EPSILON).sqrt() * along_channels("norm_weight") + along_channels("norm_bias");
    elementwise(Elementwise::Logistic, normalised, engine) * LARGEST_SCORE
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    use crate::downsample::{AveragePool, Reducer};
    use crate::parameters::{in_double_precision, replaced};
    use crate::signal_rules::SignalRules;
    use crate::test_support::{assert_near, evaluated, grid, noise_tensor, source, values};

    /// Compares guided backpropagation through both rectifiers of the bottleneck, one segment between rectifiers at a time.
    #[test]
    fn no_rectifier_of_the_gate_escapes_the_rule() {
        let device = Device::flex().autodiff();
        let config =
            LocalImportancePool { gate: ImportanceGate::Bottleneck, ..LocalImportancePool::default() };
        let layer = in_double_precision(Reducer::from(config.clone()).layer([3, 6, 6], &source(&device)));
        // At its start the normalisation is 0, and no signal reaches the gate.
        let layer = replaced(layer, |path, values| {
            if path == "norm_weight" {
                values.iter_mut().for_each(|weight| *weight += 0.7);
            }
        });
        let parameters = layer.parameters();
        let engine = Engine::detect();
        let pass = Pass { rules: SignalRules::of_relu(ReluRule::Guided), ..Pass::evaluate(&engine) };
        let x = noise_tensor(1, [2, 3, 6, 6], &device).require_grad();
        let signal = noise_tensor(2, [2, 3, 3, 3], &device);
        let gradients = (layer.forward(x.clone(), &pass) * signal.clone()).sum().backward();
        let found = values(x.grad(&gradients).unwrap());

        let plain = Pass::evaluate(&engine);
        let leaf = |tensor: &Tensor<4>| tensor.clone().detach().require_grad();
        let segment = |index: usize, input: Tensor<4>| {
            let weight = parameters.get::<4>(&gate_weight(index)).detach();
            let [outputs, _, kernel, _] = weight.dims();
            let settings =
                ConvolutionSettings { padding: Padding::same(kernel / 2), ..ConvolutionSettings::PLAIN };
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
        // A graph serves one backward pass: each segment starts from leaves of its own.
        let (direct, constant) = (leaf(&x), leaf(&last).detach());
        let of_direct =
            below(config.weighted(direct.clone(), constant, parameters, &plain), &signal, &direct);
        let (constant, gate) = (x.clone().detach(), leaf(&last));
        let of_last = below(config.weighted(constant, gate.clone(), parameters, &plain), &signal, &gate);
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
        assert_near(&evaluated(&LocalImportancePool::default(), grid(5, 4)), &expected, 1e-5);
    }
}
