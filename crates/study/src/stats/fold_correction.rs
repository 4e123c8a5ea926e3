//! Variance correction for folds, which are not independent samples because their training sets overlap.
//!
//! For k folds, the variance of a mean difference is (1/k + n_test/n_train) s², not s²/k (Nadeau and Bengio). That is the variance of differences
//! whose deviations from their mean are √(1 + k·n_test/n_train) times as large, so that every t method holds after [`widened`]. The correction is
//! an approximation: the true correlation between folds is not known. Source: Nadeau and Bengio (2003), "Inference for the generalization
//! error"; Bouckaert and Frank (2004).

use super::summary::mean;

/// The folds of a study.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FoldCorrection {
    /// Number of folds, at least 2.
    pub folds: usize,
    /// Test examples for each training example.
    pub test_per_training: f64,
    /// Whether that was counted; else it is 1/(folds − 1), as if all other examples were trained on.
    pub is_counted: bool,
}

impl FoldCorrection {
    /// By how much intervals over all folds are wider than over as many independent samples.
    pub fn factor(&self) -> f64 {
        fold_factor(self.folds, self.test_per_training)
    }
}

/// √(1 + k·`test_per_training`): by how much intervals over `folds` folds are wider than over as many independent samples.
///
/// ```
/// // Five folds of 6 test and 22 training pictures.
/// assert!((allconv_study::stats::fold_factor(5, 6.0 / 22.0) - 1.54).abs() < 0.005);
/// ```
pub fn fold_factor(folds: usize, test_per_training: f64) -> f64 {
    (1.0 + folds as f64 * test_per_training).sqrt()
}

/// The differences with their deviations from the mean `factor` times as large: the same mean, `factor` times the spread.
pub fn widened(differences: &[f64], factor: f64) -> Vec<f64> {
    if factor == 1.0 || differences.is_empty() {
        return differences.to_vec();
    }
    let centre = mean(differences);
    differences.iter().map(|difference| centre + factor * (difference - centre)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::mean_interval;

    #[test]
    fn the_interval_is_wider_by_the_factor_around_the_same_mean() {
        let differences = [0.3, 0.1, 0.25, -0.05, 0.2];
        let (plain, wide) = (
            mean_interval(&differences, 0.95).unwrap(),
            mean_interval(&widened(&differences, 1.5), 0.95).unwrap(),
        );
        assert!(((wide.high - wide.low) / (plain.high - plain.low) - 1.5).abs() < 1e-12);
        assert!(((wide.high + wide.low) - (plain.high + plain.low)).abs() < 1e-12);
        assert_eq!(widened(&differences, 1.0), differences);
        assert!(widened(&[], 2.0).is_empty());
    }
}
