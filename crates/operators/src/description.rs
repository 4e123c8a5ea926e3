//! Descriptions of operators.

/// The description of an operator, independent of its settings; `docs/operators.md` and `allconv operators show` print it.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// Its name, as in a study file.
    pub name: &'static str,
    /// What computes its output values.
    pub kind: Kind,
    /// To be raised with every change of the values that the operator computes, so that runs before and after it differ.
    pub revision: u32,
    /// What it does, in a sentence.
    pub statement: &'static str,
    /// Its definition.
    pub formula: &'static str,
    /// Output shape for an input `[n, c, h, w]`.
    pub shape: &'static str,
    /// Treatment of the edges of the map.
    pub boundary: &'static str,
    /// Work per output value, and learned parameters.
    pub cost: &'static str,
    /// Where it is published.
    pub source: &'static str,
    /// Differences between published implementations and the one followed here, patents, pitfalls. May be empty.
    pub note: &'static str,
}

/// The computation by which an operator obtains its output values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A statistic of each window, such as its maximum or mean, or the inverse of that.
    Pooling,
    /// A convolution with learned weights.
    Convolution,
    /// Positions are moved to channels, or channels to positions.
    Rearrangement,
    /// A low-pass filter, a wavelet or a transform to frequencies.
    Filter,
    /// Some of the positions are kept, the others are left out.
    Selection,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 5] =
        [Self::Pooling, Self::Convolution, Self::Rearrangement, Self::Filter, Self::Selection];

    /// Returns the name on the command line and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pooling => "pooling",
            Self::Convolution => "convolution",
            Self::Rearrangement => "rearrangement",
            Self::Filter => "filter",
            Self::Selection => "selection",
        }
    }
}
