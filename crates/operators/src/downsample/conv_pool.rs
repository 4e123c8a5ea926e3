//! A convolution, then max pooling: the rule ConvPool-CNN of the paper.

use super::downsampling::{Downsampling, Following, Part};
use super::max_pool::MaxPool;
use super::properties::{Properties, SLOT_SHAPE};
use crate::convolution_spec::{Border, ConvolutionSpec};
use crate::prelude::*;

/// A stride-1 convolution with the net's activation, then max pooling. [`ConvPool::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ConvPool {
    /// Height and width of the convolution's kernel and of the pooling window, 1 to 64. Default 3.
    pub kernel: usize,
    /// Positions between windows, 1 to 64. Default 2.
    pub stride: usize,
}

impl Default for ConvPool {
    fn default() -> Self {
        Self { kernel: 3, stride: 2 }
    }
}

impl Settings for ConvPool {
    const DESCRIPTION: Description = Description {
        name: "conv_pool",
        kind: Kind::Convolution,
        revision: 1,
        statement: "A convolution with stride 1 and the net's activation, then max pooling: as many parameters as \
                    `strided_conv`, but the resolution is reduced by pooling.",
        formula: "y = max_pool(f(b + W ∗ x)); ∗ keeps the size, the pooling has the same kernel and the stride",
        shape: SLOT_SHAPE,
        boundary: "zeros for the convolution; windows cut off by the far edge for the pooling",
        cost: "stride² times that of the strided convolution; c²·kernel² + c parameters",
        source: "Springenberg et al., arXiv 1412.6806, section 3 and table 2 (3×3, stride 2)",
        note: "",
    };

    fn examples() -> Vec<Self> {
        vec![Self::default(), Self { kernel: 2, stride: 2 }]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_window(self.kernel, self.stride)
    }
}

impl Downsampling for ConvPool {
    fn properties(&self) -> Properties {
        Properties { gain: None, channel_wise: false, ..Properties::pooling(self.stride) }
    }

    fn parts(&self, channels: usize) -> Vec<Part> {
        let convolution = ConvolutionSpec::square(channels, self.kernel, 1, Border::same(self.kernel));
        let pool = MaxPool::plain(self.kernel, self.stride);
        vec![Part::Convolution(convolution, Following::Activation), Part::reduction(pool)]
    }

    fn switches(&self) -> SwitchKind {
        // Those of the pooling, its last stage.
        SwitchKind::MaxIndices
    }

    fn max_windows(&self) -> Option<[usize; 2]> {
        Some([self.kernel, self.stride])
    }
}
