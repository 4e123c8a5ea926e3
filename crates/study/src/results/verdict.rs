//! The verdict of a comparison, by the test, level and margin that the study fixed beforehand.

/// Whether an arm is better or worse than the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// In the direction that the study calls better.
    Better,
    /// In the other.
    Worse,
}

/// The verdict on an arm and the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No pair of seeds has a value for both.
    NoPairs,
    /// Runs are still missing. A verdict now would be one of many looks, and raise the chance of a false claim.
    Interim,
    /// Too few seeds for a verdict: intervals only.
    IntervalsOnly,
    /// A difference was shown.
    Shown(Direction),
    /// A difference was shown, and also that it is smaller than the margin.
    ShownButEquivalent(Direction),
    /// It was shown that the difference is smaller than the margin.
    Equivalent,
    /// Neither was shown.
    NotShown,
    /// All runs have ended, and no seed is left in which both have a value: runs were lost.
    Lost,
    /// The difference is the same in every seed and not zero: without spread no test is possible.
    NoSpread,
    /// The difference is shown to be smaller than the margin, but neither arm is better than a reference without training: no equivalence.
    AtChance,
}

impl Verdict {
    /// Decides from the corrected p values.
    pub(crate) fn decide(
        alpha: f64,
        direction: Direction,
        corrected_p: Option<f64>,
        corrected_equivalence_p: Option<f64>,
    ) -> Verdict {
        let holds = |p: Option<f64>| p.is_some_and(|p| p <= alpha);
        match (holds(corrected_p), holds(corrected_equivalence_p)) {
            (true, true) => Verdict::ShownButEquivalent(direction),
            (true, false) => Verdict::Shown(direction),
            (false, true) => Verdict::Equivalent,
            (false, false) => Verdict::NotShown,
        }
    }

    /// The same where neither arm is better than a reference without training: the equivalence of two arms that learned nothing shows
    /// nothing.
    pub(crate) fn without_equivalence(self) -> Verdict {
        match self {
            Verdict::Equivalent => Verdict::AtChance,
            Verdict::ShownButEquivalent(direction) => Verdict::Shown(direction),
            other => other,
        }
    }

    /// Returns whether something was shown, so that further seeds are not needed.
    pub fn is_decision(self) -> bool {
        matches!(self, Verdict::Shown(_) | Verdict::ShownButEquivalent(_) | Verdict::Equivalent)
    }

    /// Returns the stable name in machine-readable results.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::NoPairs => "no_pairs",
            Verdict::Interim => "interim",
            Verdict::IntervalsOnly => "intervals_only",
            Verdict::Shown(Direction::Better) => "better",
            Verdict::Shown(Direction::Worse) => "worse",
            Verdict::ShownButEquivalent(Direction::Better) => "better_within_margin",
            Verdict::ShownButEquivalent(Direction::Worse) => "worse_within_margin",
            Verdict::Equivalent => "equivalent",
            Verdict::NotShown => "not_shown",
            Verdict::Lost => "lost",
            Verdict::NoSpread => "no_spread",
            Verdict::AtChance => "at_chance",
        }
    }

    /// Returns a label of two or three words for a table.
    pub fn label(self) -> &'static str {
        match self {
            Verdict::NoPairs => "no data",
            Verdict::Interim => "runs missing",
            Verdict::IntervalsOnly => "too few seeds for a verdict",
            Verdict::Shown(Direction::Better) => "shown better",
            Verdict::Shown(Direction::Worse) => "shown worse",
            Verdict::ShownButEquivalent(Direction::Better) => "better, within margin",
            Verdict::ShownButEquivalent(Direction::Worse) => "worse, within margin",
            Verdict::Equivalent => "shown equivalent",
            Verdict::NotShown => "undecided",
            Verdict::Lost => "runs lost",
            Verdict::NoSpread => "no spread",
            Verdict::AtChance => "both at chance",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_undefined_p_shows_nothing() {
        let decide = |p, q| Verdict::decide(0.05, Direction::Worse, p, q);
        assert_eq!(decide(None, None), Verdict::NotShown);
        assert_eq!(decide(Some(f64::NAN), Some(f64::NAN)), Verdict::NotShown);
        assert_eq!(decide(Some(0.05), None), Verdict::Shown(Direction::Worse));
        assert_eq!(decide(Some(0.2), Some(0.01)), Verdict::Equivalent);
        assert_eq!(decide(Some(0.01), Some(0.01)), Verdict::ShownButEquivalent(Direction::Worse));
    }
}
