//! Confusion matrices of the arms, and their differences to the baseline by class.

use serde::Serialize;

use super::comparison::spread_interval;
use super::outcome_table::OutcomeTable;
use crate::file::StudyFile;
use crate::stats::{Interval, holm, paired_t_test, settled};

/// Largest number of classes with a confusion matrix, which has the square of that many numbers for every arm.
pub const MOST_CLASSES_COUNTED: usize = 256;

/// Per-class results of one arm, over its runs that recorded outcomes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassResult {
    /// Position of the arm in the study file.
    #[serde(skip)]
    pub arm_index: usize,
    /// Runs behind the counts.
    pub runs: usize,
    /// Mean number of examples by true class (row) and predicted class (column).
    pub confusion: Vec<Vec<f64>>,
    /// The difference of each class's error to the baseline's, `None` for a class without examples; empty for a baseline.
    pub differences: Vec<Option<ClassDifference>>,
}

/// Difference of the error within one class, arm − baseline, paired by seed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ClassDifference {
    /// Mean over the seeds.
    #[serde(rename = "difference")]
    pub mean: f64,
    /// t interval over the seeds, uncorrected; `None` below two pairs.
    #[serde(rename = "interval_95")]
    pub interval: Option<Interval>,
    /// p of the paired t test after Holm's correction over all classes of the arm.
    pub corrected_p: Option<f64>,
}

impl ClassResult {
    /// Fraction of a class's examples that are classified wrongly; `None` for a class without examples.
    pub fn error(&self, class: usize) -> Option<f64> {
        let total: f64 = self.confusion[class].iter().sum();
        (total > 0.0).then(|| 1.0 - self.confusion[class][class] / total)
    }

    /// The results of every arm with outcomes; none above [`MOST_CLASSES_COUNTED`] classes.
    pub(crate) fn all(study: &StudyFile, table: &OutcomeTable) -> Vec<ClassResult> {
        let classes = table.classes();
        if classes > MOST_CLASSES_COUNTED {
            return Vec::new();
        }
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
) -> Vec<Option<ClassDifference>> {
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
        let differences = per_pair.iter().map(|(own, other)| share * (own[class] - other[class]));
        settled(differences.collect(), 1.0)
    };
    let p: Vec<Option<f64>> =
        (0..classes).map(|class| paired_t_test(&of_class(class)).map(|test| test.p)).collect();
    let corrected = holm(&p.iter().map(|p| p.unwrap_or(1.0)).collect::<Vec<_>>());
    (0..classes)
        .map(|class| {
            // A class without test examples has no error, whatever is predicted.
            let values = if totals[class] > 0.0 { of_class(class) } else { return None };
            Some(ClassDifference {
                mean: values.iter().sum::<f64>() / values.len() as f64,
                interval: spread_interval(&values),
                corrected_p: p[class].map(|_| corrected[class]),
            })
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
        let [first, second] = [0, 1].map(|class| results[1].differences[class].unwrap());
        assert_eq!((first.mean, second.mean), (0.5, 0.25));
        assert_eq!(first.interval, None, "no spread");
        assert!(second.interval.unwrap().low < 0.25);
    }

    #[test]
    fn a_class_that_is_only_predicted_has_no_error_and_no_difference() {
        let table = OutcomeTable {
            samples: vec![0, 1],
            labels: vec![0, 0],
            rows: vec![row(0, 0, &[0, 0]), row(0, 1, &[0, 2]), row(1, 0, &[0, 2]), row(1, 1, &[2, 2])],
        };
        let results = ClassResult::all(&small_study(2), &table);
        assert_eq!((results[0].error(2), results[1].differences[1]), (None, None));
        assert_eq!(results[1].differences[0].unwrap().mean, 0.5);
    }

    #[test]
    fn very_many_classes_are_not_counted_one_by_one() {
        let labels = vec![0, MOST_CLASSES_COUNTED as u16];
        let rows = vec![row(0, 0, &labels), row(1, 0, &labels)];
        let table = OutcomeTable { samples: vec![0, 1], labels, rows };
        assert!(ClassResult::all(&small_study(2), &table).is_empty());
    }
}
