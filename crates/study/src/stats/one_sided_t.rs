//! One-sided t tests: does the mean difference lie above, or below, a bound?
//!
//! With t = (d̄ − b)/(s/√n), p of "the mean is at most b" is P(T ≥ t) and p of "the mean is at least b" is P(T ≤ t), n − 1 degrees of
//! freedom. With b = 0 this asks for a direction, with b = ±margin for non-inferiority. Assumptions as for the t test. Source: Student (1908);
//! for the margins, Wellek (2010), "Testing statistical hypotheses of equivalence and noninferiority", chapter 2.

use super::student::upper_tail;
use super::summary::{mean, standard_deviation};

/// p of the hypothesis that the mean is at most `bound`: small when it is shown to lie above. `None` below two values.
///
/// Where all differences are zero the answer is certain: 0 above the bound, 1 on or below it. Equal differences other than zero have no
/// spread to compare them with: `None`.
///
/// ```
/// use allconv_study::stats::{mean_above_p, mean_below_p};
///
/// // d̄ = 2, s = 1.633, n = 4 against 0: t = 2.449 with 3 degrees of freedom.
/// let above = mean_above_p(&[0.0, 2.0, 2.0, 4.0], 0.0).unwrap();
/// assert!((above - 0.04586).abs() < 1e-4);
/// assert!((above + mean_below_p(&[0.0, 2.0, 2.0, 4.0], 0.0).unwrap() - 1.0).abs() < 1e-12);
/// ```
pub fn mean_above_p(differences: &[f64], bound: f64) -> Option<f64> {
    let n = differences.len() as f64;
    let error = standard_deviation(differences)? / n.sqrt();
    let gap = mean(differences) - bound;
    if error == 0.0 {
        return (mean(differences) == 0.0).then_some(if gap > 0.0 { 0.0 } else { 1.0 });
    }
    Some(upper_tail(gap / error, n - 1.0))
}

/// p of the hypothesis that the mean is at least `bound`: small when it is shown to lie below. `None` below two values.
pub fn mean_below_p(differences: &[f64], bound: f64) -> Option<f64> {
    let mirrored: Vec<f64> = differences.iter().map(|difference| -difference).collect();
    mean_above_p(&mirrored, -bound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{paired_t_test, tost_p};

    const DIFFERENCES: [f64; 6] = [0.3, 0.1, 0.25, -0.05, 0.2, 0.4];

    #[test]
    fn the_two_directions_make_up_the_two_sided_test_and_the_equivalence_test() {
        let (above, below) =
            (mean_above_p(&DIFFERENCES, 0.0).unwrap(), mean_below_p(&DIFFERENCES, 0.0).unwrap());
        let two_sided = paired_t_test(&DIFFERENCES).unwrap().p;
        assert!((2.0 * above.min(below) - two_sided).abs() < 1e-14);
        for margin in [0.1, 0.3, 0.5] {
            let lower = mean_above_p(&DIFFERENCES, -margin).unwrap();
            let upper = mean_below_p(&DIFFERENCES, margin).unwrap();
            assert!((lower.max(upper) - tost_p(&DIFFERENCES, margin).unwrap()).abs() < 1e-14);
        }
    }

    #[test]
    fn without_spread_only_zeros_have_an_answer_and_one_value_gives_none() {
        assert_eq!((mean_above_p(&[0.0, 0.0], -0.1), mean_below_p(&[0.0, 0.0], 0.1)), (Some(0.0), Some(0.0)));
        assert_eq!((mean_above_p(&[0.0, 0.0], 0.0), mean_below_p(&[0.0, 0.0], 0.0)), (Some(1.0), Some(1.0)));
        assert_eq!((mean_above_p(&[0.2, 0.2], 0.1), mean_below_p(&[0.2, 0.2], 0.1)), (None, None));
        assert_eq!(mean_above_p(&[0.2], 0.1), None);
    }
}
