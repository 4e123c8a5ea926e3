//! The tests and the corrections that `compare` chooses among.

/// The test that gives a verdict on each comparison with the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestKind {
    /// Student's t on the differences per seed; needs 5 seeds for a verdict.
    PairedT,
    /// Exact sign-flipping of the differences per seed.
    Permutation,
    /// Wilcoxon's signed ranks, exact.
    Wilcoxon,
    /// Welch's t, for arms whose seeds do not pair.
    Welch,
}

impl TestKind {
    pub(super) const CHOICES: [(&'static str, TestKind); 4] = [
        ("paired-t", TestKind::PairedT),
        ("permutation", TestKind::Permutation),
        ("wilcoxon", TestKind::Wilcoxon),
        ("welch", TestKind::Welch),
    ];

    /// Returns the name in study files.
    pub fn name(self) -> &'static str {
        Self::CHOICES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

/// How p values are corrected for the number of comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Correction {
    /// Holm's step-down: controls the chance of any false claim.
    Holm,
    /// Benjamini–Hochberg: controls the expected proportion of false claims.
    BenjaminiHochberg,
    /// None.
    None,
}

impl Correction {
    pub(super) const CHOICES: [(&'static str, Correction); 3] = [
        ("holm", Correction::Holm),
        ("benjamini-hochberg", Correction::BenjaminiHochberg),
        ("none", Correction::None),
    ];

    /// Returns the name in study files.
    pub fn name(self) -> &'static str {
        Self::CHOICES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}
