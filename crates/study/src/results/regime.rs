//! The regime of the networks: whether they fit their training images.

use allconv_record::SplitName;

use super::gap::TrainingError;
use super::run::RunResult;
use crate::metric::MetricUnit;

/// Ratio of training to test error from which on a study is called underfitted.
const UNDERFITTED_FROM: f64 = 0.5;

/// Classification errors at the end of training, means over the finished runs that measured both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Regime {
    /// Error on the training images.
    pub training_error: f64,
    /// How that was measured.
    pub source: TrainingError,
    /// Error on the test images.
    pub test_error: f64,
    /// Runs behind the means.
    pub runs: usize,
    /// Smallest and largest mean training error of an arm.
    pub of_arms: (f64, f64),
}

impl Regime {
    /// `None` where no run measured the error on both splits, as in tasks other than classification.
    pub(crate) fn of(runs: &[RunResult]) -> Option<Regime> {
        let source = TrainingError::of(runs);
        let pairs: Vec<(usize, f64, f64)> = runs
            .iter()
            .filter_map(|run| {
                Some((run.arm_index, source.read(run)?, run.final_value(SplitName::Test, "error")?))
            })
            .collect();
        if pairs.is_empty() {
            return None;
        }
        let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
        let arms: std::collections::BTreeSet<usize> = pairs.iter().map(|(arm, ..)| *arm).collect();
        let of_arms = arms.iter().map(|arm| {
            mean(pairs.iter().filter(|(own, ..)| own == arm).map(|(_, training, _)| *training).collect())
        });
        Some(Regime {
            training_error: mean(pairs.iter().map(|(_, training, _)| *training).collect()),
            source,
            test_error: mean(pairs.iter().map(|(.., test)| *test).collect()),
            runs: pairs.len(),
            of_arms: of_arms.fold((f64::INFINITY, 0.0), |(least, most), own| (least.min(own), own.max(most))),
        })
    }

    /// Returns whether the training error is at least half of the test error: more training or wider networks would lower it.
    pub fn is_underfitted(&self) -> bool {
        self.training_error >= UNDERFITTED_FROM * self.test_error
    }

    /// Returns the regime of a verdict, as part of a sentence: `in underfitted networks (training error 30.2 %, test error 39.0 %)`.
    pub fn phrase(&self) -> String {
        let unit = MetricUnit::Percent;
        let kind = if self.is_underfitted() {
            "underfitted networks"
        } else {
            "networks that fit their training images"
        };
        format!(
            "in {kind} (training error {}\u{a0}%, test error {}\u{a0}%)",
            unit.value(self.training_error),
            unit.value(self.test_error)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_test_error_on_the_training_images_is_underfitting() {
        let regime = |training_error| Regime {
            training_error,
            source: TrainingError::Clean,
            test_error: 0.2,
            runs: 1,
            of_arms: (training_error, training_error),
        };
        assert!(regime(0.1).is_underfitted() && !regime(0.09).is_underfitted());
        assert_eq!(
            regime(0.1).phrase(),
            "in underfitted networks (training error 10.00\u{a0}%, test error 20.00\u{a0}%)"
        );
        assert!(regime(0.01).phrase().starts_with("in networks that fit their training images"));
        assert_eq!(Regime::of(&[]), None);
    }
}
