//! A depthwise strided convolution: learned pooling that mixes no channels.

use super::downsampling::{Downsampling, Following, Part};
use super::properties::{Properties, SLOT_SHAPE};
use crate::convolution_spec::{Border, ConvolutionSpec};
use crate::prelude::*;

/// A strided convolution of each channel alone, without activation. [`DepthwiseConv::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DepthwiseConv {
    /// Height and width of the kernel, 1 to 64. Default 3.
    pub kernel: usize,
    /// Positions between outputs, 1 to 64. Default 2.
    pub stride: usize,
}

impl Default for DepthwiseConv {
    fn default() -> Self {
        Self { kernel: 3, stride: 2 }
    }
}

impl Settings for DepthwiseConv {
    const DESCRIPTION: Description = Description {
        name: "depthwise_conv",
        kind: Kind::Convolution,
        revision: 1,
        statement: "A strided convolution of each channel alone: learned, feature-wise, linear pooling.",
        formula: "y[c,i,j] = b[c] + sum over u, v of W[c,u,v] · x[c, stride·i + u − p, stride·j + v − p], p = floor((kernel − 1)/2)",
        shape: SLOT_SHAPE,
        boundary: "zeros: floor((kernel − 1)/2) before and floor(kernel/2) after",
        cost: "kernel² multiply–accumulates; c·(kernel² + 1) parameters",
        source: "Springenberg et al., arXiv 1412.6806, section 2 (a feature-wise convolution); Sifre, thesis, 2014",
        note: "No activation follows, since it mixes no channels: a mean whose weights are learned.",
    };

    fn examples() -> Vec<Self> {
        vec![Self::default(), Self { kernel: 2, stride: 2 }]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_window(self.kernel, self.stride)
    }
}

impl Downsampling for DepthwiseConv {
    fn properties(&self) -> Properties {
        Properties {
            gain: None,
            linear: true,
            shifts_by_stride: self.kernel <= 2,
            ..Properties::pooling(self.stride)
        }
    }

    fn parts(&self, channels: usize) -> Vec<Part> {
        let border = Border::same(self.kernel);
        let convolution = ConvolutionSpec::square(channels, self.kernel, self.stride, border);
        let convolution = ConvolutionSpec { groups: channels, ..convolution };
        vec![Part::Convolution(convolution, Following::Nothing)]
    }
}
