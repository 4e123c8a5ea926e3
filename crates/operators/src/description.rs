//! Descriptions of operators.

/// The description of an operator, independent of its settings; `docs/operators.md` and `allconv operators show` print it.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// Its name, as in a study file.
    pub name: &'static str,
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
