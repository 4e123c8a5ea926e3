//! The noncentral t distribution: the distribution of t when there *is* a difference, used for power and effect size intervals.
//!
//! T = (Z + δ)/S with Z normal and νS² ~ χ²(ν), so P(T ≤ t) = ∫ Φ(ts − δ) f(s) ds, where
//! f(s) = 2(ν/2)^{ν/2}/Γ(ν/2) · s^{ν−1} e^{−νs²/2}. The integral is taken by Simpson's rule; its error is below
//! [`NONCENTRAL_T_ERROR`] for ν ≥ 1. Source: Johnson and Welch (1940).

use statrs::function::gamma::ln_gamma;

use super::normal;

/// Absolute error of [`noncentral_t_cdf`] for ν ≥ 1 and |δ| ≤ 40.
pub const NONCENTRAL_T_ERROR: f64 = 1e-8;

/// Even, as Simpson's rule needs.
const STEPS: usize = 1000;

/// P(T ≤ `t`) with `degrees_of_freedom` ≥ 1 and the shift δ = √n · difference / standard deviation.
///
/// ```
/// // Without a shift it is Student's t.
/// assert!((allconv_study::stats::noncentral_t_cdf(1.0, 1.0, 0.0) - 0.75).abs() < 1e-7);
/// ```
pub fn noncentral_t_cdf(t: f64, degrees_of_freedom: f64, shift: f64) -> f64 {
    let nu = degrees_of_freedom;
    let log_scale = 2.0_f64.ln() + nu / 2.0 * (nu / 2.0).ln() - ln_gamma(nu / 2.0);
    // S is near 1 with standard deviation about 1/√(2ν); e^{−νs²/2} is below 1e−20 beyond √(92/ν).
    let width = 9.0 / (2.0 * nu).sqrt();
    let (low, high) = ((1.0 - width).max(0.0), (1.0 + width).max((92.0 / nu).sqrt().min(1.0 + 2.0 * width)));
    let integrand = |s: f64| {
        let log_density = if s > 0.0 {
            log_scale + (nu - 1.0) * s.ln() - nu * s * s / 2.0
        } else if nu == 1.0 {
            log_scale
        } else {
            f64::NEG_INFINITY
        };
        normal::quick_distribution(t * s - shift) * log_density.exp()
    };
    let step = (high - low) / STEPS as f64;
    let mut sum = integrand(low) + integrand(high);
    for index in 1..STEPS {
        let weight = if index % 2 == 1 { 4.0 } else { 2.0 };
        sum += weight * integrand(low + index as f64 * step);
    }
    (sum * step / 3.0).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::student::upper_tail;

    #[test]
    fn without_a_shift_it_is_students_t() {
        for freedom in [1.0, 2.0, 4.0, 8.0, 30.0, 300.0] {
            for t in [-3.0, -0.5, 0.0, 1.0, 4.0] {
                let error = noncentral_t_cdf(t, freedom, 0.0) - (1.0 - upper_tail(t, freedom));
                assert!(error.abs() < NONCENTRAL_T_ERROR, "{freedom} {t}: {error}");
            }
        }
    }

    #[test]
    fn at_zero_it_is_the_normal_tail_beyond_the_shift() {
        assert!((noncentral_t_cdf(0.0, 5.0, 1.5) - normal::distribution(-1.5)).abs() < NONCENTRAL_T_ERROR);
    }
}
