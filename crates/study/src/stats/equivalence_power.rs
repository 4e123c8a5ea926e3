//! Power of the equivalence test, and the number of seeds that it needs.
//!
//! The two one-sided t tests show equivalence when |d̄| < Δ − t(1 − α; n − 1) · s/√n. For the margin and the true difference in standard deviations of
//! the differences, δ = Δ/σ and θ, and u = s/σ, power = ∫ max(0, Φ(√n(δ − θ) − t·u) − Φ(t·u − √n(δ + θ))) f(u) du, with (n − 1)u² χ²-distributed; by
//! Simpson's rule. Assumptions as for the t test; the spread is taken as known. Source: Phillips (1990), "Power of the two one-sided tests
//! procedure in bioequivalence".

use statrs::function::gamma::ln_gamma;

use super::normal;
use super::power::fewest_seeds;
use super::student::student_quantile;

/// Steps of the integration, even.
const STEPS: usize = 400;

/// Chance that the equivalence test over `n` ≥ 2 seeds succeeds at `alpha`, when the arms are equal and the margin is `margin` standard
/// deviations of the differences.
///
/// ```
/// // A margin of a tenth of a standard deviation cannot be shown with nine seeds.
/// assert!(allconv_study::stats::equivalence_power(0.1, 9, 0.05) < 0.01);
/// assert!(allconv_study::stats::equivalence_power(2.0, 9, 0.05) > 0.99);
/// ```
pub fn equivalence_power(margin: f64, n: u32, alpha: f64) -> f64 {
    equivalence_power_at(margin, 0.0, n, alpha)
}

/// The same where the arms differ by `difference` standard deviations: the power falls long before the difference reaches the margin.
///
/// ```
/// use allconv_study::stats::equivalence_power_at;
///
/// // Thirteen seeds, a margin of one standard deviation: 0.92 for equal arms, 0.81 at a quarter of the margin, 0.52 at half.
/// let power = |difference| equivalence_power_at(1.0, difference, 13, 0.05);
/// assert!((power(0.25) - 0.81).abs() < 0.02 && (power(0.5) - 0.52).abs() < 0.03);
/// ```
pub fn equivalence_power_at(margin: f64, difference: f64, n: u32, alpha: f64) -> f64 {
    let freedom = f64::from(n) - 1.0;
    let critical = student_quantile(1.0 - alpha, freedom);
    let reach = f64::from(n).sqrt() * margin;
    let shift = f64::from(n).sqrt() * difference;
    // Beyond u = reach/critical no mean passes; beyond 1 + 12/√(2ν) the density of u vanishes.
    let end = (reach / critical).min(1.0 + 12.0 / (2.0 * freedom).sqrt());
    let integrand = |u: f64| {
        let passes = normal::quick_distribution(reach - shift - critical * u)
            - normal::quick_distribution(critical * u - reach - shift);
        passes.max(0.0) * density(u, freedom)
    };
    let step = end / STEPS as f64;
    let mut sum = integrand(0.0) + integrand(end);
    for index in 1..STEPS {
        sum += if index % 2 == 1 { 4.0 } else { 2.0 } * integrand(index as f64 * step);
    }
    (sum * step / 3.0).clamp(0.0, 1.0)
}

/// Density of s/σ for ν degrees of freedom: 2 (ν/2)^{ν/2} / Γ(ν/2) · u^{ν−1} e^{−νu²/2}.
fn density(u: f64, freedom: f64) -> f64 {
    if u <= 0.0 {
        // The limit for one degree of freedom, and 0 for more.
        return if freedom > 1.0 { 0.0 } else { (2.0 / std::f64::consts::PI).sqrt() };
    }
    let half = 0.5 * freedom;
    (2.0_f64.ln() + half * half.ln() - ln_gamma(half) + (freedom - 1.0) * u.ln() - half * u * u).exp()
}

/// Fewest seeds, at least `least`, with which arms that differ by `difference` standard deviations are shown equivalent with probability `power`;
/// `None` when not even 10,000 do, e.g. for a difference of the margin.
///
/// ```
/// use allconv_study::stats::{equivalence_power, seeds_for_equivalence};
///
/// let seeds = seeds_for_equivalence((1.0, 0.0), 0.8, 0.05, 2).unwrap();
/// assert!(equivalence_power(1.0, seeds, 0.05) >= 0.8);
/// assert!(equivalence_power(1.0, seeds - 1, 0.05) < 0.8);
/// ```
pub fn seeds_for_equivalence(
    (margin, difference): (f64, f64),
    power: f64,
    alpha: f64,
    least: u32,
) -> Option<u32> {
    fewest_seeds(least, |n| equivalence_power_at(margin, difference, n, alpha) >= power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_density_integrates_to_one() {
        for freedom in [1.0, 4.0, 30.0] {
            let steps = 200_000;
            let step = 8.0 / f64::from(steps);
            let sum: f64 =
                (0..steps).map(|index| density((f64::from(index) + 0.5) * step, freedom) * step).sum();
            assert!((sum - 1.0).abs() < 1e-6, "ν = {freedom}: {sum}");
        }
    }

    #[test]
    fn more_seeds_and_wider_margins_raise_the_power() {
        let powers: Vec<f64> = [5, 9, 20, 80].map(|n| equivalence_power(0.8, n, 0.05)).to_vec();
        assert!(powers.is_sorted() && powers[3] > 0.999, "{powers:?}");
        assert!(equivalence_power(1.2, 9, 0.05) > equivalence_power(1.0, 9, 0.05));
    }

    #[test]
    fn a_true_difference_lowers_the_power_equally_in_both_directions_and_at_the_margin_to_the_level() {
        let power = |difference| equivalence_power_at(2.0, difference, 9, 0.05);
        assert!((power(0.5) - power(-0.5)).abs() < 1e-9);
        assert!(power(0.0) > power(0.5) && power(0.5) > power(1.5));
        assert!((power(2.0) - 0.05).abs() < 0.002, "{}", power(2.0));
        assert_eq!(seeds_for_equivalence((1.0, 1.0), 0.8, 0.05, 5), None);
        let [equal, apart] =
            [0.0, 0.5].map(|difference| seeds_for_equivalence((1.0, difference), 0.8, 0.05, 5).unwrap());
        assert!(equal < apart, "{equal} {apart}");
    }
}
