//! Power of claims: the chance that a true claim holds, and that a false one fails.
//!
//! Every statement has a bound and a scale: its margin, or for `lower` and `higher` without one the study's equivalence margin. A claim counts as
//! true when every contrast lies one scale inside of its bound (no difference at all for `equivalent`, `not_lower` and `not_higher`), and as false
//! when one contrast lies one scale outside of it (twice the margin for these). "Holds if true" multiplies the chances of the contrasts, as
//! if they were independent; contrasts that share arms are not, and hold together a little more often than that.

use crate::file::{Contrast, StudyFile};
use crate::stats::SEEDS_FOR_A_VERDICT;
use crate::stats::{Statement, StatementPlan, chance_refuted, chance_shown};

/// The plan of a contrast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ContrastPlan {
    /// The statement about the difference.
    pub shows: Statement,
    /// The margin of that.
    pub margin: f64,
    /// Assumed distance of the true difference from the bound.
    pub scale: f64,
    /// Standard deviation of the differences per seed, above 0.
    pub spread: f64,
}

/// The power of a design for a claim.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClaimChances {
    /// Chance of "holds" if it is true.
    pub holds_if_true: f64,
    /// Chance of "fails" if its hardest contrast alone is false.
    pub fails_if_false: f64,
}

impl ContrastPlan {
    /// The plan of a contrast at a spread; `None` where no margin gives it a scale.
    pub(crate) fn of(study: &StudyFile, contrast: &Contrast, spread: f64) -> Option<ContrastPlan> {
        let scale = scale(study, contrast)?;
        (spread > 0.0).then_some(ContrastPlan {
            shows: contrast.shows,
            margin: contrast.margin,
            scale,
            spread,
        })
    }

    fn at(&self, difference: f64, n: u32) -> StatementPlan {
        StatementPlan { statement: self.shows, margin: self.margin, difference, spread: self.spread, n }
    }

    /// The difference one scale inside of the bound, and one scale outside.
    fn truths(&self) -> (f64, f64) {
        let (margin, scale) = (self.margin, self.scale);
        match self.shows {
            Statement::Higher => (margin + scale, margin - scale),
            Statement::Lower => (-margin - scale, -margin + scale),
            Statement::NotHigher => (margin - scale, margin + scale),
            Statement::NotLower => (-margin + scale, -margin - scale),
            Statement::Equivalent => (0.0, margin + scale),
        }
    }
}

impl ClaimChances {
    /// The chances with `n` seeds, for one of `claims` claims that share α; both 0 below the seeds that a verdict needs.
    pub fn of(parts: &[ContrastPlan], n: u32, claims: usize, alpha: f64) -> ClaimChances {
        if n < SEEDS_FOR_A_VERDICT || parts.is_empty() {
            return ClaimChances { holds_if_true: 0.0, fails_if_false: 0.0 };
        }
        let level = alpha / claims.max(1) as f64;
        let of_part = level / parts.len() as f64;
        let holds = parts.iter().map(|part| chance_shown(part.at(part.truths().0, n), level));
        let fails = parts.iter().map(|part| chance_refuted(part.at(part.truths().1, n), of_part));
        ClaimChances { holds_if_true: holds.product(), fails_if_false: fails.fold(1.0, f64::min) }
    }
}

/// Returns the assumed distance of a contrast's true difference from its bound.
pub(crate) fn scale(study: &StudyFile, contrast: &Contrast) -> Option<f64> {
    if contrast.margin > 0.0 {
        return Some(contrast.margin);
    }
    study.compare.equivalence_margin.filter(|_| contrast.metric == study.primary.metric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_table_three_could_hardly_have_supported_its_claims() {
        let parts = |shows| [ContrastPlan { shows, margin: 0.01, scale: 0.01, spread: 0.0102 }; 3];
        let not_higher = ClaimChances::of(&parts(Statement::NotHigher), 9, 5, 0.05);
        assert!((not_higher.holds_if_true - 0.165).abs() < 0.01, "{not_higher:?}");
        let equivalent = ClaimChances::of(&parts(Statement::Equivalent), 9, 5, 0.05);
        assert!((equivalent.holds_if_true - 0.015).abs() < 0.005, "{equivalent:?}");
        assert!(not_higher.fails_if_false < 0.5 && equivalent.fails_if_false < not_higher.fails_if_false);
        assert_eq!(ClaimChances::of(&parts(Statement::Lower), 4, 1, 0.05).holds_if_true, 0.0);
    }

    #[test]
    fn every_statement_is_true_inside_and_false_outside() {
        for shows in Statement::ALL {
            let part = ContrastPlan { shows, margin: 0.01, scale: 0.01, spread: 0.001 };
            let chances = ClaimChances::of(&[part], 9, 1, 0.05);
            assert!(chances.holds_if_true > 0.999 && chances.fails_if_false > 0.999, "{shows:?} {chances:?}");
        }
    }
}
