//! Summary of a sample: mean, spread, median, interquartile mean.

use super::rounding::{is_constant, safe_factor};

/// Mean, spread and robust centres of a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Number of values, at least 1.
    pub n: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Standard deviation with n − 1 below; `None` for a single value.
    pub standard_deviation: Option<f64>,
    /// Middle value; the mean of the two middle ones when n is even.
    pub median: f64,
    /// Mean of the values that remain when ⌊n/4⌋ are cut off at each end (Agarwal et al. 2021, "Deep Reinforcement
    /// Learning at the Edge of the Statistical Precipice": robust to single bad runs, and less wasteful than the median).
    pub interquartile_mean: f64,
    /// Smallest value.
    pub least: f64,
    /// Largest value.
    pub most: f64,
}

/// Summarises a sample; `None` when it is empty.
///
/// ```
/// let summary = allconv_study::stats::summarise(&[1.0, 2.0, 3.0, 10.0]).unwrap();
/// assert_eq!((summary.mean, summary.median, summary.interquartile_mean), (4.0, 2.5, 2.5));
/// ```
pub fn summarise(values: &[f64]) -> Option<Summary> {
    if values.is_empty() {
        return None;
    }
    let n = values.len();
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let trimmed = &sorted[n / 4..n - n / 4];
    let mean = mean(values);
    Some(Summary {
        n,
        mean,
        standard_deviation: standard_deviation(values),
        median: mean_of_two(sorted[(n - 1) / 2], sorted[n / 2]),
        interquartile_mean: self::mean(trimmed),
        least: sorted[0],
        most: sorted[n - 1],
    })
}

/// Their sum may have no double where their mean has one.
fn mean_of_two(first: f64, second: f64) -> f64 {
    let sum = first + second;
    if sum.is_finite() { sum / 2.0 } else { first / 2.0 + second / 2.0 }
}

/// Arithmetic mean; NaN for an empty slice.
pub(crate) fn mean(values: &[f64]) -> f64 {
    let factor = safe_factor(values);
    values.iter().map(|value| value * factor).sum::<f64>() / values.len() as f64 / factor
}

/// √(Σ (x − x̄)² / (n − 1)), two-pass; exactly 0 for values that are equal but for rounding; `None` below two values.
pub(crate) fn standard_deviation(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    if is_constant(values) {
        return Some(0.0);
    }
    let factor = safe_factor(values);
    let centre = mean(values) * factor;
    let squares: f64 = values.iter().map(|value| (value * factor - centre).powi(2)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt() / factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_value_has_a_mean_and_no_spread() {
        let summary = summarise(&[3.0]).unwrap();
        assert_eq!((summary.mean, summary.median, summary.interquartile_mean), (3.0, 3.0, 3.0));
        assert_eq!(summary.standard_deviation, None);
        assert_eq!(summarise(&[]), None);
    }

    #[test]
    fn the_interquartile_mean_ignores_one_wild_run_in_four() {
        let calm = summarise(&[1.0, 1.0, 1.0, 1.0]).unwrap();
        let wild = summarise(&[1.0, 1.0, 1.0, 1e9]).unwrap();
        assert_eq!(calm.interquartile_mean, wild.interquartile_mean);
        assert_ne!(calm.mean, wild.mean);
    }
}
