//! Friedman's test: do any of k arms differ in their ranks within each seed (or data set)? With Nemenyi's critical difference
//! for all pairs.
//!
//! χ² = [12/(nk(k+1)) ΣRⱼ² − 3n(k+1)] / [1 − Σ(t³ − t)/(nk(k² − 1))], Rⱼ the rank sums, t the sizes of ties; compared with χ² of
//! k − 1 degrees of freedom. Two arms differ in Nemenyi's sense when their mean ranks lie further apart than
//! q(1 − α; k)/√2 · √(k(k+1)/(6n)). Assumption: the blocks (seeds) are independent. Source: Friedman (1937); Nemenyi (1963);
//! Demšar (2006), "Statistical comparisons of classifiers over multiple data sets".

use statrs::function::gamma::gamma_ur;

use super::rounding::is_equal;
use super::studentized_range::studentized_range_quantile;

/// Result of Friedman's test.
#[derive(Clone, Debug, PartialEq)]
pub struct Friedman {
    /// χ², corrected for ties.
    pub statistic: f64,
    /// p from χ² with k − 1 degrees of freedom.
    pub p: f64,
    /// Mean rank per arm; rank 1 is the smallest value.
    pub mean_ranks: Vec<f64>,
    /// Number of blocks.
    pub blocks: usize,
}

/// Tests `rows`: one row per block (seed), one column per arm. `None` below 3 arms or 2 blocks, for rows of unequal length, or
/// when every row is one tie. Values that are equal but for rounding are tied.
///
/// ```
/// // Three arms that come in the same order in all four seeds: χ² = n(k − 1) = 8.
/// let rows = vec![vec![1.0, 2.0, 3.0]; 4];
/// let test = allconv_study::stats::friedman(&rows).unwrap();
/// assert!((test.statistic - 8.0).abs() < 1e-12);
/// assert_eq!(test.mean_ranks, [1.0, 2.0, 3.0]);
/// ```
pub fn friedman(rows: &[Vec<f64>]) -> Option<Friedman> {
    let (n, k) = (rows.len(), rows.first()?.len());
    if n < 2 || k < 3 || rows.iter().any(|row| row.len() != k) {
        return None;
    }
    let mut sums = vec![0.0; k];
    let mut ties = 0.0;
    for row in rows {
        for (sum, value) in sums.iter_mut().zip(row) {
            let equal = row.iter().filter(|other| is_equal(**other, *value)).count() as f64;
            let smaller =
                row.iter().filter(|other| *other < value && !is_equal(**other, *value)).count() as f64;
            *sum += smaller + (equal + 1.0) / 2.0;
            // Summed over the members of a tie of t values this gives t · (t² − 1) = t³ − t.
            ties += equal * equal - 1.0;
        }
    }
    let (blocks, arms) = (n as f64, k as f64);
    let correction = 1.0 - ties / (blocks * arms * (arms * arms - 1.0));
    if correction <= 0.0 {
        return None;
    }
    let squares: f64 = sums.iter().map(|sum| sum * sum).sum();
    let raw = 12.0 / (blocks * arms * (arms + 1.0)) * squares - 3.0 * blocks * (arms + 1.0);
    let statistic = (raw / correction).max(0.0);
    // P(χ² ≥ x) = Q((k − 1)/2, x/2).
    let p = if statistic > 0.0 { gamma_ur((arms - 1.0) / 2.0, statistic / 2.0) } else { 1.0 };
    Some(Friedman { statistic, p, mean_ranks: sums.iter().map(|sum| sum / blocks).collect(), blocks: n })
}

/// Returns the critical difference of two mean ranks at `alpha`, over `arms` arms and `blocks` blocks.
///
/// ```
/// // Demšar (2006), example of section 3.2.2: 4 classifiers on 14 data sets, CD = 1.25.
/// assert!((allconv_study::stats::nemenyi_critical_difference(0.05, 4, 14) - 1.25).abs() < 0.005);
/// ```
pub fn nemenyi_critical_difference(alpha: f64, arms: usize, blocks: usize) -> f64 {
    let (k, n) = (arms as f64, blocks as f64);
    studentized_range_quantile(1.0 - alpha, arms) / std::f64::consts::SQRT_2
        * (k * (k + 1.0) / (6.0 * n)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_cannot_be_ranked_give_no_answer() {
        assert_eq!(friedman(&[]), None);
        assert_eq!(friedman(&[vec![1.0, 2.0, 3.0]]), None);
        assert_eq!(friedman(&[vec![1.0, 2.0], vec![1.0, 2.0]]), None);
        assert_eq!(friedman(&[vec![1.0; 3], vec![2.0; 3]]), None);
        assert_eq!(friedman(&[vec![0.3, 0.1 + 0.2, 0.9 - 0.6], vec![2.0; 3]]), None, "ties but for rounding");
    }
}
