//! The stride folded into the preceding convolution: the rule Strided-CNN of the paper.

use super::downsampling::{Downsampling, Part};
use super::properties::{Properties, SLOT_SHAPE};
use crate::prelude::*;

/// Removes the pooling and raises the stride of the convolution before it. [`FoldedStride::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FoldedStride {
    /// Factor on the stride of the preceding convolution, 1 to 64. Default 2.
    pub stride: usize,
}

impl Default for FoldedStride {
    fn default() -> Self {
        Self { stride: 2 }
    }
}

impl Settings for FoldedStride {
    const DESCRIPTION: Description = Description {
        name: "folded_stride",
        kind: Kind::Convolution,
        revision: 1,
        statement: "Removes the pooling and raises the stride of the convolution before it.",
        formula: "y[c,i,j] = x[c, stride·i, stride·j] of that convolution's output x, computed at 1/stride² of its cost",
        shape: SLOT_SHAPE,
        boundary: "that of the convolution before it",
        cost: "none; the convolution before it costs 1/stride²",
        source: "Springenberg et al., arXiv 1412.6806, section 3 and table 2",
        note: "It needs a convolution (with its activation and dropout) right before the slot. For base B that is a 1×1 \
               convolution, which then reads one position in stride².",
    };

    fn examples() -> Vec<Self> {
        vec![Self::default(), Self { stride: 3 }]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_size("stride", self.stride)
    }
}

impl Downsampling for FoldedStride {
    fn properties(&self) -> Properties {
        Properties { linear: true, shifts_by_stride: true, ..Properties::pooling(self.stride) }
    }

    fn parts(&self, _channels: usize) -> Vec<Part> {
        vec![Part::FoldedStride(self.stride)]
    }
}
