//! Paired t test: are the differences per seed centred on zero?
//!
//! t = d̄ / (s/√n), compared with Student's t with n − 1 degrees of freedom, two-sided. Assumptions: the pairs are
//! independent, the differences about normal. Source: Student (1908).

use super::student::student_two_sided_p;
use super::summary::{mean, standard_deviation};

/// Result of a paired t test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TTest {
    /// t.
    pub statistic: f64,
    /// n − 1.
    pub degrees_of_freedom: f64,
    /// Two-sided p.
    pub p: f64,
}

/// Tests differences against zero; `None` below two values, or when all differences are equal but for rounding: without spread there is
/// no scale to compare them with.
///
/// ```
/// // d̄ = 2, s = 2, n = 4: t = 2.
/// let test = allconv_study::stats::paired_t_test(&[0.0, 2.0, 2.0, 4.0]).unwrap();
/// assert!((test.statistic - 2.0 / (8.0_f64 / 3.0).sqrt() * 2.0).abs() < 1e-12);
/// ```
pub fn paired_t_test(differences: &[f64]) -> Option<TTest> {
    let spread = standard_deviation(differences).filter(|spread| *spread > 0.0)?;
    let n = differences.len() as f64;
    let statistic = mean(differences) / (spread / n.sqrt());
    Some(TTest { statistic, degrees_of_freedom: n - 1.0, p: student_two_sided_p(statistic, n - 1.0) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::mean_interval;

    #[test]
    fn the_test_rejects_at_five_percent_exactly_when_the_interval_excludes_zero() {
        let differences = [0.3, 0.1, 0.25, -0.05, 0.2, 0.4];
        for shift in [-0.5, -0.3, -0.2, -0.1, -0.05, 0.0, 0.1] {
            let shifted: Vec<f64> = differences.iter().map(|difference| difference + shift).collect();
            let interval = mean_interval(&shifted, 0.95).unwrap();
            let excludes = interval.low > 0.0 || interval.high < 0.0;
            assert_eq!(paired_t_test(&shifted).unwrap().p < 0.05, excludes, "shift {shift}");
        }
    }

    #[test]
    fn equal_differences_give_no_answer() {
        assert_eq!(paired_t_test(&[0.0, 0.0, 0.0]), None);
        assert_eq!(paired_t_test(&[0.5, 0.5, 0.5]), None);
        assert_eq!(paired_t_test(&[0.5]), None);
        assert_eq!(paired_t_test(&[0.1, 0.3 - 0.2, 0.7 - 0.6]), None, "equal but for rounding");
    }
}
