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
    /// What each image kept.
    pub shares: Shares,
    /// First row and first column of each component.
    pub order: [[usize; 2]; 4],
}

/// How an image's polyphase components are shared out.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "one of them for each pass, never a list")]
pub enum Shares {
    /// Of each image one component is kept whole: its place in the order.
    Whole(Vec<usize>),
    /// A mixture, in the training of a learned choice: `[4, n]`, each column sums to 1.
    Mixed(Tensor<2>),
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
