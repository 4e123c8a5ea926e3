//! An operator in words.

/// What an operator is, whatever its settings; `docs/operators.md` and `allconv operators show` print it.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// Its name, as in a study file.
    pub name: &'static str,
    /// Raised by whoever changes the values that the operator computes: runs before and after are then told apart.
    pub revision: u32,
    /// What it does, in a sentence.
    pub statement: &'static str,
    /// Its definition.
    pub formula: &'static str,
    /// Output shape for an input `[n, c, h, w]`.
    pub shape: &'static str,
    /// What happens at the edges of the map.
    pub boundary: &'static str,
    /// Work per output value, and learned parameters.
    pub cost: &'static str,
    /// Where it is published.
    pub source: &'static str,
    /// Where implementations in the wild differ and which one ours follows, patents, traps. Empty if there is none.
    pub note: &'static str,
}
