//! A strided convolution in the slot: the rule All-CNN of the paper.

use super::downsampling::{Downsampling, Following, Part};
use super::properties::{Properties, SLOT_SHAPE};
use crate::convolution_spec::{Border, ConvolutionSpec};
use crate::prelude::*;

/// Replaces pooling by a convolution with a stride and as many outputs as inputs, followed by the net's activation.
/// [`StridedConv::DESCRIPTION`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StridedConv {
    /// Height and width of the kernel, 1 to 64. Default 3.
    pub kernel: usize,
    /// Positions between outputs, 1 to 64. Default 2.
    pub stride: usize,
    /// Groups of channels that are not mixed, 1 to 4096; must divide the channels. Default 1.
    #[serde(skip_serializing_if = "is_one")]
    pub groups: usize,
    /// Whether the net's activation follows, as after every learned mixture of channels. Default true; false in NAFNet and ConvNeXt.
    #[serde(skip_serializing_if = "is_yes")]
    pub activation: bool,
}

impl Default for StridedConv {
    fn default() -> Self {
        Self::plain(3, 2)
    }
}

impl Settings for StridedConv {
    const DESCRIPTION: Description = Description {
        name: "strided_conv",
        kind: Kind::Convolution,
        revision: 1,
        statement: "A convolution with a stride and as many outputs as inputs, followed by the net's activation.",
        formula: "y[o,i,j] = f(b[o] + sum over c, u, v of W[o,c,u,v] · x[c, stride·i + u − p, stride·j + v − p]), \
                  p = floor((kernel − 1)/2); without `activation` f is the identity",
        shape: SLOT_SHAPE,
        boundary: "zeros: floor((kernel − 1)/2) before and floor(kernel/2) after",
        cost: "c·kernel²/groups multiply–accumulates; c²·kernel²/groups + c parameters",
        source: "Springenberg et al., arXiv 1412.6806, section 3 and table 2 (3×3, stride 2)",
        note: "Two ports to Keras lack the activation after it.",
    };

    fn examples() -> Vec<Self> {
        vec![
            Self::default(),
            Self::plain(2, 2),
            Self::plain(1, 2),
            Self::plain(5, 3),
            Self { groups: 3, ..Self::default() },
            Self { activation: false, ..Self::plain(2, 2) },
        ]
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check_window(self.kernel, self.stride)?;
        check_range("groups", self.groups, 1..=4096, "from 1 to 4096")
    }
}

impl Downsampling for StridedConv {
    fn properties(&self) -> Properties {
        Properties {
            gain: None,
            linear: !self.activation,
            shifts_by_stride: self.kernel <= 2,
            channel_wise: false,
            ..Properties::pooling(self.stride)
        }
    }

    fn parts(&self, channels: usize) -> Vec<Part> {
        let border = Border::same(self.kernel);
        let convolution = ConvolutionSpec::square(channels, self.kernel, self.stride, border);
        let convolution = ConvolutionSpec { groups: self.groups, ..convolution };
        let following = if self.activation { Following::Activation } else { Following::Normalisation };
        vec![Part::Convolution(convolution, following)]
    }
}

impl StridedConv {
    /// Creates a strided convolution that mixes all channels.
    pub const fn plain(kernel: usize, stride: usize) -> Self {
        Self { kernel, stride, groups: 1, activation: true }
    }
}
