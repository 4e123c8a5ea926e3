//! Which classes an arm confuses, and in which classes it differs from its baseline.

use super::INTERVAL_LEVEL;
use super::outcome_table::OutcomeTable;
use crate::file::StudyFile;
use crate::stats::{Interval, holm, mean_interval, paired_t_test};

/// Per-class results of one arm, over its runs that recorded outcomes.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassResult {
    /// Position of the arm in the study file.
    pub arm_index: usize,
    /// Runs behind the counts.
    pub runs: usize,
    /// Mean number of examples by true class (row) and predicted class (column).
    pub confusion: Vec<Vec<f64>>,
    /// The difference of each class's error to the baseline's; empty for a baseline.
    pub differences: Vec<ClassDifference>,
}

/// Difference of the error within one class, arm − baseline, paired by seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassDifference {
    /// Mean over the seeds.
    pub mean: f64,
    /// t interval over the seeds, uncorrected; `None` below two pairs.
    pub interval: Option<Interval>,
    /// p of the paired t test after Holm's correction over all classes of the arm.
    pub corrected_p: Option<f64>,
}

impl ClassResult {
    /// Share of a class's examples that are classified wrongly; `None` for a class without examples.
    pub fn error(&self, class: usize) -> Option<f64> {
        let total: f64 = self.confusion[class].iter().sum();
        (total > 0.0).then(|| 1.0 - self.confusion[class][class] / total)
    }

    /// The results of every arm with outcomes.
    pub(crate) fn all(study: &StudyFile, table: &OutcomeTable) -> Vec<ClassResult> {
        let classes = table.classes();
        (0..study.arms.len()).filter_map(|arm| ClassResult::of(study, table, arm, classes)).collect()
    }

    fn of(study: &StudyFile, table: &OutcomeTable, arm_index: usize, classes: usize) -> Option<ClassResult> {
        let runs = table.of_arm(arm_index).count();
        if runs == 0 {
            return None;
        }
        let mut confusion = vec![vec![0.0; classes]; classes];
        for row in table.of_arm(arm_index) {
            for (label, predicted) in table.labels.iter().zip(&row.predicted) {
                confusion[usize::from(*label)][usize::from(*predicted)] += 1.0 / runs as f64;
            }
        }
        let differences = match study.baseline_of(arm_index) {
            Some(baseline) => differences(table, (arm_index, baseline), classes),
            None => Vec::new(),
        };
        Some(ClassResult { arm_index, runs, confusion, differences })
    }
}

fn differences(
    table: &OutcomeTable,
    (arm, baseline): (usize, usize),
    classes: usize,
) -> Vec<ClassDifference> {
    let mut totals = vec![0.0_f64; classes];
    for label in &table.labels {
        totals[usize::from(*label)] += 1.0;
    }
    let pairs = table.pairs(arm, baseline);
    if pairs.is_empty() {
        return Vec::new();
    }
    let errors = |predicted: &[u16]| {
        let mut errors = vec![0.0; classes];
        for (label, predicted) in table.labels.iter().zip(predicted) {
            errors[usize::from(*label)] += if label == predicted { 0.0 } else { 1.0 };
        }
        errors
    };
    let per_pair: Vec<(Vec<f64>, Vec<f64>)> =
        pairs.iter().map(|(own, other)| (errors(&own.predicted), errors(&other.predicted))).collect();
    let of_class = |class: usize| -> Vec<f64> {
        let share = 1.0 / totals[class].max(1.0);
        per_pair.iter().map(|(own, other)| share * (own[class] - other[class])).collect()
    };
    let p: Vec<Option<f64>> =
        (0..classes).map(|class| paired_t_test(&of_class(class)).map(|test| test.p)).collect();
    let corrected = holm(&p.iter().map(|p| p.unwrap_or(1.0)).collect::<Vec<_>>());
    (0..classes)
        .map(|class| {
            let values = of_class(class);
            ClassDifference {
                mean: values.iter().sum::<f64>() / values.len() as f64,
                interval: mean_interval(&values, INTERVAL_LEVEL),
                corrected_p: p[class].map(|_| corrected[class]),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::outcome_table::OutcomeRow;
    use crate::testing::small_study;

    fn row(arm_index: usize, seed: u64, predicted: &[u16]) -> OutcomeRow {
        OutcomeRow { arm_index, seed, predicted: predicted.to_vec() }
    }

    #[test]
    fn counts_and_differences_follow_a_worked_example() {
        let table = OutcomeTable {
            samples: vec![0, 1, 2, 3],
            labels: vec![0, 0, 1, 1],
            rows: vec![
                row(0, 0, &[0, 0, 1, 1]),
                row(0, 1, &[0, 1, 1, 1]),
                row(1, 0, &[1, 0, 1, 1]),
                row(1, 1, &[1, 1, 1, 0]),
            ],
        };
        let results = ClassResult::all(&small_study(2), &table);
        assert_eq!(results.len(), 2, "an arm without outcomes has no classes");
        assert_eq!(results[0].confusion, [[1.5, 0.5], [0.0, 2.0]]);
        assert_eq!(results[0].error(0), Some(0.25));
        assert!(results[0].differences.is_empty(), "max_pool is the baseline");
        // Class 0: errors 1/2 − 0 and 1 − 1/2; class 1: 0 and 1/2.
        assert_eq!(results[1].differences[0].mean, 0.5);
        assert_eq!(results[1].differences[1].mean, 0.25);
        assert_eq!(results[1].differences[0].interval.unwrap().low, 0.5, "no spread");
    }
}
