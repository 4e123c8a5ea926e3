//! Power of tests of a statement about a mean difference: the chance that n seeds show it, or its opposite.
//!
//! For a true difference δ and the standard deviation σ of the differences per seed, a one-sided t test shows "above b" at α with the chance
//! P(T > t(1 − α; n − 1)), T noncentral t with shift √n (δ − b)/σ. "Within ±m" is shown by two such tests ([`equivalence_power_at`]), and refuted
//! by one of two at α/2 each. Assumptions as for the t test, and that σ is known. Source: Julious (2010), "Sample sizes for clinical trials".

use super::equivalence_power::equivalence_power_at;
use super::evidence::Statement;
use super::noncentral_t::noncentral_t_cdf;
use super::student::student_quantile;

/// Shifts beyond this are decided: [`noncentral_t_cdf`] is exact up to it.
const LARGEST_SHIFT: f64 = 40.0;

/// A plan for one statement, in units of the metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StatementPlan {
    /// The statement.
    pub statement: Statement,
    /// Its margin.
    pub margin: f64,
    /// The true mean difference.
    pub difference: f64,
    /// Standard deviation of the differences per seed, above 0.
    pub spread: f64,
    /// Seeds, at least 2.
    pub n: u32,
}

/// Chance that the statement is shown at `alpha`.
///
/// ```
/// use allconv_study::stats::{Statement, StatementPlan, chance_shown};
///
/// let plan = StatementPlan { statement: Statement::NotHigher, margin: 1.0, difference: 0.0, spread: 1.02, n: 9 };
/// // Three such parts, of five claims: 0.165 for all of them.
/// assert!((chance_shown(plan, 0.01).powi(3) - 0.165).abs() < 0.01);
/// ```
pub fn chance_shown(plan: StatementPlan, alpha: f64) -> f64 {
    let StatementPlan { statement, margin, difference, spread, n } = plan;
    match statement {
        Statement::Higher => above(difference - margin, plan, alpha),
        Statement::NotLower => above(difference + margin, plan, alpha),
        Statement::Lower => above(-difference - margin, plan, alpha),
        Statement::NotHigher => above(margin - difference, plan, alpha),
        Statement::Equivalent => equivalence_power_at(margin / spread, difference / spread, n, alpha),
    }
}

/// Chance that the opposite of the statement is shown at `alpha`.
pub fn chance_refuted(plan: StatementPlan, alpha: f64) -> f64 {
    let StatementPlan { statement, margin, difference, .. } = plan;
    match statement {
        Statement::Higher => above(margin - difference, plan, alpha),
        Statement::NotLower => above(-margin - difference, plan, alpha),
        Statement::Lower => above(difference + margin, plan, alpha),
        Statement::NotHigher => above(difference - margin, plan, alpha),
        Statement::Equivalent => {
            let (over, under) = (
                above(difference - margin, plan, alpha / 2.0),
                above(-margin - difference, plan, alpha / 2.0),
            );
            (over + under).min(1.0)
        }
    }
}

/// Chance that a mean is shown to lie above a bound above which it truly lies by `distance`.
fn above(distance: f64, plan: StatementPlan, alpha: f64) -> f64 {
    let freedom = f64::from(plan.n) - 1.0;
    let shift = f64::from(plan.n).sqrt() * distance / plan.spread;
    if shift.abs() > LARGEST_SHIFT {
        return if shift > 0.0 { 1.0 } else { 0.0 };
    }
    (1.0 - noncentral_t_cdf(student_quantile(1.0 - alpha, freedom), freedom, shift)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(statement: Statement, difference: f64) -> StatementPlan {
        StatementPlan { statement, margin: 1.0, difference, spread: 1.02, n: 9 }
    }

    #[test]
    fn the_audits_design_is_as_weak_as_it_was_simulated() {
        // Five claims of three parts each, nine seeds, a spread of 1.02 points.
        let equivalent = chance_shown(plan(Statement::Equivalent, 0.0), 0.01);
        assert!((equivalent.powi(3) - 0.015).abs() < 0.005, "{equivalent}");
        let refuted = chance_refuted(plan(Statement::NotHigher, 3.0), 0.01 / 3.0);
        assert!((refuted - 0.96).abs() < 0.02, "{refuted}");
    }

    #[test]
    fn on_its_bound_a_statement_is_shown_and_refuted_as_often_as_the_level_says() {
        for (statement, bound) in [
            (Statement::Higher, 1.0),
            (Statement::NotHigher, 1.0),
            (Statement::Lower, -1.0),
            (Statement::NotLower, -1.0),
        ] {
            assert!((chance_shown(plan(statement, bound), 0.05) - 0.05).abs() < 1e-6, "{statement:?}");
            assert!((chance_refuted(plan(statement, bound), 0.05) - 0.05).abs() < 1e-6, "{statement:?}");
        }
    }

    #[test]
    fn far_from_its_bound_it_is_decided() {
        let far = StatementPlan { spread: 1e-6, ..plan(Statement::Higher, 2.0) };
        assert_eq!((chance_shown(far, 0.05), chance_refuted(far, 0.05)), (1.0, 0.0));
    }
}
