//! Bootstrap interval for a mean, bias-corrected and accelerated (BCa).
//!
//! The values are drawn with replacement [`RESAMPLES`] times; the interval's ends are the quantiles of the resampled means at
//! Φ(z₀ + (z₀ + z)/(1 − a(z₀ + z))), with z₀ from the fraction of means below the observed one and the acceleration a from the jackknife.
//! Assumption: the values are independent. Below [`SEEDS_FOR_A_BOOTSTRAP`] values its coverage is known to be too low, so there is
//! none. Source: Efron (1987), "Better bootstrap confidence intervals".

use allconv_random::{Resampling, SplitMix};

use super::normal;
use super::rounding::is_constant;
use super::summary::mean;
use super::t_interval::Interval;

/// Values below which no bootstrap interval is given.
pub const SEEDS_FOR_A_BOOTSTRAP: usize = 8;

const RESAMPLES: usize = 5000;

/// Draws in total that one interval may cost: over thousands of test examples, fewer resamples do.
const MOST_DRAWS: usize = 20_000_000;

/// The BCa interval for the mean at `level`; `None` below [`SEEDS_FOR_A_BOOTSTRAP`] values or without spread.
///
/// ```
/// let values: Vec<f64> = (0..20).map(f64::from).collect();
/// let interval = allconv_study::stats::bootstrap_mean_interval(&values, 0.95).unwrap();
/// // Mean 9.5, standard error 1.29: about 9.5 ± 2.5.
/// assert!((interval.low - 7.0).abs() < 0.25 && (interval.high - 12.0).abs() < 0.25);
/// ```
pub fn bootstrap_mean_interval(values: &[f64], level: f64) -> Option<Interval> {
    let (n, centre) = (values.len(), mean(values));
    if n < SEEDS_FOR_A_BOOTSTRAP || is_constant(values) {
        return None;
    }
    let resamples = RESAMPLES.min(MOST_DRAWS / n).max(1000);
    let mut random = SplitMix::of(Resampling::Bootstrap);
    let mut means: Vec<f64> =
        (0..resamples).map(|_| (0..n).map(|_| values[random.below(n)]).sum::<f64>() / n as f64).collect();
    means.sort_by(f64::total_cmp);
    let below = means.partition_point(|resampled| *resampled < centre);
    let not_above = means.partition_point(|resampled| *resampled <= centre);
    // Half of the ties count as below; kept off 0 and 1, where the correction is infinite.
    let share = ((below + not_above) as f64 / (2 * resamples) as f64)
        .clamp(0.5 / resamples as f64, 1.0 - 0.5 / resamples as f64);
    let bias = normal::quantile(share);
    let acceleration = acceleration(values, centre);
    let end = |probability: f64| {
        let z = bias + normal::quantile(probability);
        let adjusted = normal::distribution(bias + z / (1.0 - acceleration * z));
        quantile(&means, adjusted)
    };
    let tail = (1.0 - level) / 2.0;
    Some(Interval { low: end(tail), high: end(1.0 - tail) })
}

/// a = Σu³ / (6 (Σu²)^{3/2}) with u the jackknife's deviations; for a mean these are the deviations of the values.
fn acceleration(values: &[f64], centre: f64) -> f64 {
    let squares: f64 = values.iter().map(|value| (value - centre).powi(2)).sum();
    let cubes: f64 = values.iter().map(|value| (value - centre).powi(3)).sum();
    cubes / (6.0 * squares.powf(1.5))
}

/// Linear interpolation between order statistics.
fn quantile(sorted: &[f64], probability: f64) -> f64 {
    let place = probability.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    sorted[low] + (place - low as f64) * (sorted[high] - sorted[low])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_or_equal_values_have_no_interval_and_the_same_values_the_same_one() {
        assert_eq!(bootstrap_mean_interval(&[1.0; 20], 0.95), None);
        assert_eq!(bootstrap_mean_interval(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], 0.95), None);
        let values = [1.0, 2.0, 4.0, 4.0, 5.0, 6.0, 7.0, 30.0];
        assert_eq!(bootstrap_mean_interval(&values, 0.95), bootstrap_mean_interval(&values, 0.95));
    }

    #[test]
    fn a_long_upper_tail_stretches_the_interval_upwards() {
        let values = [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 9.0];
        let interval = bootstrap_mean_interval(&values, 0.95).unwrap();
        let centre = mean(&values);
        assert!(interval.high - centre > 1.5 * (centre - interval.low), "{interval:?}");
    }
}
