//! A depthwise strided convolution: learned pooling that mixes no channels.

use serde::{Deserialize, Serialize};

use super::promises::{Promises, SLOT_SHAPE};
use super::settings::{check_cells, three, two};
use super::slot::{Operator, Slot};
use crate::card::Card;
use crate::description::DescriptionError;
use crate::stage::{Border, ConvolutionSpec, StageSpec};

/// A strided convolution of each channel alone, without activation. [`DepthwiseConv::CARD`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepthwiseConv {
    /// Side of the kernel in cells, 1 to 64. Default 3.
    #[serde(default = "three")]
    pub kernel: usize,
    /// Cells between outputs, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub stride: usize,
}

impl Default for DepthwiseConv {
    fn default() -> Self {
        Self { kernel: three(), stride: two() }
    }
}

impl Operator for DepthwiseConv {
    const NAME: &'static str = "depthwise_conv";
    const REVISION: u32 = 1;
    const CARD: Card = Card {
        statement: "A strided convolution of each channel alone: learned, feature-wise, linear pooling.",
        formula: "y[c,i,j] = b[c] + sum over u, v of W[c,u,v] · x[c, stride·i + u − p, stride·j + v − p], p = floor((kernel − 1)/2)",
        shape: SLOT_SHAPE,
        boundary: "zeros: floor((kernel − 1)/2) before and floor(kernel/2) after",
        cost: "kernel² multiply–accumulates; c·(kernel² + 1) learned values",
        source: "Springenberg et al., arXiv 1412.6806, section 2 (a feature-wise convolution); Sifre, thesis, 2014",
        note: "No activation follows, since it mixes no channels: a mean whose weights are learned.",
    };

    fn examples() -> Vec<Self> {
        vec![Self::default(), Self { kernel: 2, stride: 2 }]
    }

    fn promises(&self) -> Promises {
        Promises {
            gain: None,
            linear: true,
            shifts_by_stride: self.kernel <= 2,
            ..Promises::pooling(self.stride)
        }
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_cells(Self::NAME, "kernel", self.kernel)?;
        check_cells(Self::NAME, "stride", self.stride)
    }

    fn place(&self, slot: &mut Slot<'_>) -> Result<(), DescriptionError> {
        let channels = slot.channels();
        let convolution =
            ConvolutionSpec::square(channels, self.kernel, self.stride, Border::same(self.kernel));
        slot.push(StageSpec::Convolution(ConvolutionSpec { groups: channels, ..convolution }));
        Ok(())
    }
}
