//! Patch merging: blocks of 2×2 cells become channels, are normalised and mixed to twice the channels.

use allconv_kernels::{Epilogue, Padding};
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::computing::divided;
use super::pixel_unshuffle::{PhaseOrder, unshuffle};
use super::promises::Promises;
use super::slot::Operator;
use super::{ComputingOperator, LearnedOperator};
use crate::card::Card;
use crate::description::DescriptionError;
use crate::ops::{ConvolutionSettings, convolution};
use crate::parameter_source::ParameterSource;
use crate::pass::Pass;
use crate::walk::Window;

/// Added to the variance of the normalisation.
const EPSILON: f64 = 1e-5;

/// Swin's reduction: unshuffle, layer normalisation, a linear map to twice the channels. [`PatchMerging::CARD`] has the
/// definition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatchMerging {}

impl Operator for PatchMerging {
    const NAME: &'static str = "patch_merging";
    const REVISION: u32 = 2;
    const CARD: Card = Card {
        statement: "Blocks of 2×2 cells become channels, are normalised over channels, and mixed to twice the channels.",
        formula: "z = the 4c values of a block in SPD order; y = W·((z − mean z)/√(var z + 1e-5)·g + b), W of 2c×4c",
        shape: "[n, 2c, ceil(h/2), ceil(w/2)]; any h, w ≥ 1",
        boundary: "odd sides get zeros below and to the right",
        cost: "4c multiply–accumulates; 8c² + 8c learned values",
        source: "Liu et al., arXiv 2103.14030 (Swin Transformer)",
        note: "No bias and no activation after the linear map, as published; the next convolution mixes again.",
    };

    fn examples() -> Vec<Self> {
        vec![Self {}]
    }

    fn promises(&self) -> Promises {
        Promises { gain: None, channel_wise: false, shifts_by_stride: true, ..Promises::pooling(2) }
    }

    fn check(&self) -> Result<(), DescriptionError> {
        Ok(())
    }
}

impl ComputingOperator for PatchMerging {
    fn output_shape(&self, input: [usize; 3]) -> Result<[usize; 3], String> {
        let [channels, height, width] = divided(input, 2);
        Ok([2 * channels, height, width])
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: 2, stride: 2 }
    }

    fn parameters(&self, [channels, _, _]: [usize; 3]) -> u64 {
        (8 * channels * channels + 8 * channels) as u64
    }

    fn macs(&self, input: [usize; 3]) -> u64 {
        let [channels, height, width] = divided(input, 2);
        (8 * channels * channels * height * width) as u64
    }
}

impl LearnedOperator for PatchMerging {
    type Module = PatchMergingModule;

    fn module(&self, [channels, _, _]: [usize; 3], source: &ParameterSource<'_>) -> Self::Module {
        PatchMergingModule {
            norm_weight: source.filled([4 * channels], 1.0),
            norm_bias: source.filled([4 * channels], 0.0),
            reduction: source.drawn("reduction", [2 * channels, 4 * channels]),
        }
    }
}

/// [`PatchMerging`] with its parameters.
#[derive(Module, Debug)]
pub struct PatchMergingModule {
    norm_weight: Param<Tensor<1>>,
    norm_bias: Param<Tensor<1>>,
    reduction: Param<Tensor<2>>,
}

impl PatchMergingModule {
    /// `[n, c, h, w]` to `[n, 2c, ceil(h/2), ceil(w/2)]`.
    pub fn forward(&self, x: Tensor<4>, pass: &Pass<'_>) -> Tensor<4> {
        let z = in_order(unshuffle(x, 2, PhaseOrder::Spd));
        let centred = z.clone() - z.mean_dim(1);
        let variance = centred.clone().square().mean_dim(1);
        let [outputs, inputs] = self.reduction.val().dims();
        let along_channels = |values: Tensor<1>| values.reshape([1, inputs, 1, 1]);
        let normalised = centred / (variance + EPSILON).sqrt() * along_channels(self.norm_weight.val())
            + along_channels(self.norm_bias.val());
        let bias = Tensor::zeros([outputs], (&normalised.device(), normalised.dtype()));
        let settings = ConvolutionSettings {
            stride: [1; 2],
            padding: Padding::NONE,
            dilation: [1; 2],
            groups: 1,
            epilogue: Epilogue::IDENTITY,
        };
        convolution(
            in_order(normalised),
            self.reduction.val().reshape([outputs, inputs, 1, 1]),
            bias,
            settings,
            pass.engine,
        )
    }
}

/// The same map, its elements in the order of its axes, and so its gradient on the way back: the sums over channels between two such
/// places would reorder them for themselves each time.
fn in_order(x: Tensor<4>) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    // Channels and rows make one axis in no other order.
    x.reshape([batch, channels * height, width]).reshape([batch, channels, height, width])
}
