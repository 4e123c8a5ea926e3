//! Equivalence: two one-sided t tests (TOST) that the difference lies inside ±margin.
//!
//! p is the larger of P(T ≥ (d̄ + Δ)/SE) and P(T ≥ (Δ − d̄)/SE). A small p *shows* that the arms differ by less than the
//! margin Δ, which "no significant difference" never does. Assumptions as for the t test. Source: Schuirmann (1987).

use super::rounding::is_constant;
use super::student::upper_tail;
use super::summary::{mean, standard_deviation};
use super::welch::welch_test;

/// p of the hypothesis that the mean difference lies outside ±`margin`; `None` below two values.
///
/// Differences that are all zero are inside any margin: 0. Equal differences other than zero have no spread to compare them with: `None`.
///
/// ```
/// let differences = [0.001, -0.001, 0.002, 0.0, -0.002];
/// assert!(allconv_study::stats::tost_p(&differences, 0.005).unwrap() < 0.05);
/// assert!(allconv_study::stats::tost_p(&differences, 0.0005).unwrap() > 0.05);
/// ```
pub fn tost_p(differences: &[f64], margin: f64) -> Option<f64> {
    let n = differences.len() as f64;
    let error = standard_deviation(differences)? / n.sqrt();
    one_sided_pair(mean(differences), error, n - 1.0, margin)
}

/// The same for two unpaired samples, with Welch's standard error and degrees of freedom; `None` where [`welch_test`] has no answer, but for
/// two samples that are one and the same value.
pub fn welch_tost_p(treated: &[f64], baseline: &[f64], margin: f64) -> Option<f64> {
    match welch_test(treated, baseline) {
        Some(test) => one_sided_pair(test.difference, test.standard_error, test.degrees_of_freedom, margin),
        None => {
            let is_one_value =
                treated.len() > 1 && baseline.len() > 1 && is_constant(&[treated, baseline].concat());
            is_one_value.then_some(if margin > 0.0 { 0.0 } else { 1.0 })
        }
    }
}

fn one_sided_pair(difference: f64, standard_error: f64, degrees_of_freedom: f64, margin: f64) -> Option<f64> {
    if standard_error == 0.0 {
        return (difference == 0.0).then_some(if margin > 0.0 { 0.0 } else { 1.0 });
    }
    let above_lower = upper_tail((difference + margin) / standard_error, degrees_of_freedom);
    let below_upper = upper_tail((margin - difference) / standard_error, degrees_of_freedom);
    Some(above_lower.max(below_upper))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::mean_interval;

    #[test]
    fn it_shows_equivalence_exactly_when_the_ninety_percent_interval_lies_inside_the_margin() {
        let differences = [0.3, 0.1, 0.25, -0.05, 0.2, 0.4, -0.1];
        let interval = mean_interval(&differences, 0.9).unwrap();
        for margin in [0.05, 0.1, 0.2, 0.28, 0.3, 0.32, 0.4] {
            let inside = interval.low > -margin && interval.high < margin;
            assert_eq!(tost_p(&differences, margin).unwrap() < 0.05, inside, "margin {margin}");
        }
    }

    #[test]
    fn without_spread_only_zero_is_inside_and_nothing_else_is_known() {
        assert_eq!(tost_p(&[0.0, 0.0], 0.2), Some(0.0));
        assert_eq!(tost_p(&[0.1, 0.1], 0.2), None);
        assert_eq!(tost_p(&[0.3, 0.3], 0.2), None);
        assert_eq!(welch_tost_p(&[0.3, 0.3], &[0.3, 0.3], 0.2), Some(0.0));
        assert_eq!(welch_tost_p(&[0.3, 0.3], &[0.4, 0.4], 0.2), None);
        assert_eq!(tost_p(&[0.3], 0.2), None);
    }
}
