//! Verdicts on claims and their contrasts, in the regime of the study.

/// The verdict on a claim, in the regime of the study.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimVerdict {
    /// Runs are still missing.
    Interim,
    /// A contrast has too few seeds: intervals only.
    IntervalsOnly,
    /// Every contrast is shown.
    Holds,
    /// The opposite of a contrast is shown.
    Fails,
    /// Neither.
    Open,
    /// All runs have ended, and a contrast has no seed left in which all of its arms have a value.
    Lost,
    /// Neither, and a contrast is the same in every seed and not zero: only its size is known.
    NoSpread,
    /// Neither, and the arms of a contrast that states their equivalence are no better than a reference without training.
    AtChance,
}

impl ClaimVerdict {
    /// Returns the stable name in machine-readable results; these names are older than the labels.
    pub fn name(self) -> &'static str {
        match self {
            ClaimVerdict::Interim => "interim",
            ClaimVerdict::IntervalsOnly => "intervals_only",
            ClaimVerdict::Holds => "supported",
            ClaimVerdict::Fails => "contradicted",
            ClaimVerdict::Open => "not_decided",
            ClaimVerdict::Lost => "lost",
            ClaimVerdict::NoSpread => "no_spread",
            ClaimVerdict::AtChance => "at_chance",
        }
    }

    /// Returns a label of one or two words.
    pub fn label(self) -> &'static str {
        match self {
            ClaimVerdict::Interim => "runs missing",
            ClaimVerdict::IntervalsOnly => "too few seeds for a verdict",
            ClaimVerdict::Holds => "holds here",
            ClaimVerdict::Fails => "fails here",
            ClaimVerdict::Open => "open here",
            ClaimVerdict::Lost => "runs lost",
            ClaimVerdict::NoSpread => "no spread",
            ClaimVerdict::AtChance => "at chance",
        }
    }
}

/// The verdict on one contrast of a claim that has a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartVerdict {
    /// It is shown.
    Holds,
    /// Its opposite is shown.
    Fails,
    /// Neither.
    Open,
}

impl PartVerdict {
    /// Returns the stable name in machine-readable results.
    pub fn name(self) -> &'static str {
        match self {
            PartVerdict::Holds => "holds",
            PartVerdict::Fails => "fails",
            PartVerdict::Open => "open",
        }
    }
}
