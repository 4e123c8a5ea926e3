//! Pixel unshuffle (space to depth, reverse pixel shuffle): each block of pixels becomes channels.

use allconv_kernels::BlockOrder;
use burn::tensor::Tensor;
use burn::tensor::ops::PadMode;
use serde::{Deserialize, Serialize};

use super::computing::divided;
use super::promises::Promises;
use super::settings::{check_cells, two};
use super::slot::{Operator, Slot};
use super::{ComputingOperator, FixedOperator};
use crate::card::Card;
use crate::description::DescriptionError;
use crate::ops::nhwc::{channels_first, channels_last};
use crate::ops::{blocks_have_kernels, blocks_to_channels};
use crate::pass::Pass;
use crate::stage::{Border, ConvolutionSpec, StageSpec};
use crate::walk::Window;

/// Moves each block of cells into channels. [`PixelUnshuffle::CARD`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PixelUnshuffle {
    /// Side of a block in cells, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub factor: usize,
    /// In which order the cells of a block become channels. Default: PyTorch's.
    #[serde(default)]
    pub order: PhaseOrder,
    /// How the channels return to their number. Default: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<Projection>,
}

/// The order in which the cells (a, b) of a block (row a, column b of r×r) become channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseOrder {
    /// Channel-major: channel c·r² + r·a + b. PyTorch's `PixelUnshuffle`.
    #[default]
    Pytorch,
    /// Phase-major, rows inner: channel (r·b + a)·C + c. SPD-Conv and Swin's patch merging.
    Spd,
    /// Phase-major, columns inner: channel (r·a + b)·C + c. TensorFlow's `space_to_depth` and timm.
    Tensorflow,
}

impl PhaseOrder {
    /// The kernels' name of it.
    pub(crate) fn of_kernels(self) -> BlockOrder {
        match self {
            Self::Pytorch => BlockOrder::ChannelMajor,
            Self::Spd => BlockOrder::PhaseMajorDown,
            Self::Tensorflow => BlockOrder::PhaseMajorAcross,
        }
    }
}

/// How an operator that multiplies channels brings them back to their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Projection {
    /// A 1×1 convolution to as many channels as entered, followed by the net's activation.
    #[serde(rename = "1x1")]
    Pointwise,
}

impl Projection {
    /// Appends its stages to the slot.
    pub(super) fn place(self, slot: &mut Slot<'_>) {
        match self {
            Self::Pointwise => {
                slot.push_convolution(ConvolutionSpec::square(slot.channels(), 1, 1, Border::NONE));
            }
        }
    }
}

impl Default for PixelUnshuffle {
    fn default() -> Self {
        Self { factor: two(), order: PhaseOrder::default(), project: None }
    }
}

impl Operator for PixelUnshuffle {
    const NAME: &'static str = "pixel_unshuffle";
    const REVISION: u32 = 1;
    const CARD: Card = Card {
        statement: "Each block of factor × factor cells becomes channels; nothing is lost.",
        formula: "y[c·r² + r·a + b, i, j] = x[c, r·i + a, r·j + b], r = factor, a, b < r; `order` permutes the channels",
        shape: "[n, c·factor², ceil(h/factor), ceil(w/factor)]; with `project` c channels; any h, w ≥ 1",
        boundary: "sides that the factor does not divide get zeros below and to the right",
        cost: "data movement; with `project` c·factor² multiply–accumulates and c²·factor² + c learned values",
        source: "Shi et al., arXiv 1609.05158 (the inverse); SPD-Conv: Sunkara and Luo, arXiv 2208.03641",
        note: "Channel orders differ between projects: test by numbers, never by names. With `project` and without activation \
               it is a convolution with kernel = stride = factor. In SPD-Conv's ResNet the shortcuts still use a strided 1×1.",
    };

    fn examples() -> Vec<Self> {
        let project = Some(Projection::Pointwise);
        vec![
            Self::default(),
            Self { project, ..Self::default() },
            Self { factor: 3, ..Self::default() },
            Self { order: PhaseOrder::Spd, ..Self::default() },
            Self { order: PhaseOrder::Tensorflow, ..Self::default() },
            Self { order: PhaseOrder::Spd, project, ..Self::default() },
        ]
    }

    fn promises(&self) -> Promises {
        let pooling = Promises { shifts_by_stride: true, ..Promises::pooling(self.factor) };
        match self.project {
            None => Promises { linear: true, ..pooling },
            Some(_) => Promises { gain: None, channel_wise: false, ..pooling },
        }
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_cells(Self::NAME, "factor", self.factor)
    }

    fn place(&self, slot: &mut Slot<'_>) -> Result<(), DescriptionError> {
        slot.push(StageSpec::Downsample(Self { project: None, ..*self }.into()));
        if let Some(projection) = self.project {
            projection.place(slot);
        }
        Ok(())
    }
}

impl ComputingOperator for PixelUnshuffle {
    fn output_shape(&self, input: [usize; 3]) -> Result<[usize; 3], String> {
        let [channels, height, width] = divided(input, self.factor);
        Ok([channels * self.factor * self.factor, height, width])
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: self.factor, stride: self.factor }
    }
}

impl FixedOperator for PixelUnshuffle {
    fn compute(&self, x: Tensor<4>, _pass: &Pass<'_>) -> Tensor<4> {
        unshuffle(x, self.factor, self.order)
    }
}

/// `[n, c, h, w]` to `[n, c·factor², ceil(h/factor), ceil(w/factor)]`, zeros beyond the far edges.
pub(super) fn unshuffle(x: Tensor<4>, factor: usize, order: PhaseOrder) -> Tensor<4> {
    if blocks_have_kernels(&x) {
        return blocks_to_channels(x, factor, order.of_kernels());
    }
    composed_unshuffle(x, factor, order)
}

/// The same as a composition of Burn's operations.
fn composed_unshuffle(x: Tensor<4>, factor: usize, order: PhaseOrder) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let (rows, columns) = (height.div_ceil(factor), width.div_ceil(factor));
    let (below, right) = (rows * factor - height, columns * factor - width);
    let padded = if below + right > 0 { x.pad((0, right, 0, below), PadMode::Constant(0.0)) } else { x };
    // From [n, row, row in block, column, column in block, c], one pass over a map that lies channels-last.
    let blocks = channels_last(padded).reshape([batch, rows, factor, columns, factor, channels]);
    let axes = match order {
        PhaseOrder::Pytorch => [0, 1, 3, 5, 2, 4],
        PhaseOrder::Spd => [0, 1, 3, 4, 2, 5],
        PhaseOrder::Tensorflow => [0, 1, 3, 2, 4, 5],
    };
    channels_first(blocks.permute(axes).reshape([batch, rows, columns, channels * factor * factor]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{assert_same, evaluated, grid};

    #[test]
    fn worked_examples_of_the_reference() {
        let y = evaluated(&PixelUnshuffle::default(), grid(4, 4));
        assert_eq!(y, [1., 3., 9., 11., 2., 4., 10., 12., 5., 7., 13., 15., 6., 8., 14., 16.]);
        let spd = PixelUnshuffle { order: PhaseOrder::Spd, ..PixelUnshuffle::default() };
        assert_eq!(
            evaluated(&spd, grid(4, 4)),
            [1., 3., 9., 11., 5., 7., 13., 15., 2., 4., 10., 12., 6., 8., 14., 16.]
        );
    }

    #[test]
    fn the_kernel_moves_what_the_composition_moves_and_has_its_gradients() {
        for order in [PhaseOrder::Pytorch, PhaseOrder::Spd, PhaseOrder::Tensorflow] {
            for factor in [2, 3] {
                let slow = |x| composed_unshuffle(x, factor, order);
                assert_same([2, 3, 7, 6], |x| unshuffle(x, factor, order), slow);
            }
        }
    }

    #[test]
    fn odd_sides_get_zeros_below_and_to_the_right() {
        let y = evaluated(&PixelUnshuffle::default(), grid(3, 1));
        assert_eq!(y, [1., 3., 0., 0., 2., 0., 0., 0.]);
    }
}
