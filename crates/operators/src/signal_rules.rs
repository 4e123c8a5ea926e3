//! Rules of the backward pass through stages that are not linear, from section 4 of the paper.

/// The signal that a rectifier passes back, from the signal `R'` at its output and its input `f` in the forward pass.
///
/// With `d(v) = 1` where `v > 0` and the negative slope elsewhere (0 for a ReLU, the slope of a leaky one):
///
/// | rule | passed down |
/// |---|---|
/// | backpropagation | `d(f)·R'` |
/// | deconvnet | `d(R')·R'` |
/// | guided backpropagation | `d(f)·d(R')·R'` |
///
/// For a ReLU these are the paper's rules. A slope of 1 makes the unit linear, and all three the gradient.
///
/// Sources: Springenberg et al., arXiv 1412.6806, section 4 and figure 1; Zeiler and Fergus, arXiv 1311.2901 (deconvnet).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReluRule {
    /// The gradient.
    #[default]
    Backpropagation,
    /// The rectifier, applied to the signal.
    Deconvnet,
    /// Both: neither units that were off nor negative signals pass.
    Guided,
}

/// The positions to which max pooling passes back the signal of a window.
///
/// Belongs to the operator `max_pool` and those made of it (`conv_pool`, `max_blur_pool`); all others keep their gradient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MaxPoolRule {
    /// To the position that was the largest: the gradient, the "switches" of the deconvnet.
    #[default]
    Switches,
    /// In equal parts to all positions of the window: the positions of the maxima are not used.
    Spread,
}

/// The rules of one backward pass through a network. The default gives the gradient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignalRules {
    /// The rule of every rectifier, those inside operators included.
    pub relu: ReluRule,
    /// The rule of every max pooling.
    pub max_pool: MaxPoolRule,
}

impl SignalRules {
    /// The gradient.
    pub const GRADIENT: Self = Self { relu: ReluRule::Backpropagation, max_pool: MaxPoolRule::Switches };

    /// Creates the rules with this one for rectifiers, and switches for max pooling.
    pub const fn of_relu(relu: ReluRule) -> Self {
        Self { relu, max_pool: MaxPoolRule::Switches }
    }
}
