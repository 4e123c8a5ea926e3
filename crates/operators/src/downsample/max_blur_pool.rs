//! Max pooling with stride 1, then BlurPool: antialiased max pooling.

use serde::{Deserialize, Serialize};

use super::blur_pool::{BLUR_BOUNDARY, BLUR_NOTE, BlurPool, blur_promises, check_blur, four};
use super::max_pool::MaxPool;
use super::promises::{Promises, SLOT_SHAPE};
use super::settings::{check_cells, two};
use super::slot::{Operator, Slot};
use crate::axis_maps::EdgePadding;
use crate::card::Card;
use crate::description::DescriptionError;
use crate::stage::StageSpec;

/// The maximum of each window at stride 1, then a blur and every stride-th cell. [`MaxBlurPool::CARD`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxBlurPool {
    /// Side of the pooling window in cells, 1 to 64. Default 2.
    #[serde(default = "two")]
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

impl Default for MaxBlurPool {
    fn default() -> Self {
        Self { kernel: two(), taps: four(), stride: two(), padding: EdgePadding::default() }
    }
}

impl Operator for MaxBlurPool {
    const NAME: &'static str = "max_blur_pool";
    const REVISION: u32 = 1;
    const CARD: Card = Card {
        statement: "The maximum of each window at stride 1, then a blur and every stride-th cell.",
        formula: "y = blur_pool(max_pool(x) with stride 1, windows cut off by the far edge)",
        shape: SLOT_SHAPE,
        boundary: BLUR_BOUNDARY,
        cost: "stride²·kernel² comparisons and 2·taps multiplications; no weights",
        source: "Zhang, arXiv 1904.11486 (what it puts in the place of max pooling)",
        note: BLUR_NOTE,
    };

    fn examples() -> Vec<Self> {
        vec![Self::default(), Self { taps: 3, padding: EdgePadding::Circular, ..Self::default() }]
    }

    fn promises(&self) -> Promises {
        Promises {
            linear: false,
            shifts_by_stride: false,
            ..blur_promises(self.taps, self.stride, self.padding)
        }
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_cells(Self::NAME, "kernel", self.kernel)?;
        check_blur(Self::NAME, self.taps, self.stride)
    }

    fn place(&self, slot: &mut Slot<'_>) -> Result<(), DescriptionError> {
        slot.push(StageSpec::Downsample(MaxPool::plain(self.kernel, 1).into()));
        let blur = BlurPool { taps: self.taps, stride: self.stride, padding: self.padding };
        slot.push(StageSpec::Downsample(blur.into()));
        Ok(())
    }
}
