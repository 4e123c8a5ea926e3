//! Patch merging: blocks of 2×2 positions become channels, are normalised and mixed to twice the channels.

use super::pixel_unshuffle::{PhaseOrder, PixelUnshuffle};
use super::properties::Properties;
use super::reduction::Reduction;
use crate::operations::{ConvolutionSettings, blocks_to_channels, convolution};
use crate::prelude::*;

/// Added to the variance of the normalisation.
const EPSILON: f64 = 1e-5;

/// Swin's reduction: unshuffle, layer normalisation, a linear map to twice the channels. [`PatchMerging::DESCRIPTION`] has the
/// definition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PatchMerging {}

impl Settings for PatchMerging {
    const DESCRIPTION: Description = Description {
        name: "patch_merging",
        kind: Kind::Rearrangement,
        revision: 2,
        statement: "Blocks of 2×2 positions become channels, are normalised over channels, and mixed to twice the channels.",
        formula: "z = the 4c values of a block in SPD order; y = W·((z − mean z)/√(var z + 1e-5)·g + b), W of 2c×4c",
        shape: "[n, 2c, ceil(h/2), ceil(w/2)]; any h, w ≥ 1",
        boundary: "an odd height or width gets zeros below or to the right",
        cost: "4c multiply–accumulates; 8c² + 8c parameters",
        source: "Liu et al., arXiv 2103.14030 (Swin Transformer)",
        note: "No bias and no activation after the linear map, as published; the next convolution mixes again.",
    };

    fn examples() -> Vec<Self> {
        vec![Self {}]
    }
}

impl Reduction for PatchMerging {
    fn properties(&self) -> Properties {
        Properties { gain: None, channel_wise: false, shifts_by_stride: true, ..Properties::pooling(2) }
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: 2, stride: 2 }
    }

    fn output_shape(&self, input: [usize; 3]) -> Result<[usize; 3], String> {
        let [channels, height, width] = divided(input, 2);
        Ok([2 * channels, height, width])
    }

    fn parameters(&self, [channels, _, _]: [usize; 3]) -> Vec<ParameterSpec> {
        vec![
            ParameterSpec::new("norm_weight", [4 * channels], Start::Filled(1.0)),
            ParameterSpec::new("norm_bias", [4 * channels], Start::Filled(0.0)),
            ParameterSpec::new("reduction", [2 * channels, 4 * channels], Start::Drawn),
        ]
    }

    fn macs(&self, input: [usize; 3]) -> u64 {
        let [channels, height, width] = divided(input, 2);
        (8 * channels * channels * height * width) as u64
    }

    fn compute(&self, x: Tensor<4>, parameters: &Parameters, pass: &Pass<'_>) -> Tensor<4> {
        let z = in_order(blocks_to_channels(x, 2, PhaseOrder::Spd.into()));
        let centred = z.clone() - z.mean_dim(1);
        let variance = centred.clone().square().mean_dim(1);
        let reduction = parameters.get::<2>("reduction");
        let [outputs, inputs] = reduction.dims();
        let along_channels = |name| parameters.get::<1>(name).reshape([1, inputs, 1, 1]);
        let normalised = centred / (variance + EPSILON).sqrt() * along_channels("norm_weight")
            + along_channels("norm_bias");
        let bias = Tensor::zeros([outputs], (&normalised.device(), normalised.dtype()));
        let weight = reduction.reshape([outputs, inputs, 1, 1]);
        convolution(in_order(normalised), weight, bias, ConvolutionSettings::PLAIN, pass.engine)
    }

    fn lower(&self, graph: &mut Graph, x: Value) -> Value {
        let unshuffle = PixelUnshuffle { order: PhaseOrder::Spd, ..PixelUnshuffle::default() };
        let z = Reduction::lower(&unshuffle, graph, x);
        let channels = graph.map_shape(z)[0];
        let shifted = graph.normalised(z, &[1], EPSILON);
        let reduction = graph.parameter("reduction", &[channels / 2, channels]);
        let reduction = graph.reshape(reduction, &[channels as i64 / 2, channels as i64, 1, 1]);
        graph.convolution(&[shifted, reduction], [1; 2], [0; 4], [1; 2], 1)
    }
}

/// Returns the same map, its elements in the order of its axes, and likewise its gradient: without it, each sum over channels
/// would reorder them again.
fn in_order(x: Tensor<4>) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    // Channels and rows form one axis only in this order.
    x.reshape([batch, channels * height, width]).reshape([batch, channels, height, width])
}
