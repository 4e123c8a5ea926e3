//! Paired permutation test: if the two arms were alike, every difference could as well have had the other sign.
//!
//! p is the fraction of the 2ⁿ sign patterns whose |Σ ±dᵢ| reaches the observed |Σ dᵢ|. Exact for any distribution that is
//! symmetric under exchange of the arms within a pair; no p below 2/2ⁿ is possible. Up to 40 pairs all patterns are
//! counted, by sorting the sums of each half; above, 100,000 patterns are drawn and p = (hits + 1)/(drawn + 1).
//! Source: Fisher (1935), "The design of experiments", section 21; Phipson and Smyth (2010) for the drawn form.

use allconv_random::{Resampling, SplitMix};

use super::rounding::{ROUNDING, is_constant, safe_factor};

/// Most pairs for which all sign patterns are counted: 2 × 2²⁰ partial sums.
const MOST_EXACT_PAIRS: usize = 40;
const DRAWN_PATTERNS: usize = 100_000;

/// Two-sided p; `None` without differences.
///
/// ```
/// // All five differences have one sign: only that pattern and its mirror are as extreme, p = 2/32.
/// let p = allconv_study::stats::sign_flip_p(&[1.0, 2.0, 0.5, 0.3, 1.5]).unwrap();
/// assert_eq!(p, 2.0 / 32.0);
/// ```
pub fn sign_flip_p(differences: &[f64]) -> Option<f64> {
    if differences.is_empty() {
        return None;
    }
    let factor = safe_factor(differences);
    let differences: Vec<f64> = differences.iter().map(|difference| difference * factor).collect();
    let total: f64 = differences.iter().map(|difference| difference.abs()).sum();
    // Sums that differ by less than this fraction of Σ|d| count as equal: rounding must not decide about ties.
    let threshold = differences.iter().sum::<f64>().abs() - ROUNDING * total;
    if threshold <= 0.0 {
        return Some(1.0);
    }
    if differences.len() <= MOST_EXACT_PAIRS {
        return Some(2.0 * upper_share(&differences, threshold));
    }
    let mut random = SplitMix::of(Resampling::SignFlips);
    let mut hits = 0;
    for _ in 0..DRAWN_PATTERNS {
        let sum: f64 = differences.iter().map(|d| if random.word() >> 63 == 0 { *d } else { -d }).sum();
        hits += usize::from(sum.abs() >= threshold);
    }
    Some((hits + 1) as f64 / (DRAWN_PATTERNS + 1) as f64)
}

/// One-sided p of the hypothesis that differences symmetric about their centre have it at `bound` or below: small when it is shown to lie
/// above. Never below 1/2ⁿ. `None` without differences, and for equal differences other than zero, which are one observation.
///
/// ```
/// // All five lie above 0: one pattern of 32. Above 1 lie two of them.
/// let above = |bound| allconv_study::stats::centre_above_p(&[1.1, 2.0, 0.5, 0.3, 1.5], bound).unwrap();
/// assert_eq!(above(0.0), 1.0 / 32.0);
/// assert!(above(1.0) > 0.3);
/// ```
pub fn centre_above_p(differences: &[f64], bound: f64) -> Option<f64> {
    let is_one_observation =
        is_constant(differences) && differences.first().is_some_and(|first| *first != 0.0);
    if differences.is_empty() || is_one_observation {
        return None;
    }
    let shifted: Vec<f64> = differences.iter().map(|difference| difference - bound).collect();
    let factor = safe_factor(&shifted);
    let shifted: Vec<f64> = shifted.iter().map(|difference| difference * factor).collect();
    let total: f64 = shifted.iter().map(|difference| difference.abs()).sum();
    let threshold = shifted.iter().sum::<f64>() - ROUNDING * total;
    if shifted.len() <= MOST_EXACT_PAIRS {
        return Some(upper_share(&shifted, threshold));
    }
    let mut random = SplitMix::of(Resampling::SignFlips);
    let mut hits = 0;
    for _ in 0..DRAWN_PATTERNS {
        let sum: f64 = shifted.iter().map(|d| if random.word() >> 63 == 0 { *d } else { -d }).sum();
        hits += usize::from(sum >= threshold);
    }
    Some((hits + 1) as f64 / (DRAWN_PATTERNS + 1) as f64)
}

/// One-sided p of the hypothesis that the centre lies at `bound` or above: small when it is shown to lie below.
pub fn centre_below_p(differences: &[f64], bound: f64) -> Option<f64> {
    let mirrored: Vec<f64> = differences.iter().map(|difference| -difference).collect();
    centre_above_p(&mirrored, -bound)
}

/// Fraction of the patterns whose sum reaches the threshold.
fn upper_share(differences: &[f64], threshold: f64) -> f64 {
    let (left, right) = differences.split_at(differences.len() / 2);
    let left = signed_sums(left);
    let mut right = signed_sums(right);
    right.sort_by(f64::total_cmp);
    let upper: usize =
        left.iter().map(|sum| right.len() - right.partition_point(|other| sum + other < threshold)).sum();
    upper as f64 / (left.len() as f64 * right.len() as f64)
}

fn signed_sums(values: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0];
    for value in values {
        sums = sums.iter().flat_map(|sum| [sum - value, sum + value]).collect();
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balanced_and_zero_differences_give_no_evidence() {
        assert_eq!(sign_flip_p(&[1.0, -1.0]), Some(1.0));
        assert_eq!(sign_flip_p(&[0.0, 0.0, 0.0]), Some(1.0));
        assert_eq!(sign_flip_p(&[]), None);
    }

    #[test]
    fn the_count_agrees_with_enumerating_all_patterns() {
        let differences = [0.3, -0.1, 0.25, 0.25, -0.05, 0.2, 0.4];
        let observed: f64 = differences.iter().sum();
        let hits = (0..1_u32 << differences.len())
            .filter(|pattern| {
                let sum: f64 = differences
                    .iter()
                    .enumerate()
                    .map(|(bit, value)| if pattern >> bit & 1 == 1 { *value } else { -value })
                    .sum();
                sum.abs() >= observed - 1e-9
            })
            .count();
        assert_eq!(sign_flip_p(&differences), Some(hits as f64 / 128.0));
    }

    #[test]
    fn the_two_sides_about_zero_make_up_the_two_sided_test() {
        let differences = [0.3, -0.1, 0.25, 0.25, -0.05, 0.2, 0.4];
        let (above, below) =
            (centre_above_p(&differences, 0.0).unwrap(), centre_below_p(&differences, 0.0).unwrap());
        assert_eq!(2.0 * above, sign_flip_p(&differences).unwrap());
        assert!(below > 0.9);
        assert_eq!(centre_above_p(&differences, -1.0), Some(1.0 / 128.0));
        assert_eq!((centre_above_p(&[], 0.0), centre_above_p(&[0.2, 0.2], 0.0)), (None, None));
        assert_eq!(centre_above_p(&[0.0, 0.0], -0.1), Some(0.25));
    }

    #[test]
    fn drawing_agrees_with_counting() {
        let differences: Vec<f64> = (0..41).map(|i| f64::from(i * 7 % 11) - 4.0).collect();
        let drawn = sign_flip_p(&differences).unwrap();
        let total: f64 = differences.iter().map(|d| d.abs()).sum();
        let counted = 2.0 * upper_share(&differences, differences.iter().sum::<f64>().abs() - 1e-12 * total);
        // Five standard deviations of a proportion over 100,000 draws.
        assert!(
            (drawn - counted).abs() < 5.0 * (counted * (1.0 - counted) / 1e5).sqrt(),
            "{drawn} {counted}"
        );
    }
}
