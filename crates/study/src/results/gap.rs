//! Decomposition of differences in test error into training error and generalisation gap.
//!
//! test = training + gap, in every run; so each difference to the baseline is the sum of two differences. A network that fits its training images more
//! slowly errs more on both; one that fits them better and generalises worse has a gap that more training does not close.

use allconv_record::SplitName;
use serde::Serialize;

use super::comparison::{ComparisonResult, differences_per_seed, spread_interval};
use super::folds::independent;
use super::run::RunResult;
use crate::file::StudyFile;
use crate::stats::{FoldCorrection, Interval, summarise};

/// The metric of a clean measurement: weights at the end of training, evaluation mode, training images as stored.
const CLEAN: &str = "clean_error";

/// How the error on training images was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrainingError {
    /// At the end, in evaluation mode, on images without augmentation.
    Clean,
    /// Over the last epoch, while training: on changing weights, with dropout and augmentation. It is too large.
    WhileTraining,
}

impl TrainingError {
    /// The better of the two that every finished run of a study recorded.
    pub(crate) fn of(runs: &[RunResult]) -> TrainingError {
        let mut finished = runs.iter().filter(|run| run.value.is_some()).peekable();
        let is_clean =
            finished.peek().is_some() && finished.all(|run| TrainingError::Clean.read(run).is_some());
        if is_clean { TrainingError::Clean } else { TrainingError::WhileTraining }
    }

    /// The error of a finished run.
    pub(crate) fn read(self, run: &RunResult) -> Option<f64> {
        match self {
            TrainingError::Clean => run.final_value(SplitName::Train, CLEAN),
            TrainingError::WhileTraining => run.final_value(SplitName::Train, "error"),
        }
    }

    /// Returns the stable name in machine-readable results.
    pub fn name(self) -> &'static str {
        match self {
            TrainingError::Clean => "clean",
            TrainingError::WhileTraining => "while_training",
        }
    }
}

/// A mean difference with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Part {
    /// Mean over seeds.
    #[serde(rename = "difference")]
    pub mean: f64,
    /// t interval for it.
    #[serde(rename = "interval_95")]
    pub interval: Option<Interval>,
}

/// The difference of an arm to its baseline in its two parts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GapRow {
    /// Position of the arm in the study file.
    #[serde(skip)]
    pub arm_index: usize,
    /// Position of its baseline.
    #[serde(skip)]
    pub baseline_index: usize,
    /// Seeds that both measured on both splits.
    pub n: usize,
    /// Difference of the test error.
    pub test: Part,
    /// Difference of the training error.
    pub training: Part,
    /// Difference of test − training error.
    pub gap: Part,
}

/// All differences of a study in their parts.
#[derive(Clone, Debug, PartialEq)]
pub struct GapTable {
    /// How the training error was measured.
    pub source: TrainingError,
    /// One row a comparison.
    pub rows: Vec<GapRow>,
}

impl GapTable {
    /// `None` for a study whose primary metric is not the error on test images, or that recorded no training error.
    pub(crate) fn of(
        study: &StudyFile,
        (runs, comparisons): (&[RunResult], &[ComparisonResult]),
        folds: Option<FoldCorrection>,
    ) -> Option<GapTable> {
        if study.primary.metric != "error" || study.primary.split != SplitName::Test {
            return None;
        }
        let source = TrainingError::of(runs);
        let values = |arm: usize, read: &dyn Fn(&RunResult) -> Option<f64>| -> Vec<(u64, f64)> {
            let of_arm = runs.iter().filter(|run| run.arm_index == arm);
            of_arm.filter_map(|run| Some((run.seed, read(run)?))).collect()
        };
        let test = |run: &RunResult| source.read(run).and(run.value);
        let training = |run: &RunResult| run.value.and(source.read(run));
        let gap = |run: &RunResult| Some(run.value? - source.read(run)?);
        let part = |(arm, baseline): (usize, usize), read: &dyn Fn(&RunResult) -> Option<f64>| {
            let differences = differences_per_seed(&values(arm, read), &values(baseline, read));
            let values = independent(folds, &differences);
            let mean = summarise(&values)?.mean;
            Some((differences.len(), Part { mean, interval: spread_interval(&values) }))
        };
        let rows: Vec<GapRow> = comparisons
            .iter()
            .filter_map(|comparison| {
                let positions = (comparison.arm_index, comparison.baseline_index);
                let (n, test) = part(positions, &test)?;
                Some(GapRow {
                    arm_index: comparison.arm_index,
                    baseline_index: comparison.baseline_index,
                    n,
                    test,
                    training: part(positions, &training)?.1,
                    gap: part(positions, &gap)?.1,
                })
            })
            .collect();
        (!rows.is_empty()).then_some(GapTable { source, rows })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::plan;
    use crate::results::StudyResults;
    use crate::testing::{append_training_metric, small_study, write_run};
    use allconv_record::Status;

    #[test]
    fn a_difference_is_the_sum_of_its_parts_and_a_clean_error_is_preferred() {
        let folder = tempfile::tempdir().unwrap();
        let study = small_study(5);
        let noise = |seed: u64, arm: usize| 0.001 * ((seed * 7 + 3 * arm as u64) % 5) as f64;
        let planned = plan(&study);
        let runs: Vec<_> = planned
            .iter()
            .map(|planned| {
                // `strided` fits better by 1 point and generalises worse by 3; `all_conv` fits worse by 2.
                let (training, test) = [(0.30, 0.40), (0.29, 0.42), (0.32, 0.42)][planned.arm_index];
                let noise = noise(planned.seed, planned.arm_index);
                let run = write_run(folder.path(), planned, Status::Finished, Some(test + noise));
                append_training_metric(&run, "error", training + 0.5 * noise);
                run
            })
            .collect();
        let collect = || StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
        let table = collect().gap.unwrap();
        assert_eq!((table.source, table.rows.len()), (TrainingError::WhileTraining, 2));
        for row in &table.rows {
            assert!((row.test.mean - row.training.mean - row.gap.mean).abs() < 1e-12);
            assert_eq!(row.n, 5);
        }
        assert!((table.rows[0].training.mean + 0.01).abs() < 0.002, "{:?}", table.rows[0]);
        assert!((table.rows[0].gap.mean - 0.03).abs() < 0.002, "{:?}", table.rows[0]);
        for (position, run) in runs.iter().enumerate() {
            append_training_metric(run, CLEAN, 0.1);
            if position == 0 {
                assert_eq!(collect().gap.unwrap().source, TrainingError::WhileTraining, "one of fifteen");
            }
        }
        let clean = collect();
        assert_eq!(clean.gap.unwrap().source, TrainingError::Clean);
        assert!((clean.regime.unwrap().training_error - 0.1).abs() < 1e-12);
    }
}
