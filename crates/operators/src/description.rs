//! What every operator says about itself in words.

/// An operator in words; `docs/operators.md` and `allconv operators show` print it.
#[derive(Clone, Copy, Debug)]
pub struct Card {
    /// What it does, in a sentence.
    pub statement: &'static str,
    /// Its definition.
    pub formula: &'static str,
    /// Output shape for an input `[n, c, h, w]`.
    pub shape: &'static str,
    /// What happens at the edges of the map.
    pub boundary: &'static str,
    /// Work per output value, and learned values.
    pub cost: &'static str,
    /// Where it is published.
    pub source: &'static str,
    /// Where implementations in the wild differ and which one ours follows, patents, traps. Empty if there is none.
    pub note: &'static str,
}
