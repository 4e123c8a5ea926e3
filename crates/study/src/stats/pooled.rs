//! One spread for all arms of a balanced study: the intervals of a mixed model with a fixed arm and a random seed.
//!
//! With y the value of arm a in seed s, ȳ its means, the residual y − ȳ(a) − ȳ(s) + ȳ has the variance σ² = Σ residual²/((A − 1)(S − 1)) over A
//! arms and S seeds, and a difference of two arms the standard error σ√(2/S) with (A − 1)(S − 1) degrees of freedom. For complete data that is
//! the answer of the mixed model with a random effect of the seed. Its interval is as wide for every pair of arms, not wide for one and narrow
//! for the next by the luck of few seeds. Assumption beyond those of the t test: all arms spread alike. Brown and Forsythe's test asks whether
//! they do, on values from which the seeds' means are taken. Source: Montgomery, "Design and analysis of experiments", chapter 4; Brown and
//! Forsythe (1974).

use allconv_record::Spread;
use serde::Serialize;
use statrs::function::beta::beta_reg;

use super::normal;
use super::rounding::{is_constant, settled};
use super::student::student_quantile;
use super::summary::mean;
use super::t_interval::Interval;

/// The common spread of the arms of a study.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PooledSpread {
    /// σ, the standard deviation of a value around what arm and seed say.
    #[serde(rename = "standard_deviation")]
    pub spread: f64,
    /// (A − 1)(S − 1).
    pub degrees_of_freedom: f64,
    /// Seeds.
    pub seeds: usize,
    /// p of the hypothesis that all arms spread alike.
    pub equal_spread_p: f64,
}

impl PooledSpread {
    /// The interval of a difference of two arms whose mean over all seeds is `difference`, at `level`; `factor` widens it, 1 for none.
    pub fn interval(&self, difference: f64, level: f64, factor: f64) -> Interval {
        let quantile = student_quantile(0.5 + level / 2.0, self.degrees_of_freedom);
        let half = factor * quantile * self.spread * (2.0 / self.seeds as f64).sqrt();
        Interval { low: difference - half, high: difference + half }
    }

    /// How far the best of `arms` means lies ahead of the truth by luck, where all arms are equal: Blom's value of the largest of so many normal
    /// deviates, times the standard error of a mean.
    pub fn expected_lead(&self, arms: usize) -> f64 {
        let probability = (arms as f64 - 0.375) / (arms as f64 + 0.25);
        normal::quantile(probability.max(0.5)) * self.spread / (self.seeds as f64).sqrt()
    }
}

/// The common spread from one row of values a seed, one value an arm; `None` below three arms (two have nothing to pool) or two seeds, for rows
/// of different lengths, and without any spread.
///
/// ```
/// // The residuals are 0 and four times ±1/2: Σ = 1, with two degrees of freedom.
/// let pooled = allconv_study::stats::pooled_spread(&[vec![0.0, 1.0, 2.0], vec![1.0, 1.0, 4.0]]).unwrap();
/// assert_eq!((pooled.degrees_of_freedom, pooled.seeds), (2.0, 2));
/// assert!((pooled.spread - 0.5_f64.sqrt()).abs() < 1e-12);
/// ```
pub fn pooled_spread(rows: &[Vec<f64>]) -> Option<PooledSpread> {
    let (seeds, arms) = (rows.len(), rows.first()?.len());
    if seeds < 2 || arms < 3 || rows.iter().any(|row| row.len() != arms) {
        return None;
    }
    let size = rows.iter().flatten().fold(0.0_f64, |size, value| size.max(value.abs()));
    let of_seeds: Vec<f64> = rows.iter().map(|row| mean(row)).collect();
    // Without the seed's mean, what is left of a value is its arm and the residual.
    let of_arm = |arm: usize| rows.iter().zip(&of_seeds).map(|(row, seed)| row[arm] - seed).collect();
    let centred: Vec<Vec<f64>> = (0..arms).map(|arm| settled(of_arm(arm), size)).collect();
    if centred.iter().all(|values| is_constant(values)) {
        return None;
    }
    let squares: f64 = centred
        .iter()
        .flat_map(|values| {
            let own = mean(values);
            values.iter().map(move |value| (value - own).powi(2))
        })
        .sum();
    let degrees_of_freedom = ((arms - 1) * (seeds - 1)) as f64;
    let spread = (squares / degrees_of_freedom).sqrt();
    Some(PooledSpread { spread, degrees_of_freedom, seeds, equal_spread_p: brown_forsythe_p(&centred) })
}

/// p of Brown and Forsythe's test of equal spreads; 1 where no deviation differs from its group's mean.
fn brown_forsythe_p(groups: &[Vec<f64>]) -> f64 {
    let deviations: Vec<Vec<f64>> = groups
        .iter()
        .map(|values| {
            let middle = Spread::of(values.to_vec()).map_or(f64::NAN, |spread| spread.median);
            values.iter().map(|value| (value - middle).abs()).collect()
        })
        .collect();
    let means: Vec<f64> = deviations.iter().map(|values| mean(values)).collect();
    let count: usize = deviations.iter().map(Vec::len).sum();
    let whole = deviations.iter().flatten().sum::<f64>() / count as f64;
    let between: f64 =
        deviations.iter().zip(&means).map(|(values, own)| values.len() as f64 * (own - whole).powi(2)).sum();
    let within: f64 = deviations
        .iter()
        .zip(&means)
        .flat_map(|(values, own)| values.iter().map(move |value| (value - own).powi(2)))
        .sum();
    let (first, second) = ((groups.len() - 1) as f64, (count - groups.len()) as f64);
    if within == 0.0 {
        return if between == 0.0 { 1.0 } else { 0.0 };
    }
    let ratio = (between / first) / (within / second);
    // P(F ≥ ratio) of the F distribution.
    beta_reg(second / 2.0, first / 2.0, second / (second + first * ratio))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::mean_interval;

    #[test]
    fn what_all_arms_of_a_seed_share_does_not_count_as_spread() {
        let rows =
            vec![vec![0.1, 0.3, 0.2], vec![0.2, 0.35, 0.4], vec![0.15, 0.2, 0.3], vec![0.1, 0.25, 0.25]];
        let shifted: Vec<Vec<f64>> = rows
            .iter()
            .enumerate()
            .map(|(seed, row)| {
                row.iter().enumerate().map(|(arm, value)| value + seed as f64 + 10.0 * arm as f64).collect()
            })
            .collect();
        let (own, other) = (pooled_spread(&rows).unwrap(), pooled_spread(&shifted).unwrap());
        assert!((own.spread - other.spread).abs() < 1e-12 && own.degrees_of_freedom == 6.0);
    }

    #[test]
    fn the_variance_is_the_mean_of_those_of_all_pairs() {
        // σ² · 2 = mean over pairs of arms of the variance of their difference: an identity of the balanced design.
        let rows = [vec![0.1, 0.3, 0.2, 0.7], vec![0.2, 0.35, 0.4, 0.5], vec![0.15, 0.2, 0.3, 0.9]];
        let pooled = pooled_spread(&rows).unwrap();
        let (mut sum, mut pairs) = (0.0, 0.0);
        for first in 0..4 {
            for second in 0..first {
                let differences: Vec<f64> = rows.iter().map(|row| row[first] - row[second]).collect();
                let interval = mean_interval(&differences, 0.95).unwrap();
                let half = 0.5 * (interval.high - interval.low);
                sum += (half / student_quantile(0.975, 2.0)).powi(2) * 3.0;
                pairs += 1.0;
            }
        }
        assert!((2.0 * pooled.spread.powi(2) - sum / pairs).abs() < 1e-12);
        let interval = pooled.interval(0.1, 0.95, 1.0);
        let half = student_quantile(0.975, 6.0) * pooled.spread * (2.0_f64 / 3.0).sqrt();
        assert!((interval.high - 0.1 - half).abs() < 1e-12);
    }

    #[test]
    fn arms_that_spread_alike_are_not_told_apart_and_one_that_does_not_is() {
        let noise = |seed: usize, arm: usize| (((seed * 7 + arm * 13) * 37 % 101) as f64 - 50.0) / 50.0;
        let rows = |factor: f64| -> Vec<Vec<f64>> {
            (0..12)
                .map(|seed| {
                    (0..4).map(|arm| noise(seed, arm) * if arm == 3 { factor } else { 1.0 }).collect()
                })
                .collect()
        };
        assert!(pooled_spread(&rows(1.0)).unwrap().equal_spread_p > 0.05);
        assert!(pooled_spread(&rows(20.0)).unwrap().equal_spread_p < 0.001);
    }

    #[test]
    fn the_best_of_many_equal_arms_leads_by_luck() {
        let pooled = PooledSpread { spread: 1.0, degrees_of_freedom: 74.0, seeds: 4, equal_spread_p: 1.0 };
        // The largest of 38 normal deviates lies at 2.14 on average.
        assert!((pooled.expected_lead(38) - 1.07).abs() < 0.02, "{}", pooled.expected_lead(38));
        assert!(pooled.expected_lead(1).abs() < 1e-9);
    }

    #[test]
    fn too_little_gives_nothing() {
        assert_eq!(pooled_spread(&[]), None);
        assert_eq!(pooled_spread(&[vec![0.1, 0.2, 0.3]]), None);
        assert_eq!(pooled_spread(&[vec![0.1, 0.2], vec![0.3, 0.2]]), None, "two arms: the paired interval");
        assert_eq!(pooled_spread(&[vec![0.1, 0.2, 0.3], vec![0.1, 0.2]]), None);
        assert_eq!(pooled_spread(&[vec![0.1, 0.2, 0.3], vec![0.2, 0.3, 0.4]]), None, "no spread");
    }
}
