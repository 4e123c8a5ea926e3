//! Two arms on the same test examples, seed by seed: the examples on which only one of them is right.

use serde::Serialize;

use super::INTERVAL_LEVEL;
use super::outcome_table::OutcomeTable;
use crate::stats::{Interval, bootstrap_mean_interval, mcnemar_p};

/// Agreement of an arm with the baseline per test example.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
    #[serde(rename = "interval_95")]
    pub interval: Option<Interval>,
    /// Seeds in which McNemar's exact test, uncorrected, rejects at 5 %.
    pub seeds_that_differ: usize,
}

impl ExampleComparison {
    /// Compares the runs of an arm and its baseline with equal seeds; `None` when no pair has outcomes.
    pub(crate) fn of(table: &OutcomeTable, (arm, baseline): (usize, usize)) -> Option<ExampleComparison> {
        let mut sums = vec![0.0; table.samples.len()];
        let (mut seeds, mut only_arm, mut only_baseline, mut differ) = (0, 0, 0, 0);
        for (own, other) in table.pairs(arm, baseline) {
            let (mut arm_alone, mut baseline_alone) = (0, 0);
            let predictions = own.predicted.iter().zip(&other.predicted);
            for ((sum, label), (own, other)) in sums.iter_mut().zip(&table.labels).zip(predictions) {
                match (own == label, other == label) {
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
