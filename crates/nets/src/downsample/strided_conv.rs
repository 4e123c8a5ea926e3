//! A strided convolution in the slot: the rule All-CNN of the paper.

use serde::{Deserialize, Serialize};

use super::max_pool::{three, two};
use super::slot::{Operator, Slot, check_cells};
use crate::description::DescriptionError;
use crate::stage::{Border, ConvolutionSpec};

/// Replaces pooling by a convolution with a stride and as many outputs as inputs, followed by the net's activation.
///
/// `y[o, i, j] = f(b[o] + sum over c, u, v of W[o, c, u, v] · x[c, stride·i + u − p, stride·j + v − p])`,
/// `p = floor((kernel − 1) / 2)`, cells beyond the map being 0.
///
/// - Shapes: `[n, c, h, w]` to `[n, c, ceil(h/stride), ceil(w/stride)]`; any h, w ≥ 1.
/// - Boundary: zeros; `floor((kernel−1)/2)` before and `floor(kernel/2)` after.
/// - Gain on a constant: learned. Cost: c²·kernel² multiply–accumulates per output cell, c²·kernel² + c parameters.
/// - Source: Springenberg et al., arXiv 1412.6806, section 3 and table 2 (kernel 3, stride 2, the default here).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StridedConv {
    /// Side of the kernel in cells, 1 to 64. Default 3.
    #[serde(default = "three")]
    pub kernel: usize,
    /// Cells between outputs, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub stride: usize,
}

impl Default for StridedConv {
    fn default() -> Self {
        Self { kernel: three(), stride: two() }
    }
}

impl Operator for StridedConv {
    const NAME: &'static str = "strided_conv";
    const REVISION: u32 = 1;

    fn examples() -> Vec<Self> {
        vec![
            Self::default(),
            Self { kernel: 2, stride: 2 },
            Self { kernel: 1, stride: 2 },
            Self { kernel: 5, stride: 3 },
        ]
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_cells(Self::NAME, "kernel", self.kernel)?;
        check_cells(Self::NAME, "stride", self.stride)
    }

    fn place(&self, slot: &mut Slot<'_>) -> Result<(), DescriptionError> {
        let border = Border::same(self.kernel);
        slot.push_convolution(ConvolutionSpec::square(slot.channels(), self.kernel, self.stride, border));
        Ok(())
    }
}
