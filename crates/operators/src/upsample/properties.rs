//! Properties of upsampling operators, which tests measure.

/// Properties of an operator with these settings. Tests measure each on every operator: one that holds undeclared fails
/// just as one that is declared and does not hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Properties {
    /// `y / c` in the interior for every constant input `c > 0`; `None` where there is no such number.
    pub gain: Option<f64>,
    /// `f(a·x + b·y) = a·f(x) + b·f(y)`, with the same switches.
    pub linear: bool,
    /// Each output channel depends on one input channel only.
    pub channel_wise: bool,
    /// Where height and width are multiples of those that enter, a circular shift by one position shifts the output by the quotient.
    pub shifts_with_the_input: bool,
}

impl Properties {
    /// A linear operator on each channel alone that keeps constants and is not equivariant to circular shifts.
    pub const FIXED: Self =
        Self { gain: Some(1.0), linear: true, channel_wise: true, shifts_with_the_input: false };

    /// A linear operator that mixes channels by learned weights.
    pub const MIXING: Self =
        Self { gain: None, linear: true, channel_wise: false, shifts_with_the_input: false };
}
