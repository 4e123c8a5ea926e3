//! Two arms on the same test examples, seed by seed: who is right where the other is wrong.

use allconv_record::Outcomes;

use super::INTERVAL_LEVEL;
use super::run::RunResult;
use crate::stats::{Interval, bootstrap_mean_interval, mcnemar_p};

/// Agreement of an arm with the baseline per test example.
#[derive(Clone, Debug, PartialEq)]
pub struct ExampleComparison {
    /// Test examples.
    pub examples: usize,
    /// Seeds for which both runs recorded their outcomes.
    pub seeds: usize,
    /// Examples that only the arm classifies rightly, mean over seeds.
    pub only_arm_right: f64,
    /// Examples that only the baseline classifies rightly, mean over seeds.
    pub only_baseline_right: f64,
    /// Mean difference of the error (arm − baseline) over examples and seeds.
    pub difference: f64,
    /// Bootstrap interval for it over test examples, for these trained nets; it says nothing about other seeds.
    pub interval: Option<Interval>,
    /// Seeds in which McNemar's exact test, uncorrected, rejects at 5 %.
    pub seeds_that_differ: usize,
}

impl ExampleComparison {
    /// Compares pairs of runs (arm, baseline) of equal seed; `None` when no pair has outcomes of the same examples.
    /// Outcomes that exist and cannot be read, or are of other examples, become a sentence in `warnings`.
    pub(crate) fn of(
        pairs: &[(&RunResult, &RunResult)],
        warnings: &mut Vec<String>,
    ) -> Option<ExampleComparison> {
        let mut sums: Vec<f64> = Vec::new();
        let (mut seeds, mut only_arm, mut only_baseline, mut differ) = (0, 0, 0, 0);
        for (arm, baseline) in pairs {
            let (Some(first), Some(second)) = (outcomes(arm, warnings), outcomes(baseline, warnings)) else {
                continue;
            };
            let same = first.0.len() == second.0.len()
                && first.0.iter().zip(&second.0).all(|(a, b)| (a.sample, a.label) == (b.sample, b.label));
            if !same || first.0.is_empty() || (seeds > 0 && sums.len() != first.0.len()) {
                warnings.push(format!(
                    "Outcomes of {} and {} with seed {} are of different test examples and were not compared.",
                    arm.arm, baseline.arm, arm.seed
                ));
                continue;
            }
            sums.resize(first.0.len(), 0.0);
            let (mut arm_alone, mut baseline_alone) = (0, 0);
            for (sum, (a, b)) in sums.iter_mut().zip(first.0.iter().zip(&second.0)) {
                match (a.predicted == a.label, b.predicted == b.label) {
                    (true, false) => {
                        arm_alone += 1;
                        *sum -= 1.0;
                    }
                    (false, true) => {
                        baseline_alone += 1;
                        *sum += 1.0;
                    }
                    _ => {}
                }
            }
            seeds += 1;
            only_arm += arm_alone;
            only_baseline += baseline_alone;
            differ += usize::from(mcnemar_p(arm_alone, baseline_alone) <= 1.0 - INTERVAL_LEVEL);
        }
        if seeds == 0 {
            return None;
        }
        let per_example: Vec<f64> = sums.iter().map(|sum| sum / seeds as f64).collect();
        Some(ExampleComparison {
            examples: per_example.len(),
            seeds,
            only_arm_right: only_arm as f64 / seeds as f64,
            only_baseline_right: only_baseline as f64 / seeds as f64,
            difference: per_example.iter().sum::<f64>() / per_example.len() as f64,
            interval: bootstrap_mean_interval(&per_example, INTERVAL_LEVEL),
            seeds_that_differ: differ,
        })
    }
}

fn outcomes(run: &RunResult, warnings: &mut Vec<String>) -> Option<Outcomes> {
    let directory = run.directory.as_ref()?;
    if !directory.path().join("outcomes.bin").exists() {
        return None;
    }
    match directory.read_outcomes() {
        Ok(outcomes) => Some(outcomes),
        Err(error) => {
            warnings.push(format!("Outcomes were left out: {error}."));
            None
        }
    }
}
