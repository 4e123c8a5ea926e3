//! The interface of every downsampling operator, and the parts that it is made of.

use super::properties::Properties;
use super::reduction::Reducer;
use crate::convolution_spec::ConvolutionSpec;
use crate::error::OutOfRange;
use crate::operator::Operator;
use crate::switches::SwitchKind;

/// An operator for the slot of a network. One that computes by itself implements [`Reduction`](super::Reduction), which implements this
/// trait.
pub trait Downsampling: Operator {
    /// Refuses settings that are out of range.
    ///
    /// # Errors
    ///
    /// The field with its path, its value and the range.
    fn check(&self) -> Result<(), OutOfRange> {
        self.check_in("downsample")
    }

    /// Returns the properties that it has with these settings.
    fn properties(&self) -> Properties;

    /// Returns the parts that it is made of for a map of `channels`, in order.
    fn parts(&self, channels: usize) -> Vec<Part>;

    /// Returns the kind of switches that it gives to the upsampling operator that undoes it.
    fn switches(&self) -> SwitchKind {
        SwitchKind::None
    }

    /// Returns kernel and stride of the windows whose maxima are its switches; `None` where it has no such switches.
    fn max_windows(&self) -> Option<[usize; 2]> {
        None
    }
}

/// A part of a downsampling operator.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// An operator that computes by itself. No activation follows.
    Reduction(Reducer),
    /// A convolution.
    Convolution(ConvolutionSpec, Following),
    /// The stride of the convolution before the operator is multiplied by this factor.
    FoldedStride(usize),
    /// The dilation of every later convolution of the network is multiplied by this factor.
    Dilation(usize),
}

/// What follows a convolution that is part of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Following {
    /// Nothing: it does not mix channels.
    Nothing,
    /// The network's normalisation, if it has one.
    Normalisation,
    /// The network's normalisation, if it has one, and its activation, as after every learned mixture of channels.
    Activation,
}

impl Part {
    /// Returns an operator that computes by itself as a part.
    pub fn reduction(operator: impl Into<Reducer>) -> Self {
        Self::Reduction(operator.into())
    }
}
