//! Effect size of paired differences: their mean in units of their standard deviation.
//!
//! d = d̄/s; g = J·d removes its bias, J = 1 − 3/(4(n − 1) − 1). The interval for d comes from the noncentral t distribution of
//! √n·d: those shifts at which the observed t is at the 97.5 % and 2.5 % point. Assumptions as for the t test. Source:
//! Hedges (1981); Cumming and Finch (2001) for the interval.

use super::noncentral_t::noncentral_t_cdf;
use super::summary::{mean, standard_deviation};
use super::t_interval::Interval;

/// A standardised paired difference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EffectSize {
    /// Hedges' g: mean difference over the standard deviation of the differences, bias removed.
    pub value: f64,
    /// Interval, on the same scale.
    pub interval: Interval,
}

/// Effect size with its interval at `level`; `None` below three differences or without spread.
///
/// ```
/// let effect = allconv_study::stats::paired_effect_size(&[1.0, 2.0, 3.0, 2.0, 2.0], 0.95).unwrap();
/// // d = 2/0.7071, J = 1 − 3/15.
/// assert!((effect.value - 0.8 * 2.0 / 0.5_f64.sqrt()).abs() < 1e-12);
/// assert!(effect.interval.low > 0.0);
/// ```
pub fn paired_effect_size(differences: &[f64], level: f64) -> Option<EffectSize> {
    let n = differences.len() as f64;
    if n < 3.0 {
        return None;
    }
    let spread = standard_deviation(differences).filter(|spread| *spread > 0.0)?;
    let d = mean(differences) / spread;
    let unbiased = 1.0 - 3.0 / (4.0 * (n - 1.0) - 1.0);
    let (statistic, tail) = (d * n.sqrt(), (1.0 - level) / 2.0);
    let scale = unbiased / n.sqrt();
    let interval = Interval {
        low: scale * shift_with(statistic, n - 1.0, 1.0 - tail),
        high: scale * shift_with(statistic, n - 1.0, tail),
    };
    Some(EffectSize { value: unbiased * d, interval })
}

/// The shift δ with P(T ≤ `statistic`; δ) = `probability`; the probability falls as the shift grows.
fn shift_with(statistic: f64, degrees_of_freedom: f64, probability: f64) -> f64 {
    let (mut low, mut high) = (statistic - 4.0, statistic + 4.0);
    while noncentral_t_cdf(statistic, degrees_of_freedom, low) < probability {
        low -= (high - low).max(1.0);
    }
    while noncentral_t_cdf(statistic, degrees_of_freedom, high) > probability {
        high += (high - low).max(1.0);
    }
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if noncentral_t_cdf(statistic, degrees_of_freedom, middle) > probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::paired_t_test;

    #[test]
    fn the_interval_touches_zero_exactly_when_the_t_test_is_on_the_edge() {
        let differences = [0.3, 0.1, 0.25, -0.05, 0.2, 0.4];
        for shift in [-0.4, -0.2, -0.1, -0.03, 0.0] {
            let shifted: Vec<f64> = differences.iter().map(|difference| difference + shift).collect();
            let interval = paired_effect_size(&shifted, 0.95).unwrap().interval;
            let excludes = interval.low > 0.0 || interval.high < 0.0;
            assert_eq!(excludes, paired_t_test(&shifted).unwrap().p < 0.05);
        }
    }
}
