//! The studentised range: how far apart the outermost of k standard normal values lie. Used for Nemenyi's critical difference.
//!
//! With the variance known, P(Q ≤ q) = k ∫ φ(z) [Φ(z) − Φ(z − q)]^{k−1} dz, by Simpson's rule. Source: Tukey (1949); Demšar (2006)
//! for its use.

use super::normal;

/// φ beyond ±9 is below 1e−18.
const REACH: f64 = 9.0;
const STEPS: usize = 600;

/// The q with P(Q ≤ q) = `probability` for `groups` ≥ 2 values and known variance.
///
/// ```
/// // Two values: their difference is normal with variance 2.
/// let q = allconv_study::stats::studentized_range_quantile(0.95, 2);
/// assert!((q - 1.959963985 * 2.0_f64.sqrt()).abs() < 1e-6);
/// ```
///
/// # Panics
/// Unless `groups` ≥ 2 and 0 < `probability` < 1.
pub fn studentized_range_quantile(probability: f64, groups: usize) -> f64 {
    assert!(groups >= 2, "a range needs two values, got {groups}");
    assert!(probability > 0.0 && probability < 1.0, "probability {probability}");
    let (mut low, mut high) = (0.0, 1.0);
    while distribution(high, groups) < probability {
        (low, high) = (high, 2.0 * high);
    }
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if distribution(middle, groups) < probability { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

fn distribution(q: f64, groups: usize) -> f64 {
    let exponent = groups as i32 - 1;
    let integrand = |z: f64| {
        normal::density(z)
            * (normal::quick_distribution(z) - normal::quick_distribution(z - q)).powi(exponent)
    };
    let step = 2.0 * REACH / STEPS as f64;
    let mut sum = integrand(-REACH) + integrand(REACH);
    for index in 1..STEPS {
        let weight = if index % 2 == 1 { 4.0 } else { 2.0 };
        sum += weight * integrand(-REACH + index as f64 * step);
    }
    groups as f64 * sum * step / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_groups_reach_further_and_the_quantile_inverts_the_distribution() {
        let quantiles: Vec<f64> = [2, 3, 5, 12].map(|k| studentized_range_quantile(0.95, k)).to_vec();
        assert!(quantiles.is_sorted());
        assert!((distribution(quantiles[2], 5) - 0.95).abs() < 1e-12);
    }
}
