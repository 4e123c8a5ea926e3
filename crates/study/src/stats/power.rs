//! Power of the paired t test, and the number of seeds that a difference needs.
//!
//! Power of the two-sided paired t test = P(|T| > t(1 − α/2; n − 1)) with T noncentral t, shift √n · difference/spread.
//! Assumptions as for the t test, and that the spread is known; one seen over few seeds is itself uncertain. Source: Cohen (1988).

use super::noncentral_t::noncentral_t_cdf;
use super::student::student_quantile;

/// Seeds below which a comparison gets intervals only, no verdict.
pub const SEEDS_FOR_A_VERDICT: u32 = 5;

/// Largest number of seeds of a plan.
const MOST_SEEDS: u32 = 10_000;

/// Chance that the paired t test over `n` ≥ 2 seeds rejects at `alpha`, when the true difference is `effect` standard
/// deviations of the differences.
///
/// ```
/// // Without an effect, the power is the false positive rate.
/// assert!((allconv_study::stats::paired_t_power(0.0, 9, 0.05) - 0.05).abs() < 1e-6);
/// ```
pub fn paired_t_power(effect: f64, n: u32, alpha: f64) -> f64 {
    let freedom = f64::from(n) - 1.0;
    let critical = student_quantile(1.0 - alpha / 2.0, freedom);
    let shift = effect * f64::from(n).sqrt();
    let below = noncentral_t_cdf(critical, freedom, shift) - noncentral_t_cdf(-critical, freedom, shift);
    (1.0 - below).clamp(0.0, 1.0)
}

/// Fewest seeds, at least `least`, with which the paired t test shows `effect` with probability `power`; `None` when not even
/// 10,000 do, e.g. without an effect.
///
/// ```
/// // The textbook case: half a standard deviation, 80 %, 5 %: 34 pairs.
/// assert_eq!(allconv_study::stats::seeds_needed(0.5, 0.8, 0.05, 2), Some(34));
/// ```
pub fn seeds_needed(effect: f64, power: f64, alpha: f64, least: u32) -> Option<u32> {
    fewest_seeds(least, |n| paired_t_power(effect, n, alpha) >= power)
}

/// Returns the fewest seeds, at least `least`, that are enough, where more than enough are enough too; `None` when 10,000 are not.
pub(super) fn fewest_seeds(least: u32, enough: impl Fn(u32) -> bool) -> Option<u32> {
    if !enough(MOST_SEEDS) {
        return None;
    }
    // Bisection between the last number that is too few and the first that is enough.
    let (mut low, mut high) = (least.max(2) - 1, MOST_SEEDS);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if enough(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_effects_need_fewer_seeds_and_none_needs_more_than_all() {
        let few = seeds_needed(2.0, 0.8, 0.05, 2).unwrap();
        let many = seeds_needed(0.7, 0.8, 0.05, 2).unwrap();
        assert!(few < many, "{few} {many}");
        assert!(paired_t_power(0.7, many, 0.05) >= 0.8 && paired_t_power(0.7, many - 1, 0.05) < 0.8);
        assert_eq!(seeds_needed(0.0, 0.8, 0.05, 2), None);
        assert_eq!(seeds_needed(50.0, 0.8, 0.05, 5), Some(5));
    }
}
