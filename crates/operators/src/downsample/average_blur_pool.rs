//! Average pooling with stride 1, then BlurPool.

use super::average_pool::AveragePool;
use super::blur_pool::{BLUR_BOUNDARY, BLUR_NOTE, BlurPool, blur_properties, check_blur};
use super::downsampling::{Downsampling, Part};
use super::properties::{Properties, SLOT_SHAPE};
use crate::axis_maps::EdgePadding;
use crate::prelude::*;

/// The mean of each window at stride 1, then a blur and every stride-th position. [`AverageBlurPool::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AverageBlurPool {
    /// Height and width of the averaging window, 1 to 64. Default 2.
    pub kernel: usize,
    /// Taps of the blur along each axis, 1 to 7. Default 4.
    pub taps: usize,
    /// Positions between outputs, 1 to 64. Default 2.
    pub stride: usize,
    /// The values that the blur reads beyond the edges. Default: the map mirrored.
    pub padding: EdgePadding,
}

impl Default for AverageBlurPool {
    fn default() -> Self {
        Self { kernel: 2, taps: 4, stride: 2, padding: EdgePadding::default() }
    }
}

impl Settings for AverageBlurPool {
    const DESCRIPTION: Description = Description {
        name: "average_blur_pool",
        kind: Kind::Filter,
        revision: 1,
        statement: "The mean of each window at stride 1, then a blur and every stride-th position.",
        formula: "y = blur_pool(average_pool(x) with stride 1, windows cut off by the far edge)",
        shape: SLOT_SHAPE,
        boundary: BLUR_BOUNDARY,
        cost: "stride²·kernel² additions and 2·taps multiplications; no weights",
        source: "Zhang, arXiv 1904.11486, has BlurPool alone in the place of average pooling; this keeps the mean as well",
        note: BLUR_NOTE,
    };

    fn examples() -> Vec<Self> {
        vec![Self::default(), Self { taps: 3, padding: EdgePadding::Circular, ..Self::default() }]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_size("kernel", self.kernel)?;
        check_blur(self.taps, self.stride)
    }
}

impl Downsampling for AverageBlurPool {
    fn properties(&self) -> Properties {
        Properties { shifts_by_stride: false, ..blur_properties(self.taps, self.stride, self.padding) }
    }

    fn parts(&self, _channels: usize) -> Vec<Part> {
        let blur = BlurPool { taps: self.taps, stride: self.stride, padding: self.padding };
        vec![Part::reduction(AveragePool::plain(self.kernel, 1)), Part::reduction(blur)]
    }
}
