//! In which regime the networks ended: did they fit their training images at all?

use allconv_record::SplitName;

use super::run::RunResult;

/// Share of the test error that is there on the training images already, from which on a study is called underfitted.
const UNDERFITTED_FROM: f64 = 0.5;

/// Classification errors at the end of training, means over the finished runs that measured both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Regime {
    /// Error on the training images in the last epoch, measured while training: on changing weights, with dropout and augmentation.
    pub training_error: f64,
    /// Error on the test images.
    pub test_error: f64,
    /// Runs behind the means.
    pub runs: usize,
}

impl Regime {
    /// `None` where no run measured the error on both splits, as in tasks other than classification.
    pub(crate) fn of(runs: &[RunResult]) -> Option<Regime> {
        let last = |run: &RunResult, split| run.final_value(split, "error");
        let pairs: Vec<(f64, f64)> = runs
            .iter()
            .filter_map(|run| Some((last(run, SplitName::Train)?, last(run, SplitName::Test)?)))
            .collect();
        let count = pairs.len() as f64;
        (!pairs.is_empty()).then(|| Regime {
            training_error: pairs.iter().map(|(training, _)| training).sum::<f64>() / count,
            test_error: pairs.iter().map(|(_, test)| test).sum::<f64>() / count,
            runs: pairs.len(),
        })
    }

    /// Whether at least half of the test error is there on the training images: more training or wider networks would lower it.
    pub fn is_underfitted(&self) -> bool {
        self.training_error >= UNDERFITTED_FROM * self.test_error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_test_error_on_the_training_images_is_underfitting() {
        let regime = |training_error| Regime { training_error, test_error: 0.2, runs: 1 };
        assert!(regime(0.1).is_underfitted() && !regime(0.09).is_underfitted());
        assert_eq!(Regime::of(&[]), None);
    }
}
