//! Differences over folds: one value a fold, with the spread corrected for the dependence between folds.

use std::collections::BTreeMap;

use super::run::RunResult;
use crate::file::StudyFile;
use crate::stats::{FoldCorrection, fold_factor, widened};

/// How intervals over folds are corrected; `None` for a study whose seeds do not select folds.
pub(crate) fn fold_correction(study: &StudyFile, runs: &[RunResult]) -> Option<FoldCorrection> {
    let folds = study.folds()?;
    let tested = runs.iter().filter(|run| run.value.is_some()).find_map(|run| {
        let scores = run.directory.as_ref()?.read_scores().ok()?;
        (!scores.examples.is_empty()).then_some(scores.examples.len() as f64)
    });
    let counted = tested.and_then(|tested| {
        let training = tested * folds as f64 - tested - study.held_out() as f64;
        (training > 0.0).then_some(tested / training)
    });
    let test_per_training = counted.unwrap_or(1.0 / (folds as f64 - 1.0));
    Some(FoldCorrection { folds, test_per_training, is_counted: counted.is_some() })
}

/// Returns the values that a t method may treat as independent: one a seed; in a study over folds one a fold, the mean over its seeds, with the
/// spread of the correction.
pub(crate) fn independent(folds: Option<FoldCorrection>, differences: &[(u64, f64)]) -> Vec<f64> {
    let Some(correction) = folds else {
        return differences.iter().map(|(_, difference)| *difference).collect();
    };
    let mut of_fold: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for (seed, difference) in differences {
        of_fold.entry(seed % correction.folds as u64).or_default().push(*difference);
    }
    let means: Vec<f64> =
        of_fold.values().map(|values| values.iter().sum::<f64>() / values.len() as f64).collect();
    widened(&means, fold_factor(means.len(), correction.test_per_training))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::plan;
    use crate::results::StudyResults;
    use crate::testing::{small_study_text, write_run, write_scores};
    use allconv_record::Status;

    const CORRECTION: FoldCorrection = FoldCorrection { folds: 2, test_per_training: 1.5, is_counted: true };

    #[test]
    fn seeds_of_one_fold_are_one_value_and_the_spread_grows() {
        let differences = [(0, 1.0), (1, 3.0), (2, 2.0), (3, 5.0)];
        assert_eq!(independent(None, &differences), [1.0, 3.0, 2.0, 5.0]);
        // Means 1.5 and 4, twice as far from their mean 2.75: √(1 + 2 · 1.5) = 2.
        assert_eq!(independent(Some(CORRECTION), &differences), [0.25, 5.25]);
    }

    #[test]
    fn the_ratio_is_counted_from_the_scores_and_widens_the_interval() {
        let folder = tempfile::tempdir().unwrap();
        let folds = "dataset = \"synthetic\"\nvalidation = 2\nfold = { of = 5 }";
        let text = small_study_text(5).replace("dataset = \"synthetic\"", folds);
        let study = StudyFile::parse("small.toml", text).unwrap();
        let noise = |seed: u64, arm: usize| 0.001 * ((seed * 7 + 3 * arm as u64) % 5) as f64;
        for planned in plan(&study) {
            let error = 0.1 + 0.01 * planned.arm_index as f64 + noise(planned.seed, planned.arm_index);
            let run = write_run(folder.path(), &planned, Status::Finished, Some(error));
            write_scores(&run, "error", 6, |_| error);
        }
        let results = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
        let correction = results.statistics.folds.unwrap();
        assert_eq!((correction.folds, correction.is_counted), (5, true));
        assert!((correction.test_per_training - 6.0 / 22.0).abs() < 1e-12);
        let comparison = &results.comparisons[0];
        let plain: Vec<f64> = comparison.differences.iter().map(|(_, difference)| *difference).collect();
        let (wide, narrow) =
            (comparison.interval.unwrap(), crate::stats::mean_interval(&plain, 0.95).unwrap());
        let ratio = (wide.high - wide.low) / (narrow.high - narrow.low);
        assert!((ratio - correction.factor()).abs() < 1e-9, "{ratio}");
        assert_eq!(comparison.permutation_p, None, "signs of dependent differences are not exchangeable");
    }
}
