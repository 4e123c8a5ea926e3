//! A convolution, then max pooling: the rule ConvPool-CNN of the paper.

use serde::{Deserialize, Serialize};

use super::DownsampleConfig;
use super::max_pool::{MaxPool, three, two};
use super::slot::{Operator, Slot, check_cells};
use crate::description::DescriptionError;
use crate::stage::{Border, ConvolutionSpec, StageSpec};

/// Adds a stride-1 convolution with the net's activation before max pooling: as many parameters as
/// [`StridedConv`](super::StridedConv), but the resolution is reduced by the pooling.
///
/// `y = max_pool(f(b + W ∗ x))`; `∗` keeps the size, `max_pool` has the same kernel and the stride.
///
/// - Shapes: `[n, c, h, w]` to `[n, c, ceil(h/stride), ceil(w/stride)]`; any h, w ≥ 1.
/// - Boundary: zeros for the convolution, windows cut off by the edge for the pooling.
/// - Gain on a constant: learned. Cost: stride² times that of the strided convolution; c²·kernel² + c parameters.
/// - Source: Springenberg et al., arXiv 1412.6806, section 3 and table 2 (kernel 3, stride 2, the default here).
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

    fn examples() -> Vec<Self> {
        vec![Self::default(), Self { kernel: 2, stride: 2 }]
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_cells(Self::NAME, "kernel", self.kernel)?;
        check_cells(Self::NAME, "stride", self.stride)
    }

    fn place(&self, slot: &mut Slot<'_>) -> Result<(), DescriptionError> {
        let border = Border::same(self.kernel);
        slot.push_convolution(ConvolutionSpec::square(slot.channels(), self.kernel, 1, border));
        let pool = MaxPool { kernel: self.kernel, stride: self.stride };
        slot.push(StageSpec::Downsample(DownsampleConfig::MaxPool(pool)));
        Ok(())
    }
}
