//! What becomes of a signal on its way back through the stages that are not linear: the rules of section 4 of the paper.

/// What a rectifier lets pass of the signal `R'` that arrives from above, `f` its input on the way forward.
///
/// With `d(v) = 1` where `v > 0` and the slope elsewhere (0 for a ReLU, the slope of a leaky one):
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
    /// The rectifier once more, on the signal.
    Deconvnet,
    /// Both: neither units that were off nor negative signals pass.
    Guided,
}

/// Where max pooling sends the signal of a window.
///
/// Belongs to the operator `max_pool` and those made of it (`conv_pool`, `max_blur_pool`); all others keep their gradient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MaxPoolRule {
    /// To the position that was the largest: the gradient, the "switches" of the deconvnet.
    #[default]
    Switches,
    /// In equal parts to all positions of the window: as if the places of the maxima were not known.
    Spread,
}

/// The rules of one way back through a network. By default they give the gradient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignalRules {
    /// At every rectifier, those inside operators included.
    pub relu: ReluRule,
    /// At every max pooling.
    pub max_pool: MaxPoolRule,
}

impl SignalRules {
    /// The gradient.
    pub const GRADIENT: Self = Self { relu: ReluRule::Backpropagation, max_pool: MaxPoolRule::Switches };

    /// A rule for rectifiers; max pooling with switches.
    pub const fn of_relu(relu: ReluRule) -> Self {
        Self { relu, max_pool: MaxPoolRule::Switches }
    }
}
