//! Alpha spending for group-sequential tests: the level of each interim look that keeps the overall error rate.
//!
//! The looks are fixed beforehand as numbers of seeds n₁ < … < n_K. With t = n_k/n_K, the spending function of O'Brien–Fleming type,
//! α(t) = 2 − 2Φ(z(1 − α/2)/√t), rises from almost nothing to α. Look k tests at level α(t_k) − α(t_{k−1}); a claim made at one look is kept.
//!
//! By Bonferroni's inequality the chance of any false claim over all looks is at most the sum of the levels, which is α. That holds for every
//! test that keeps its level at each look by itself, for any number of seeds and any dependence between the looks, and with any correction for
//! several comparisons. The boundaries of Lan and DeMets, which use the joint normal distribution of the looks, would be a little less strict,
//! and hold for t tests over few seeds only approximately. Source: Lan and DeMets (1983); O'Brien and Fleming (1979).

use super::normal;

/// Returns α(t), the level spent when `fraction` of the seeds are done; 0 at 0, `alpha` at 1.
///
/// ```
/// use allconv_study::stats::alpha_spent;
///
/// // Lan and DeMets (1983): half way, about 0.3 % of 5 % two-sided 0.05.
/// assert!((alpha_spent(0.05, 0.5) - 0.00557).abs() < 1e-5);
/// assert!((alpha_spent(0.05, 1.0) - 0.05).abs() < 1e-12);
/// ```
///
/// # Panics
/// Unless 0 < `alpha` < 1 and 0 ≤ `fraction` ≤ 1.
pub fn alpha_spent(alpha: f64, fraction: f64) -> f64 {
    assert!(alpha > 0.0 && alpha < 1.0, "alpha {alpha}");
    assert!((0.0..=1.0).contains(&fraction), "fraction {fraction}");
    if fraction == 0.0 {
        return 0.0;
    }
    let z = -normal::quantile(alpha / 2.0);
    2.0 * normal::distribution(-z / fraction.sqrt())
}

/// The level of each look; they sum to `alpha`. `looks` are numbers of seeds, rising.
///
/// ```
/// let levels = allconv_study::stats::look_levels(0.05, &[5, 7, 9]);
/// assert!((levels.iter().sum::<f64>() - 0.05).abs() < 1e-12);
/// assert!(levels[0] < levels[1] && levels[1] < levels[2]);
/// ```
///
/// # Panics
/// As [`alpha_spent`]; if `looks` do not rise.
pub fn look_levels(alpha: f64, looks: &[u32]) -> Vec<f64> {
    let last = f64::from(looks.last().copied().unwrap_or(1));
    let mut before = 0.0;
    looks
        .iter()
        .map(|&seeds| {
            let spent = alpha_spent(alpha, f64::from(seeds) / last);
            let level = spent - before;
            assert!(level > 0.0, "looks {looks:?} do not rise");
            before = spent;
            level
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_levels_follow_a_worked_example() {
        // z(0.975) = 1.95996; √(5/10) = 0.70711: 2 − 2Φ(2.77181) = 0.005575; the rest is left for the end.
        let levels = look_levels(0.05, &[5, 10]);
        assert!((levels[0] - 0.005_575).abs() < 1e-6, "{levels:?}");
        assert!((levels[1] - 0.044_425).abs() < 1e-6, "{levels:?}");
        assert_eq!(look_levels(0.05, &[9]).len(), 1);
    }
}
