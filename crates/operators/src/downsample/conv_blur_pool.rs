//! A convolution with stride 1, then BlurPool: antialiased strided convolution.

use serde::{Deserialize, Serialize};

use super::blur_pool::{BLUR_BOUNDARY, BLUR_NOTE, BlurPool, blur_promises, check_blur, four};
use super::promises::{Promises, SLOT_SHAPE};
use super::settings::{check_cells, three, two};
use super::slot::{Operator, Slot};
use crate::axis_maps::EdgePadding;
use crate::card::Card;
use crate::description::DescriptionError;
use crate::stage::{Border, ConvolutionSpec, StageSpec};

/// A convolution with stride 1 and the net's activation, then a blur and every stride-th cell. [`ConvBlurPool::CARD`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvBlurPool {
    /// Side of the convolution's kernel in cells, 1 to 64. Default 3.
    #[serde(default = "three")]
    pub kernel: usize,
    /// Taps of the blur along each axis, 1 to 7. Default 4.
    #[serde(default = "four")]
    pub taps: usize,
    /// Cells between outputs, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub stride: usize,
    /// What the blur reads beyond the edges. Default: the map mirrored.
    #[serde(default)]
    pub padding: EdgePadding,
}

impl Default for ConvBlurPool {
    fn default() -> Self {
        Self { kernel: three(), taps: four(), stride: two(), padding: EdgePadding::default() }
    }
}

impl Operator for ConvBlurPool {
    const NAME: &'static str = "conv_blur_pool";
    const REVISION: u32 = 1;
    const CARD: Card = Card {
        statement: "A convolution with stride 1 and the net's activation, then a blur and every stride-th cell.",
        formula: "y = blur_pool(f(b + W ∗ x)), ∗ keeping the size with zeros beyond the edges",
        shape: SLOT_SHAPE,
        boundary: BLUR_BOUNDARY,
        cost: "stride²·c·kernel² multiply–accumulates and 2·taps multiplications; c²·kernel² + c learned values",
        source: "Zhang, arXiv 1904.11486 (what it puts in the place of a strided convolution)",
        note: BLUR_NOTE,
    };

    fn examples() -> Vec<Self> {
        vec![Self::default(), Self { taps: 3, padding: EdgePadding::Circular, ..Self::default() }]
    }

    fn promises(&self) -> Promises {
        Promises {
            gain: None,
            linear: false,
            channel_wise: false,
            shifts_by_stride: false,
            ..blur_promises(self.taps, self.stride, self.padding)
        }
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_cells(Self::NAME, "kernel", self.kernel)?;
        check_blur(Self::NAME, self.taps, self.stride)
    }

    fn place(&self, slot: &mut Slot<'_>) -> Result<(), DescriptionError> {
        let border = Border::same(self.kernel);
        slot.push_convolution(ConvolutionSpec::square(slot.channels(), self.kernel, 1, border));
        let blur = BlurPool { taps: self.taps, stride: self.stride, padding: self.padding };
        slot.push(StageSpec::Downsample(blur.into()));
        Ok(())
    }
}
