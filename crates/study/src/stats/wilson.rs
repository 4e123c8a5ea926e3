//! Wilson's interval for a proportion, e.g. the fraction of runs that failed; sensible even at 0 of n and n of n.
//!
//! Centre (k + z²/2)/(n + z²), half width z/(n + z²) · √(k(n − k)/n + z²/4). Assumption: independent trials. Source:
//! Wilson (1927), "Probable inference, the law of succession, and statistical inference".

use super::normal;
use super::t_interval::Interval;

/// The interval for `successes` of `trials` at `level` (e.g. 0.95); `None` without trials.
///
/// ```
/// // No failure in 9 runs still leaves room for a failure rate of 30 %.
/// let interval = allconv_study::stats::wilson_interval(0, 9, 0.95).unwrap();
/// assert!(interval.low == 0.0 && (interval.high - 0.299).abs() < 1e-3);
/// ```
///
/// # Panics
/// If `successes` exceeds `trials`.
pub fn wilson_interval(successes: usize, trials: usize, level: f64) -> Option<Interval> {
    assert!(successes <= trials, "{successes} successes of {trials} trials");
    if trials == 0 {
        return None;
    }
    let z = normal::quantile(0.5 + level / 2.0);
    let (k, n) = (successes as f64, trials as f64);
    let centre = (k + z * z / 2.0) / (n + z * z);
    let half = z / (n + z * z) * (k * (n - k) / n + z * z / 4.0).sqrt();
    // At the ends the formula gives 0 and 1 up to rounding.
    let low = if successes == 0 { 0.0 } else { centre - half };
    let high = if successes == trials { 1.0 } else { centre + half };
    Some(Interval { low, high })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_trials_give_no_interval_and_the_interval_mirrors() {
        assert_eq!(wilson_interval(0, 0, 0.95), None);
        let (few, many) = (wilson_interval(2, 9, 0.95).unwrap(), wilson_interval(7, 9, 0.95).unwrap());
        assert!((few.low - (1.0 - many.high)).abs() < 1e-12 && (few.high - (1.0 - many.low)).abs() < 1e-12);
    }
}
