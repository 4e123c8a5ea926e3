//! Paired permutation test: if the two arms were alike, every difference could as well have had the other sign.
//!
//! p is the share of the 2ⁿ sign patterns whose |Σ ±dᵢ| reaches the observed |Σ dᵢ|. Exact for any distribution that is
//! symmetric under exchange of the arms within a pair; no p below 2/2ⁿ is possible. Up to 40 pairs all patterns are
//! counted, by sorting the sums of each half; above, 100,000 patterns are drawn and p = (hits + 1)/(drawn + 1).
//! Source: Fisher (1935), "The design of experiments", section 21; Phipson and Smyth (2010) for the drawn form.

use allconv_random::{Resampling, SplitMix};

use super::rounding::{ROUNDING, safe_factor};

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
    // Sums that differ by less than this share of Σ|d| count as equal: rounding must not decide about ties.
    let threshold = differences.iter().sum::<f64>().abs() - ROUNDING * total;
    if threshold <= 0.0 {
        return Some(1.0);
    }
    if differences.len() <= MOST_EXACT_PAIRS {
        return Some(exact(&differences, threshold));
    }
    let mut random = SplitMix::of(Resampling::SignFlips);
    let mut hits = 0;
    for _ in 0..DRAWN_PATTERNS {
        let sum: f64 = differences.iter().map(|d| if random.word() >> 63 == 0 { *d } else { -d }).sum();
        hits += usize::from(sum.abs() >= threshold);
    }
    Some((hits + 1) as f64 / (DRAWN_PATTERNS + 1) as f64)
}

/// Counts the patterns whose sum reaches the threshold; by symmetry, twice those in the upper tail.
fn exact(differences: &[f64], threshold: f64) -> f64 {
    let (left, right) = differences.split_at(differences.len() / 2);
    let left = signed_sums(left);
    let mut right = signed_sums(right);
    right.sort_by(f64::total_cmp);
    let upper: usize =
        left.iter().map(|sum| right.len() - right.partition_point(|other| sum + other < threshold)).sum();
    2.0 * upper as f64 / (left.len() as f64 * right.len() as f64)
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
    fn the_count_agrees_with_walking_through_all_patterns() {
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
    fn drawing_agrees_with_counting() {
        let differences: Vec<f64> = (0..41).map(|i| f64::from(i * 7 % 11) - 4.0).collect();
        let drawn = sign_flip_p(&differences).unwrap();
        let total: f64 = differences.iter().map(|d| d.abs()).sum();
        let counted = exact(&differences, differences.iter().sum::<f64>().abs() - 1e-12 * total);
        // Five standard deviations of a proportion over 100,000 draws.
        assert!(
            (drawn - counted).abs() < 5.0 * (counted * (1.0 - counted) / 1e5).sqrt(),
            "{drawn} {counted}"
        );
    }
}
