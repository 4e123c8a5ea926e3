//! Properties of downsampling operators, which tests measure.

/// The shape of an operator that obeys the rule of the slot.
pub(super) const SLOT_SHAPE: &str = "[n, c, ceil(h/stride), ceil(w/stride)]; any h, w ≥ 1";
/// The boundary of windows that start at the first position.
pub(super) const CUT_OFF: &str = "the first window starts at the first position, the last ones are cut off by the far edge; positions beyond it are left out";

/// Properties of an operator with these settings. Tests measure each on every operator: an undeclared one that holds
/// fails just as one that is declared and does not hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Properties {
    /// The stride `s` under which every height or width `h ≥ 1` becomes `ceil(h / s)`; `None` where the shape rule is another.
    pub slot_rule: Option<usize>,
    /// `y / c` in the interior for every constant input `c > 0`; `None` where there is no such number.
    pub gain: Option<f64>,
    /// `f(a·x + b·y) = a·f(x) + b·f(y)` in evaluation.
    pub linear: bool,
    /// Training draws random numbers or computes something else than evaluation.
    pub differs_in_training: bool,
    /// Each output channel depends on one input channel only.
    pub channel_wise: bool,
    /// Where the stride divides height and width, a circular shift by the stride shifts the output by one position.
    pub shifts_by_stride: bool,
    /// Where height and width are even, any circular shift shifts the output circularly.
    pub shifts_by_one: bool,
}

impl Properties {
    /// Returns an operator that obeys the rule of the slot with this stride, keeps constants, works on each channel alone,
    /// computes the same in training and is not linear.
    pub const fn pooling(stride: usize) -> Self {
        Self {
            slot_rule: Some(stride),
            gain: Some(1.0),
            linear: false,
            differs_in_training: false,
            channel_wise: true,
            shifts_by_stride: false,
            shifts_by_one: false,
        }
    }

    /// Returns [`Self::pooling`] for windows of `kernel` positions along each axis that are cut off by the far edge: none is cut off where
    /// they do not overlap.
    pub const fn windows(kernel: usize, stride: usize) -> Self {
        Self { shifts_by_stride: kernel <= stride, ..Self::pooling(stride) }
    }
}
