//! Welch's t test and interval: two arms whose seeds do not pair, variances not assumed equal.
//!
//! t = (x̄ − ȳ)/√(s²ₓ/n + s²ᵧ/m), degrees of freedom after Welch–Satterthwaite. Assumptions: independent values, about normal.
//! Source: Welch (1947), "The generalization of 'Student's' problem when several different population variances are involved".

use super::rounding::safe_factor;
use super::student::{student_quantile, student_two_sided_p};
use super::summary::{mean, standard_deviation};
use super::t_interval::Interval;

/// Result of Welch's test of `treated` − `baseline`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WelchTest {
    /// Difference of the means.
    pub difference: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// t.
    pub statistic: f64,
    /// After Welch–Satterthwaite, between min(n, m) − 1 and n + m − 2.
    pub degrees_of_freedom: f64,
    /// Two-sided p.
    pub p: f64,
}

impl WelchTest {
    /// The interval that covers the difference with probability `level`.
    pub fn interval(&self, level: f64) -> Interval {
        let half = student_quantile(0.5 + level / 2.0, self.degrees_of_freedom) * self.standard_error;
        Interval { low: self.difference - half, high: self.difference + half }
    }
}

/// Tests two samples; `None` below two values in either, or without any spread.
///
/// ```
/// // Equal sizes and spreads: the same t and degrees of freedom as Student's pooled test.
/// let test = allconv_study::stats::welch_test(&[2.0, 4.0], &[1.0, 3.0]).unwrap();
/// assert!((test.statistic - 1.0 / 2.0_f64.sqrt()).abs() < 1e-12 && (test.degrees_of_freedom - 2.0).abs() < 1e-12);
/// ```
pub fn welch_test(treated: &[f64], baseline: &[f64]) -> Option<WelchTest> {
    let factor = safe_factor(&[treated, baseline].concat());
    let part = |values: &[f64]| {
        let n = values.len() as f64;
        standard_deviation(values).map(|spread| ((spread * factor) * (spread * factor) / n, n))
    };
    let ((a, n), (b, m)) = (part(treated)?, part(baseline)?);
    let scaled_error = (a + b).sqrt();
    if scaled_error == 0.0 {
        return None;
    }
    let standard_error = scaled_error / factor;
    let difference = mean(treated) - mean(baseline);
    let statistic = (mean(treated) * factor - mean(baseline) * factor) / scaled_error;
    let degrees_of_freedom = (a + b).powi(2) / (a * a / (n - 1.0) + b * b / (m - 1.0));
    let p = student_two_sided_p(statistic, degrees_of_freedom);
    Some(WelchTest { difference, standard_error, statistic, degrees_of_freedom, p })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_sample_adds_no_freedom_and_two_constants_give_no_answer() {
        let test = welch_test(&[1.0, 2.0, 3.0], &[5.0, 5.0, 5.0, 5.0]).unwrap();
        assert!((test.degrees_of_freedom - 2.0).abs() < 1e-12);
        assert_eq!(welch_test(&[1.0, 1.0], &[2.0, 2.0]), None);
        assert_eq!(welch_test(&[1.0], &[2.0, 3.0]), None);
    }
}
