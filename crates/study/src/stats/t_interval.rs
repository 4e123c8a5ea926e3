//! Interval for a mean: x̄ ± t(1 − α/2; n − 1) · s/√n.
//!
//! Assumption: the values are independent and about normal; seeds of one arm, or differences of two arms per seed, are
//! usually near enough. Source: Student (1908), "The probable error of a mean".

use super::student::student_quantile;
use super::summary::{mean, standard_deviation};

/// A confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The interval that covers the mean with probability `level` (e.g. 0.95); `None` below two values.
///
/// ```
/// // n = 2, mean 1, s = √2: half width = t(0.975; 1) · 1 = 12.706.
/// let interval = allconv_study::stats::mean_interval(&[0.0, 2.0], 0.95).unwrap();
/// assert!((interval.high - 13.706).abs() < 1e-3 && (interval.low + 11.706).abs() < 1e-3);
/// ```
pub fn mean_interval(values: &[f64], level: f64) -> Option<Interval> {
    let spread = standard_deviation(values)?;
    let n = values.len() as f64;
    let half = student_quantile(0.5 + level / 2.0, n - 1.0) * spread / n.sqrt();
    let centre = mean(values);
    Some(Interval { low: centre - half, high: centre + half })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_value_has_no_interval_and_a_higher_level_is_wider() {
        assert_eq!(mean_interval(&[1.0], 0.95), None);
        let values = [0.1, 0.12, 0.09, 0.13];
        let (narrow, wide) = (mean_interval(&values, 0.9).unwrap(), mean_interval(&values, 0.99).unwrap());
        assert!(wide.low < narrow.low && narrow.high < wide.high);
    }
}
