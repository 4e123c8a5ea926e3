//! Pixel shuffle (depth to space, sub-pixel convolution): channels become blocks of pixels.

use allconv_kernels::{Activation, Epilogue};

use super::properties::Properties;
use super::upsampling::{Destination, Enlargement, SizeRule, Upsampling, lowered_cut};
use crate::convolution_spec::Border;
use crate::downsample::PhaseOrder;
use crate::lowering::ShuffleOrder;
use crate::operations::{ConvolutionSettings, activated, channels_to_blocks, convolution};
use crate::prelude::*;

/// Turns channels into blocks of positions. [`PixelShuffle::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PixelShuffle {
    /// Height and width of a block, 1 to 64. Default 2.
    pub factor: usize,
    /// The order in which channels become the positions of a block. Default: PyTorch's.
    pub order: PhaseOrder,
    /// Kernel of a convolution before it that makes the channels it needs, 1 to 64 positions. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expand: Option<usize>,
}

impl Default for PixelShuffle {
    fn default() -> Self {
        Self { factor: 2, order: PhaseOrder::default(), expand: None }
    }
}

impl Settings for PixelShuffle {
    const DESCRIPTION: Description = Description {
        name: "pixel_shuffle",
        kind: Kind::Rearrangement,
        revision: 1,
        statement: "Groups of channels become blocks of factor × factor positions, as they are or made by a convolution.",
        formula: "y[c, r·i + a, r·j + b] = z[c·r² + r·a + b, i, j], r = factor, a, b < r, z = x or with `expand` \
                  z = b + W ∗ x; `order` permutes the channels of z",
        shape: "[n, c/factor², h', w'], with `expand` [n, c', h', w'] for any c'; ceil(h'/factor) = h, ceil(w'/factor) = w",
        boundary: "what a block has beyond h' and w' is cut off; the convolution reads zeros",
        cost: "data movement; with `expand` c·kernel² multiply–accumulates and factor²·c'·(c·kernel² + 1) parameters",
        source: "Shi et al., arXiv 1609.05158; initialisation: Aitken et al., arXiv 1707.02937 (ICNR)",
        note: "The exact inverse of `pixel_unshuffle` of the same order. With `expand` all positions of a block start from the same \
               weights, so that training starts from nearest-neighbour enlargement, without a checkerboard.",
    };

    fn examples() -> Vec<Self> {
        vec![
            Self::default(),
            Self { factor: 3, ..Self::default() },
            Self { order: PhaseOrder::Spd, ..Self::default() },
            Self { order: PhaseOrder::Tensorflow, ..Self::default() },
            Self { expand: Some(3), ..Self::default() },
            Self { order: PhaseOrder::Spd, expand: Some(1), ..Self::default() },
        ]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_size("factor", self.factor)?;
        check_size("expand", self.expand.unwrap_or(1))
    }
}

impl Upsampling for PixelShuffle {
    fn properties(&self) -> Properties {
        match self.expand {
            None => Properties { channel_wise: false, shifts_with_the_input: true, ..Properties::FIXED },
            // A kernel of one position reads nothing beyond an edge.
            Some(kernel) => Properties { shifts_with_the_input: kernel == 1, ..Properties::MIXING },
        }
    }

    fn usual_partner(&self) -> &'static str {
        "pixel_unshuffle"
    }

    fn size_rule(&self) -> SizeRule {
        SizeRule::Factor(self.factor)
    }

    fn mixes_channels(&self) -> bool {
        self.expand.is_some()
    }

    fn positions_read(&self, _enlargement: &Enlargement) -> usize {
        self.expand.unwrap_or(1)
    }

    fn channels_in(&self, channels: usize, _switches: SwitchKind) -> Option<usize> {
        self.expand.is_none().then_some(channels * self.factor * self.factor)
    }

    fn parameters(&self, enlargement: &Enlargement) -> Vec<ParameterSpec> {
        let Some(kernel) = self.expand else { return Vec::new() };
        // All channels that become a block start from the weights of one.
        let block = self.factor * self.factor;
        let start = match self.order {
            PhaseOrder::Pytorch => Start::DrawnEachRepeated(block),
            PhaseOrder::Spd | PhaseOrder::Tensorflow => Start::DrawnAllRepeated(block),
        };
        let outputs = enlargement.output[0] * block;
        vec![
            ParameterSpec::new("weight", [outputs, enlargement.input[0], kernel, kernel], start),
            ParameterSpec::new("bias", [outputs], Start::Filled(0.0)),
        ]
    }

    fn macs(&self, enlargement: &Enlargement) -> u64 {
        self.expand.map_or(0, |kernel| {
            let [channels_in, rows, columns] = enlargement.input;
            let outputs = self.factor * self.factor * enlargement.output[0];
            (rows * columns * outputs * channels_in * kernel * kernel) as u64
        })
    }

    fn compute(
        &self,
        x: Tensor<4>,
        to: &Destination<'_>,
        parameters: &Parameters,
        pass: &Pass<'_>,
    ) -> Tensor<4> {
        // The order of activation and shuffle does not matter, and the convolution applies the activation.
        let expanded = match self.expand {
            Some(_) => {
                let (weight, bias) = (parameters.get("weight"), parameters.get("bias"));
                same_size_convolution(x, weight, bias, to.activation, pass)
            }
            None => activated(x, to.activation),
        };
        let (channels, block) = (expanded.dims()[1], self.factor * self.factor);
        assert_eq!(channels % block, 0, "{channels} channels are not blocks of {0}×{0}", self.factor);
        channels_to_blocks(expanded, to.size, self.factor, self.order.into())
    }

    fn lower(&self, graph: &mut Graph, x: Value, to: &LoweredDestination) -> Value {
        let block = self.factor * self.factor;
        let expanded = match self.expand {
            Some(kernel) => graph.same_convolution(x, "", to.output[0] * block, kernel),
            None => x,
        };
        let channels = graph.map_shape(expanded)[0] / block;
        let (ordered, order) = match self.order {
            PhaseOrder::Pytorch => (expanded, ShuffleOrder::ChannelMajor),
            PhaseOrder::Tensorflow => (expanded, ShuffleOrder::PhaseMajor),
            PhaseOrder::Spd => {
                let phase = |index: usize| index % self.factor * self.factor + index / self.factor;
                let places = (0..channels * block)
                    .map(|channel| phase(channel / channels) * channels + channel % channels);
                (graph.gather(expanded, 1, places.collect()), ShuffleOrder::PhaseMajor)
            }
        };
        let enlarged = graph.depth_to_space(ordered, self.factor, order);
        lowered_cut(graph, enlarged, to)
    }
}

/// Returns a convolution that keeps the size of the map, zeros around it, and the activation.
pub(super) fn same_size_convolution(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    activation: Activation,
    pass: &Pass<'_>,
) -> Tensor<4> {
    let [_, _, kernel, _] = weight.dims();
    let settings = ConvolutionSettings {
        padding: Border::same(kernel).padding(),
        epilogue: Epilogue { activation, dropout: None },
        ..ConvolutionSettings::PLAIN
    };
    convolution(x, weight, bias, settings, pass.engine)
}
