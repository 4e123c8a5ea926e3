//! Local importance-based pooling (LIP): each window weighted by the exponential of a learned score.

use allconv_kernels::{Activation, Epilogue, Padding};
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;
use serde::{Deserialize, Serialize};

use super::computing::divided;
use super::promises::{Promises, SLOT_SHAPE};
use super::settings::{check_cells, three, two};
use super::slot::Operator;
use super::{ComputingOperator, LearnedOperator};
use crate::card::Card;
use crate::description::DescriptionError;
use crate::ops::{ConvolutionSettings, Divisor, PoolBorder, PoolWindow, average_pool, convolution};
use crate::parameter_source::ParameterSource;
use crate::pass::Pass;
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
    const REVISION: u32 = 1;
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
        let LocalImportancePool { kernel, stride, .. } = self.config;
        let window = PoolWindow { border: PoolBorder::Centred, ..PoolWindow::cut_off(kernel, stride) };
        let weights = self.scores(x.clone(), pass).exp();
        // The cells left out at the edges cancel in the quotient of the two means.
        let mean = |values| average_pool(values, window, Divisor::Cells, pass.engine);
        mean(x * weights.clone()) / mean(weights)
    }

    /// The scores, in the shape of `x`.
    fn scores(&self, x: Tensor<4>, pass: &Pass<'_>) -> Tensor<4> {
        let mut z = x;
        for (index, weight) in self.gate.iter().enumerate() {
            let [outputs, _, side, _] = weight.val().dims();
            let last = index + 1 == self.gate.len();
            let activation = if last { Activation::Identity } else { Activation::Relu };
            let settings = ConvolutionSettings {
                stride: [1; 2],
                padding: Padding::same(side / 2),
                dilation: [1; 2],
                groups: 1,
                epilogue: Epilogue { activation, dropout: None },
            };
            let bias = Tensor::zeros([outputs], (&z.device(), z.dtype()));
            z = convolution(z, weight.val(), bias, settings, pass.engine);
        }
        let [_, channels, _, _] = z.dims();
        let centred = z.clone() - z.mean_dims(&[2, 3]);
        let variance = centred.clone().square().mean_dims(&[2, 3]);
        let along_channels = |values: Tensor<1>| values.reshape([1, channels, 1, 1]);
        let normalised = centred / (variance + EPSILON).sqrt() * along_channels(self.norm_weight.val())
            + along_channels(self.norm_bias.val());
        sigmoid(normalised) * LARGEST_SCORE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::downsample::AveragePool;
    use crate::tests::{assert_near, evaluated, evaluated_learned, grid};

    #[test]
    fn training_starts_from_average_pooling() {
        let average = AveragePool { padding: Some(1), ..AveragePool::plain(3, 2) };
        let expected: Vec<f64> = evaluated(&average, grid(5, 4)).into_iter().map(f64::from).collect();
        assert_near(&evaluated_learned(&LocalImportancePool::default(), grid(5, 4)), &expected, 1e-5);
    }
}
