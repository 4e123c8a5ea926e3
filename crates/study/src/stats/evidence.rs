//! Evidence for and against a statement about a mean difference, and about several of them together.
//!
//! A statement says where the true mean difference δ lies: below −m, above m, inside ±m, above −m, or below m, with a margin m ≥ 0. Two
//! hypotheses are tested against it: that it is false (small p *for*: it is shown), and that it is true (small p *against*: its opposite is
//! shown). Exactly one of the two hypotheses holds, so at a level α the chance of a wrong finding is at most α.
//!
//! A claim that joins k statements by "and" is shown when each of them is (intersection–union test: p for = the largest), and refuted
//! when at least one of them is (p against = k times the smallest, Bonferroni). Of m claims, each verdict at α/m, the chance of any wrong
//! verdict is at most α. Assumptions: as for the t test; none about the dependence between statements. Source: Berger (1982),
//! "Multiparameter hypothesis testing and acceptance sampling"; Wellek (2010), chapters 1 and 2.

use super::one_sided_t::{mean_above_p, mean_below_p};
use super::permutation::{centre_above_p, centre_below_p};

/// A statement about a true mean difference; the margin is given separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statement {
    /// Below −margin.
    Lower,
    /// Above the margin.
    Higher,
    /// Inside ±margin.
    Equivalent,
    /// Above −margin: if it is lower, then by less than the margin.
    NotLower,
    /// Below the margin: if it is higher, then by less than the margin.
    NotHigher,
}

impl Statement {
    /// All statements, in the order of their declaration.
    pub const ALL: [Statement; 5] = [
        Statement::Lower,
        Statement::Higher,
        Statement::Equivalent,
        Statement::NotLower,
        Statement::NotHigher,
    ];

    /// Returns the name in study files and results.
    pub fn name(self) -> &'static str {
        match self {
            Statement::Lower => "lower",
            Statement::Higher => "higher",
            Statement::Equivalent => "equivalent",
            Statement::NotLower => "not_lower",
            Statement::NotHigher => "not_higher",
        }
    }
}

/// The evidence of differences for and against a statement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// p of the hypothesis that the statement is false.
    pub p_for: f64,
    /// p of the hypothesis that the statement is true.
    pub p_against: f64,
}

impl Evidence {
    /// Nothing is known.
    pub const NONE: Evidence = Evidence { p_for: 1.0, p_against: 1.0 };
}

/// Evidence about one statement from differences per seed; `None` below two of them.
///
/// ```
/// use allconv_study::stats::{Statement, evidence};
///
/// let differences = [0.001, -0.001, 0.002, 0.0, -0.002];
/// let within = evidence(&differences, Statement::Equivalent, 0.005).unwrap();
/// assert!(within.p_for < 0.01 && within.p_against == 1.0);
/// let higher = evidence(&differences, Statement::Higher, 0.005).unwrap();
/// assert!(higher.p_for > 0.99 && higher.p_against < 0.01);
/// ```
pub fn evidence(differences: &[f64], statement: Statement, margin: f64) -> Option<Evidence> {
    let sides = Sides { above: mean_above_p, below: mean_below_p };
    evidence_by(sides, differences, statement, margin)
}

/// The same by exact sign flips, which assume symmetry about the bound in place of a normal distribution; p is never below 1/2ⁿ.
///
/// ```
/// use allconv_study::stats::{Statement, flip_evidence};
///
/// let found = flip_evidence(&[0.3, 0.1, 0.25, 0.05, 0.2, 0.4], Statement::Higher, 0.0).unwrap();
/// assert_eq!((found.p_for, found.p_against), (1.0 / 64.0, 1.0));
/// ```
pub fn flip_evidence(differences: &[f64], statement: Statement, margin: f64) -> Option<Evidence> {
    evidence_by(Sides { above: centre_above_p, below: centre_below_p }, differences, statement, margin)
}

/// A one-sided test: p that is small when the centre of differences is shown to lie above a bound, or below it.
#[derive(Clone, Copy)]
struct Sides {
    above: fn(&[f64], f64) -> Option<f64>,
    below: fn(&[f64], f64) -> Option<f64>,
}

fn evidence_by(sides: Sides, differences: &[f64], statement: Statement, margin: f64) -> Option<Evidence> {
    let below = |bound: f64| (sides.below)(differences, bound);
    let above = |bound: f64| (sides.above)(differences, bound);
    let (p_for, p_against) = match statement {
        Statement::Lower => (below(-margin)?, above(-margin)?),
        Statement::Higher => (above(margin)?, below(margin)?),
        Statement::NotLower => (above(-margin)?, below(-margin)?),
        Statement::NotHigher => (below(margin)?, above(margin)?),
        // Outside means beyond one of two bounds, so the smaller of two p is doubled.
        Statement::Equivalent => {
            (above(-margin)?.max(below(margin)?), (2.0 * above(margin)?.min(below(-margin)?)).min(1.0))
        }
    };
    Some(Evidence { p_for, p_against })
}

/// Evidence about the claim that all statements hold. One of which nothing is known keeps the claim from being shown, not from being
/// refuted.
///
/// ```
/// use allconv_study::stats::{Evidence, evidence_for_all};
///
/// let parts = [Evidence { p_for: 0.01, p_against: 0.9 }, Evidence { p_for: 0.04, p_against: 0.8 }];
/// assert_eq!(evidence_for_all(&parts), Evidence { p_for: 0.04, p_against: 1.0 });
/// ```
pub fn evidence_for_all(parts: &[Evidence]) -> Evidence {
    let smallest = parts.iter().map(|part| part.p_against).fold(1.0, f64::min);
    Evidence {
        // Nothing is shown by no statement at all.
        p_for: parts.iter().map(|part| part.p_for).reduce(f64::max).unwrap_or(1.0),
        p_against: (parts.len().max(1) as f64 * smallest).min(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::mean_interval;

    const DIFFERENCES: [f64; 7] = [0.3, 0.1, 0.25, -0.05, 0.2, 0.4, -0.1];

    #[test]
    fn a_direction_is_shown_exactly_when_the_ninety_percent_interval_lies_on_its_side() {
        let interval = mean_interval(&DIFFERENCES, 0.9).unwrap();
        for margin in [0.0, 0.02, 0.05, 0.1, 0.3, 0.4] {
            let of = |statement| evidence(&DIFFERENCES, statement, margin).unwrap();
            assert_eq!(of(Statement::Higher).p_for < 0.05, interval.low > margin, "margin {margin}");
            assert_eq!(of(Statement::Lower).p_against < 0.05, interval.low > -margin, "margin {margin}");
            assert_eq!(of(Statement::NotHigher).p_for < 0.05, interval.high < margin, "margin {margin}");
            assert_eq!(of(Statement::NotLower).p_for < 0.05, interval.low > -margin, "margin {margin}");
            let inside = interval.low > -margin && interval.high < margin;
            assert_eq!(of(Statement::Equivalent).p_for < 0.05, inside, "margin {margin}");
        }
    }

    #[test]
    fn no_statement_is_both_shown_and_refuted() {
        for statement in Statement::ALL {
            for margin in [0.0, 0.05, 0.16, 0.5] {
                for shift in [-1.0, -0.3, 0.0, 0.2, 1.0] {
                    let shifted: Vec<f64> = DIFFERENCES.iter().map(|value| value + shift).collect();
                    let found = evidence(&shifted, statement, margin).unwrap();
                    assert!(found.p_for + found.p_against >= 1.0 - 1e-12, "{statement:?} {margin} {shift}");
                }
            }
        }
    }

    #[test]
    fn p_for_a_claim_is_its_largest_and_p_against_its_smallest_times_the_parts() {
        let good = Evidence { p_for: 0.001, p_against: 1.0 };
        let bad = Evidence { p_for: 0.99, p_against: 0.01 };
        assert_eq!(evidence_for_all(&[good, good]).p_for, 0.001);
        assert_eq!(evidence_for_all(&[good, bad]), Evidence { p_for: 0.99, p_against: 0.02 });
        assert_eq!(evidence_for_all(&[good, Evidence::NONE]).p_for, 1.0);
        assert_eq!(evidence_for_all(&[bad, Evidence::NONE]).p_against, 0.02);
        assert_eq!(evidence_for_all(&[]), Evidence::NONE);
        assert_eq!(evidence(&[0.1], Statement::Higher, 0.0), None);
    }
}
