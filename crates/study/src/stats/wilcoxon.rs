//! Wilcoxon's signed rank test: like the paired permutation test, but over ranks, so a single wild run weighs little.
//!
//! Zero differences are dropped, the rest ranked by |d| with mean ranks for ties; p is the fraction of the sign patterns whose
//! |Σ ±rank| reaches the observed one, counted exactly over the ranks as they are, ties included. Assumption: under the null the
//! differences are symmetric about zero. Source: Wilcoxon (1945); Pratt and Gibbons (1981) for ties.

use super::rounding::ROUNDING;

/// Exact two-sided p; `None` without differences, 1 when all are zero.
///
/// ```
/// assert_eq!(allconv_study::stats::wilcoxon_p(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), Some(2.0 / 64.0));
/// ```
pub fn wilcoxon_p(differences: &[f64]) -> Option<f64> {
    if differences.is_empty() {
        return None;
    }
    let largest = differences.iter().fold(0.0_f64, |most, difference| most.max(difference.abs()));
    // Differences of |d| below this count as ties.
    let tolerance = ROUNDING * largest;
    let mut kept: Vec<f64> = differences.iter().copied().filter(|d| d.abs() > tolerance).collect();
    if kept.is_empty() {
        return Some(1.0);
    }
    kept.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let doubled_ranks = doubled_mid_ranks(&kept, tolerance);
    let total: usize = doubled_ranks.iter().sum();
    let positive: usize =
        kept.iter().zip(&doubled_ranks).filter(|(d, _)| **d > 0.0).map(|(_, rank)| rank).sum();
    let observed = (2 * positive).abs_diff(total);
    // probabilities[s]: chance that the doubled ranks with a positive sign sum to s.
    let mut probabilities = vec![0.0; total + 1];
    probabilities[0] = 1.0;
    for rank in doubled_ranks {
        for sum in (0..=total).rev() {
            let without = probabilities[sum];
            let with = if sum >= rank { probabilities[sum - rank] } else { 0.0 };
            probabilities[sum] = 0.5 * (without + with);
        }
    }
    let extreme = |sum: usize| (2 * sum).abs_diff(total) >= observed;
    Some((0..=total).filter(|&sum| extreme(sum)).map(|sum| probabilities[sum]).sum::<f64>().min(1.0))
}

/// Twice the mean rank of each value of a slice sorted by size, so that halves stay whole numbers.
fn doubled_mid_ranks(sorted: &[f64], tolerance: f64) -> Vec<usize> {
    let mut ranks = Vec::with_capacity(sorted.len());
    let mut start = 0;
    while start < sorted.len() {
        let tied = sorted[start..].iter().take_while(|d| d.abs() - sorted[start].abs() <= tolerance).count();
        // Ranks start + 1 to start + tied; twice their mean is their first plus their last.
        ranks.extend(std::iter::repeat_n(2 * start + tied + 1, tied));
        start += tied;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_dropped_and_say_nothing_alone() {
        assert_eq!(wilcoxon_p(&[0.0, 0.0]), Some(1.0));
        assert_eq!(wilcoxon_p(&[]), None);
        assert_eq!(wilcoxon_p(&[0.0, 1.0, 2.0, 3.0]), wilcoxon_p(&[1.0, 2.0, 3.0]));
    }

    #[test]
    fn ties_share_their_mean_rank() {
        assert_eq!(doubled_mid_ranks(&[1.0, -2.0, 2.0, 3.0], 0.0), [2, 5, 5, 8]);
    }

    #[test]
    fn one_wild_value_does_not_change_p() {
        assert_eq!(wilcoxon_p(&[1.0, -2.0, 3.0, 4.0, 5.0]), wilcoxon_p(&[1.0, -2.0, 3.0, 4.0, 5e9]));
    }
}
