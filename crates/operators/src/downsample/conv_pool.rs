//! A convolution, then max pooling: the rule ConvPool-CNN of the paper.

use serde::{Deserialize, Serialize};

use super::max_pool::MaxPool;
use super::promises::{Promises, SLOT_SHAPE};
use super::settings::{check_cells, three, two};
use super::slot::{Operator, Slot};
use crate::card::Card;
use crate::description::DescriptionError;
use crate::stage::{Border, ConvolutionSpec, StageSpec};
use crate::switches::SwitchKind;

/// A stride-1 convolution with the net's activation, then max pooling. [`ConvPool::CARD`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvPool {
    /// Side of the convolution's kernel and of the pooling window in cells, 1 to 64. Default 3.
    #[serde(default = "three")]
    pub kernel: usize,
    /// Cells between windows, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub stride: usize,
}

impl Default for ConvPool {
    fn default() -> Self {
        Self { kernel: three(), stride: two() }
    }
}

impl Operator for ConvPool {
    const NAME: &'static str = "conv_pool";
    const REVISION: u32 = 1;
    const CARD: Card = Card {
        statement: "A convolution with stride 1 and the net's activation, then max pooling: as many learned values as \
                    `strided_conv`, but the resolution is reduced by pooling.",
        formula: "y = max_pool(f(b + W ∗ x)); ∗ keeps the size, the pooling has the same kernel and the stride",
        shape: SLOT_SHAPE,
        boundary: "zeros for the convolution; windows cut off by the far edge for the pooling",
        cost: "stride² times that of the strided convolution; c²·kernel² + c learned values",
        source: "Springenberg et al., arXiv 1412.6806, section 3 and table 2 (3×3, stride 2)",
        note: "",
    };

    fn examples() -> Vec<Self> {
        vec![Self::default(), Self { kernel: 2, stride: 2 }]
    }

    fn promises(&self) -> Promises {
        Promises { gain: None, channel_wise: false, ..Promises::pooling(self.stride) }
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_cells(Self::NAME, "kernel", self.kernel)?;
        check_cells(Self::NAME, "stride", self.stride)
    }

    fn switches(&self) -> SwitchKind {
        // Those of the pooling, its last stage.
        SwitchKind::MaxIndices
    }

    fn place(&self, slot: &mut Slot<'_>) -> Result<(), DescriptionError> {
        let border = Border::same(self.kernel);
        slot.push_convolution(ConvolutionSpec::square(slot.channels(), self.kernel, 1, border));
        slot.push(StageSpec::Downsample(MaxPool::plain(self.kernel, self.stride).into()));
        Ok(())
    }
}
