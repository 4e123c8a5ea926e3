//! Pixel unshuffle (space to depth, reverse pixel shuffle): each block of pixels becomes channels.

use allconv_kernels::BlockOrder;

use super::downsampling::{Following, Part};
use super::properties::Properties;
use super::reduction::Reduction;
use crate::convolution_spec::{Border, ConvolutionSpec};
use crate::lowering::PadFill;
use crate::operations::blocks_to_channels;
use crate::prelude::*;

/// Moves each block of positions into channels. [`PixelUnshuffle::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PixelUnshuffle {
    /// Height and width of a block, 1 to 64. Default 2.
    pub factor: usize,
    /// The order in which the positions of a block become channels. Default: PyTorch's.
    pub order: PhaseOrder,
    /// The reduction to the number of input channels. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<Projection>,
}

/// The order in which the positions (a, b) of a block (row a, column b of r×r) become channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

impl From<PhaseOrder> for BlockOrder {
    fn from(order: PhaseOrder) -> Self {
        match order {
            PhaseOrder::Pytorch => Self::ChannelMajor,
            PhaseOrder::Spd => Self::PhaseMajorDown,
            PhaseOrder::Tensorflow => Self::PhaseMajorAcross,
        }
    }
}

/// The reduction of multiplied channels to the number of input channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Projection {
    /// A 1×1 convolution to as many channels as entered, followed by the net's activation.
    #[serde(rename = "1x1")]
    Pointwise,
}

impl Projection {
    /// Returns the part of an operator that reduces its channels to `channels`.
    pub(super) fn part(self, channels: usize) -> Part {
        match self {
            Self::Pointwise => {
                let convolution = ConvolutionSpec::square(channels, 1, 1, Border::NONE);
                Part::Convolution(convolution, Following::Activation)
            }
        }
    }
}

impl Default for PixelUnshuffle {
    fn default() -> Self {
        Self { factor: 2, order: PhaseOrder::default(), project: None }
    }
}

impl Settings for PixelUnshuffle {
    const DESCRIPTION: Description = Description {
        name: "pixel_unshuffle",
        kind: Kind::Rearrangement,
        revision: 1,
        statement: "Each block of factor × factor positions becomes channels; nothing is lost.",
        formula: "y[c·r² + r·a + b, i, j] = x[c, r·i + a, r·j + b], r = factor, a, b < r; `order` permutes the channels",
        shape: "[n, c·factor², ceil(h/factor), ceil(w/factor)]; with `project` c channels; any h, w ≥ 1",
        boundary: "a height or width that the factor does not divide gets zeros below or to the right",
        cost: "data movement; with `project` c·factor² multiply–accumulates and c²·factor² + c parameters",
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

    fn check(&self) -> Result<(), OutOfRange> {
        check_size("factor", self.factor)
    }
}

impl Reduction for PixelUnshuffle {
    fn properties(&self) -> Properties {
        let pooling = Properties { shifts_by_stride: true, ..Properties::pooling(self.factor) };
        match self.project {
            None => Properties { linear: true, ..pooling },
            Some(_) => Properties { gain: None, channel_wise: false, ..pooling },
        }
    }

    fn window(&self, _input: [usize; 3]) -> Window {
        Window { extent: self.factor, stride: self.factor }
    }

    fn output_shape(&self, input: [usize; 3]) -> Result<[usize; 3], String> {
        let [channels, height, width] = divided(input, self.factor);
        Ok([channels * self.factor * self.factor, height, width])
    }

    fn compute(&self, x: Tensor<4>, _parameters: &Parameters, _pass: &Pass<'_>) -> Tensor<4> {
        blocks_to_channels(x, self.factor, self.order.into())
    }

    fn lower(&self, graph: &mut Graph, x: Value) -> Value {
        let factor = self.factor;
        let [channels, _, _] = graph.map_shape(x);
        let padded = graph.pad(x, [0, 0, factor - 1, factor - 1], PadFill::Number(0.0));
        let phase = |graph: &mut Graph, row: usize, column: usize| {
            let rows = graph.slice(padded, 2, [row, factor - 1 - row, factor]);
            graph.slice(rows, 3, [column, factor - 1 - column, factor])
        };
        let block = factor * factor;
        let phases = (0..block).map(|index| match self.order {
            PhaseOrder::Spd => phase(graph, index % factor, index / factor),
            PhaseOrder::Pytorch | PhaseOrder::Tensorflow => phase(graph, index / factor, index % factor),
        });
        let phases: Vec<Value> = phases.collect();
        let joined = graph.concatenate(&phases, 1);
        match self.order {
            PhaseOrder::Spd | PhaseOrder::Tensorflow => joined,
            PhaseOrder::Pytorch => {
                let places =
                    (0..channels * block).map(|channel| channel % block * channels + channel / block);
                graph.gather(joined, 1, places.collect())
            }
        }
    }

    fn parts(&self, channels: usize) -> Vec<Part> {
        let itself = Part::reduction(Self { project: None, ..*self });
        std::iter::once(itself).chain(self.project.map(|projection| projection.part(channels))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{evaluated, grid};

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
    fn odd_sizes_get_zeros_below_and_to_the_right() {
        let y = evaluated(&PixelUnshuffle::default(), grid(3, 1));
        assert_eq!(y, [1., 3., 0., 0., 2., 0., 0., 0.]);
    }
}
