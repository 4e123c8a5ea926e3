//! Max pooling with stride 1, then BlurPool: antialiased max pooling.

use super::blur_pool::{BLUR_BOUNDARY, BLUR_NOTE, BlurPool, blur_properties, check_blur};
use super::downsampling::{Downsampling, Part};
use super::max_pool::MaxPool;
use super::properties::{Properties, SLOT_SHAPE};
use crate::axis_maps::EdgePadding;
use crate::prelude::*;

/// The maximum of each window at stride 1, then a blur and every stride-th position. [`MaxBlurPool::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MaxBlurPool {
    /// Height and width of the pooling window, 1 to 64. Default 2.
    pub kernel: usize,
    /// Taps of the blur along each axis, 1 to 7. Default 4.
    pub taps: usize,
    /// Positions between outputs, 1 to 64. Default 2.
    pub stride: usize,
    /// The values that the blur reads beyond the edges. Default: the map mirrored.
    pub padding: EdgePadding,
}

impl Default for MaxBlurPool {
    fn default() -> Self {
        Self { kernel: 2, taps: 4, stride: 2, padding: EdgePadding::default() }
    }
}

impl Settings for MaxBlurPool {
    const DESCRIPTION: Description = Description {
        name: "max_blur_pool",
        kind: Kind::Filter,
        revision: 1,
        statement: "The maximum of each window at stride 1, then a blur and every stride-th position.",
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

    fn check(&self) -> Result<(), OutOfRange> {
        check_size("kernel", self.kernel)?;
        check_blur(self.taps, self.stride)
    }
}

impl Downsampling for MaxBlurPool {
    fn properties(&self) -> Properties {
        Properties {
            linear: false,
            shifts_by_stride: false,
            ..blur_properties(self.taps, self.stride, self.padding)
        }
    }

    fn parts(&self, _channels: usize) -> Vec<Part> {
        let blur = BlurPool { taps: self.taps, stride: self.stride, padding: self.padding };
        vec![Part::reduction(MaxPool::plain(self.kernel, 1)), Part::reduction(blur)]
    }
}
