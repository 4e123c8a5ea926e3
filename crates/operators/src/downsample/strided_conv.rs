//! A strided convolution in the slot: the rule All-CNN of the paper.

use serde::{Deserialize, Serialize};

use super::promises::{Promises, SLOT_SHAPE};
use super::settings::{check_cells, check_range, is_one, is_yes, one, three, two, yes};
use super::slot::{Operator, Slot};
use crate::card::Card;
use crate::description::DescriptionError;
use crate::stage::{Border, ConvolutionSpec};

/// Replaces pooling by a convolution with a stride and as many outputs as inputs, followed by the net's activation.
/// [`StridedConv::CARD`] has the definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StridedConv {
    /// Side of the kernel in cells, 1 to 64. Default 3.
    #[serde(default = "three")]
    pub kernel: usize,
    /// Cells between outputs, 1 to 64. Default 2.
    #[serde(default = "two")]
    pub stride: usize,
    /// Groups of channels that are not mixed, 1 to 4096; must divide the channels. Default 1.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub groups: usize,
    /// Whether the net's activation follows, as after every learned mixture of channels. Default true; false in NAFNet and ConvNeXt.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub activation: bool,
}

impl Default for StridedConv {
    fn default() -> Self {
        Self::plain(three(), two())
    }
}

impl Operator for StridedConv {
    const NAME: &'static str = "strided_conv";
    const REVISION: u32 = 1;
    const CARD: Card = Card {
        statement: "A convolution with a stride and as many outputs as inputs, followed by the net's activation.",
        formula: "y[o,i,j] = f(b[o] + sum over c, u, v of W[o,c,u,v] · x[c, stride·i + u − p, stride·j + v − p]), \
                  p = floor((kernel − 1)/2); without `activation` f is the identity",
        shape: SLOT_SHAPE,
        boundary: "zeros: floor((kernel − 1)/2) before and floor(kernel/2) after",
        cost: "c·kernel²/groups multiply–accumulates; c²·kernel²/groups + c learned values",
        source: "Springenberg et al., arXiv 1412.6806, section 3 and table 2 (3×3, stride 2)",
        note: "Two ports to Keras forgot the activation after it.",
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

    fn promises(&self) -> Promises {
        Promises {
            gain: None,
            linear: !self.activation,
            shifts_by_stride: self.kernel <= 2,
            channel_wise: false,
            ..Promises::pooling(self.stride)
        }
    }

    fn check(&self) -> Result<(), DescriptionError> {
        check_cells(Self::NAME, "kernel", self.kernel)?;
        check_cells(Self::NAME, "stride", self.stride)?;
        check_range(Self::NAME, "groups", self.groups, 1..=4096, "from 1 to 4096")
    }

    fn place(&self, slot: &mut Slot<'_>) -> Result<(), DescriptionError> {
        let convolution =
            ConvolutionSpec::square(slot.channels(), self.kernel, self.stride, Border::same(self.kernel));
        let convolution = ConvolutionSpec { groups: self.groups, ..convolution };
        match self.activation {
            true => slot.push_convolution(convolution),
            false => slot.push_linear_convolution(convolution),
        }
        Ok(())
    }
}

impl StridedConv {
    /// All channels mixed.
    pub const fn plain(kernel: usize, stride: usize) -> Self {
        Self { kernel, stride, groups: 1, activation: true }
    }
}
