//! Switches: what a downsampling operator gives to the upsampling operator that undoes it.

use burn::tensor::{Int, Tensor};

/// The kinds of [`Switches`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwitchKind {
    /// Nothing.
    None,
    /// The positions of the maxima.
    MaxIndices,
    /// The phase that each image kept.
    Phases,
    /// The detail bands of a wavelet step.
    Details,
}

/// The switches of one forward pass of a downsampling operator.
#[derive(Clone, Debug)]
pub enum Switches {
    /// Nothing.
    None,
    /// The position `row · width + column` of each maximum in the map that was pooled, `[n, c, h, w]`.
    MaxIndices(Tensor<4, Int>),
    /// The polyphase components that each image kept.
    Phases(KeptPhases),
    /// The bands LH, HL and HH of the map, `[n, 3c, h, w]`, band-major.
    Details(Tensor<4>),
}

/// The polyphase components that each image of a batch kept.
#[derive(Clone, Debug)]
pub struct KeptPhases {
    /// The weight of each component in what an image kept.
    pub weights: PhaseWeights,
    /// First row and first column of each component.
    pub order: [[usize; 2]; 4],
}

/// The weights of the four polyphase components of each image.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "one of them for each pass, never a list")]
pub enum PhaseWeights {
    /// Each image kept one component: its index in the order.
    Whole(Vec<usize>),
    /// A mixture of components, in the training of a learned choice: `[4, n]`, each column sums to 1.
    Mixed(Tensor<2>),
}

impl Switches {
    /// Returns their kind.
    pub fn kind(&self) -> SwitchKind {
        match self {
            Self::None => SwitchKind::None,
            Self::MaxIndices(_) => SwitchKind::MaxIndices,
            Self::Phases(_) => SwitchKind::Phases,
            Self::Details(_) => SwitchKind::Details,
        }
    }
}
