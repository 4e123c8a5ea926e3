//! Pixel shuffle (depth to space, sub-pixel convolution): channels become blocks of pixels.

use allconv_kernels::{Activation, Epilogue, Padding};
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::promises::Promises;
use super::settings::check_cells;
use super::upsampler::{Enlargement, LearnedUpsampler, SideRule, Upsampler, cut};
use crate::activated::activated;
use crate::card::Card;
use crate::description::DescriptionError;
use crate::downsample::PhaseOrder;
use crate::downsample::settings::two;
use crate::ops::nhwc::{channels_first, channels_last};
use crate::ops::{ConvolutionSettings, blocks_have_kernels, channels_to_blocks, convolution};
use crate::parameter_source::ParameterSource;
use crate::pass::Pass;
use crate::stage::Border;
use crate::switches::SwitchKind;

/// Turns channels into blocks of cells. [`PixelShuffle::CARD`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PixelShuffle {
    /// Side of a block in cells, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub factor: usize,
    /// In which order channels become the cells of a block. Default: PyTorch's.
    #[serde(default)]
    pub order: PhaseOrder,
    /// Kernel of a convolution before it that makes the channels it needs, 1 to 64 cells. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expand: Option<usize>,
}

impl Default for PixelShuffle {
    fn default() -> Self {
        Self { factor: two(), order: PhaseOrder::default(), expand: None }
    }
}

impl Upsampler for PixelShuffle {
    const NAME: &'static str = "pixel_shuffle";
    const REVISION: u32 = 1;
    const CARD: Card = Card {
        statement: "Groups of channels become blocks of factor × factor cells, as they are or made by a convolution.",
        formula: "y[c, r·i + a, r·j + b] = z[c·r² + r·a + b, i, j], r = factor, a, b < r, z = x or with `expand` \
                  z = b + W ∗ x; `order` permutes the channels of z",
        shape: "[n, c/factor², h', w'], with `expand` [n, c', h', w'] for any c'; ceil(h'/factor) = h, ceil(w'/factor) = w",
        boundary: "what a block has beyond h' and w' is cut off; the convolution reads zeros",
        cost: "data movement; with `expand` c·kernel² multiply–accumulates and factor²·c'·(c·kernel² + 1) learned values",
        source: "Shi et al., arXiv 1609.05158; initialisation: Aitken et al., arXiv 1707.02937 (ICNR)",
        note: "The exact inverse of `pixel_unshuffle` of the same order. With `expand` all cells of a block start from the same \
               weights, so that training starts from nearest-neighbour enlargement, without a checkerboard.",
    };
    const PARTNER: &'static str = "pixel_unshuffle";

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

    fn promises(&self) -> Promises {
        match self.expand {
            None => Promises { channel_wise: false, shifts_with_the_input: true, ..Promises::FIXED },
            // A kernel of one cell sees no edge.
            Some(kernel) => Promises { shifts_with_the_input: kernel == 1, ..Promises::MIXING },
        }
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_cells(Self::NAME, "factor", self.factor)?;
        check_cells(Self::NAME, "expand", self.expand.unwrap_or(1))
    }

    fn sides(&self) -> SideRule {
        SideRule::Factor(self.factor)
    }

    fn cells_read(&self, _enlargement: &Enlargement) -> usize {
        self.expand.unwrap_or(1)
    }

    fn mixes_channels(&self) -> bool {
        self.expand.is_some()
    }

    fn channels_in(&self, channels: usize, _switches: SwitchKind) -> Option<usize> {
        self.expand.is_none().then_some(channels * self.factor * self.factor)
    }

    fn parameters(&self, enlargement: &Enlargement) -> u64 {
        self.expand.map_or(0, |kernel| {
            let [channels_in, ..] = enlargement.input;
            (self.factor * self.factor * enlargement.output[0] * (channels_in * kernel * kernel + 1)) as u64
        })
    }

    fn macs(&self, enlargement: &Enlargement) -> u64 {
        self.expand.map_or(0, |kernel| {
            let [channels_in, rows, columns] = enlargement.input;
            let outputs = self.factor * self.factor * enlargement.output[0];
            (rows * columns * outputs * channels_in * kernel * kernel) as u64
        })
    }
}

impl LearnedUpsampler for PixelShuffle {
    type Module = PixelShuffleModule;

    fn module(&self, enlargement: &Enlargement, source: &ParameterSource<'_>) -> Self::Module {
        let channels = enlargement.output[0];
        let outputs = channels * self.factor * self.factor;
        // The channel of the result that each channel before the shuffle belongs to.
        let origin = |output| match self.order {
            PhaseOrder::Pytorch => output / (self.factor * self.factor),
            PhaseOrder::Spd | PhaseOrder::Tensorflow => output % channels,
        };
        let origins: Vec<usize> = (0..outputs).map(origin).collect();
        let kernel = |kernel| [enlargement.input[0], kernel, kernel];
        PixelShuffleModule {
            weight: self.expand.map(|side| source.drawn_repeated("weight", kernel(side), &origins)),
            bias: self.expand.map(|_| source.filled([outputs], 0.0)),
            config: self.clone(),
        }
    }
}

/// [`PixelShuffle`] with its parameters, if it has any.
#[derive(Module, Debug)]
pub struct PixelShuffleModule {
    weight: Option<Param<Tensor<4>>>,
    bias: Option<Param<Tensor<1>>>,
    #[module(skip)]
    config: PixelShuffle,
}

impl PixelShuffleModule {
    /// `[n, c, h, w]` to a map of `sides`, activated.
    pub fn forward(
        &self,
        x: Tensor<4>,
        sides: [usize; 2],
        activation: Activation,
        pass: &Pass<'_>,
    ) -> Tensor<4> {
        self.config.sides().demand(PixelShuffle::NAME, &x, sides);
        let PixelShuffle { factor, order, .. } = self.config;
        // The order of activation and shuffle does not matter, and the convolution applies it on the way.
        let expanded = match (&self.weight, &self.bias) {
            (Some(weight), Some(bias)) => {
                same_size_convolution(x, weight.val(), bias.val(), activation, pass)
            }
            _ => activated(x, activation),
        };
        cut(shuffle(expanded, factor, order), sides)
    }
}

/// A convolution that keeps the size of the map, zeros around it, and the activation.
pub(super) fn same_size_convolution(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    activation: Activation,
    pass: &Pass<'_>,
) -> Tensor<4> {
    let [_, _, kernel, _] = weight.dims();
    let Border { before, after } = Border::same(kernel);
    let settings = ConvolutionSettings {
        stride: [1; 2],
        padding: Padding { top: before, bottom: after, left: before, right: after },
        dilation: [1; 2],
        groups: 1,
        epilogue: Epilogue { activation, dropout: None },
    };
    convolution(x, weight, bias, settings, pass.engine)
}

/// `[n, c·factor², h, w]` to `[n, c, factor·h, factor·w]`.
pub(super) fn shuffle(x: Tensor<4>, factor: usize, order: PhaseOrder) -> Tensor<4> {
    let [_, channels, height, width] = x.dims();
    assert_eq!(channels % (factor * factor), 0, "{channels} channels are not blocks of {factor}×{factor}");
    if blocks_have_kernels(&x) {
        return channels_to_blocks(x, [factor * height, factor * width], factor, order.of_kernels());
    }
    composed_shuffle(x, factor, order)
}

/// The same as a composition of Burn's operations.
fn composed_shuffle(x: Tensor<4>, factor: usize, order: PhaseOrder) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let channels = channels / (factor * factor);
    let x = channels_last(x);
    // To [n, row, row in block, column, column in block, c], one pass over a map that lies channels-last.
    let cells = match order {
        PhaseOrder::Pytorch => {
            x.reshape([batch, height, width, channels, factor, factor]).permute([0, 1, 4, 2, 5, 3])
        }
        PhaseOrder::Spd => {
            x.reshape([batch, height, width, factor, factor, channels]).permute([0, 1, 4, 2, 3, 5])
        }
        PhaseOrder::Tensorflow => {
            x.reshape([batch, height, width, factor, factor, channels]).permute([0, 1, 3, 2, 4, 5])
        }
    };
    channels_first(cells.reshape([batch, factor * height, factor * width, channels]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::assert_same;

    #[test]
    fn the_kernel_moves_what_the_composition_moves_and_has_its_gradients() {
        for order in [PhaseOrder::Pytorch, PhaseOrder::Spd, PhaseOrder::Tensorflow] {
            for (factor, channels) in [(2, 8), (3, 9)] {
                let slow = |x| composed_shuffle(x, factor, order);
                assert_same([2, channels, 3, 5], |x| shuffle(x, factor, order), slow);
            }
        }
    }
}
