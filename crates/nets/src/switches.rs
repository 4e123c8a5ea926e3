//! What a downsampling operator hands over to the upsampling operator that undoes it.

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

/// What one forward pass of a downsampling operator leaves for the way back up.
#[derive(Clone, Debug)]
pub enum Switches {
    /// Nothing.
    None,
    /// The position `row · width + column` of each maximum in the map that was pooled, `[n, c, h, w]`.
    MaxIndices(Tensor<4, Int>),
    /// How much of each polyphase component every image kept.
    Phases(PhaseShares),
    /// The bands LH, HL and HH of the map, `[n, 3c, h, w]`, band-major.
    Details(Tensor<4>),
}

/// Shares of the four polyphase components.
#[derive(Clone, Debug)]
pub struct PhaseShares {
    /// `[4, n]`, each column sums to 1: one 1 among zeros, or in the training of a learned choice a soft mixture.
    pub shares: Tensor<2>,
    /// First row and first column of each component.
    pub order: [[usize; 2]; 4],
}

impl Switches {
    /// Which kind they are.
    pub fn kind(&self) -> SwitchKind {
        match self {
            Self::None => SwitchKind::None,
            Self::MaxIndices(_) => SwitchKind::MaxIndices,
            Self::Phases(_) => SwitchKind::Phases,
            Self::Details(_) => SwitchKind::Details,
        }
    }
}
