//! Comparisons of every pair of arms, corrected for all pairs.

use serde::Serialize;

use super::arm::ArmResult;
use super::comparison::{corrected, differences_per_seed, spread_interval};
use super::folds::independent;
use super::overall::OverallResult;
use super::serialised;
use crate::file::Correction;
use crate::stats::{FoldCorrection, Interval, paired_t_test};

/// Largest number of arms whose pairs are compared.
const MOST_ARMS: usize = 30;

/// One arm against an earlier one. The difference is arm − other, paired by seed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairResult {
    /// Position of the arm in the study file.
    #[serde(skip)]
    pub arm_index: usize,
    /// Position of the earlier arm.
    #[serde(skip)]
    pub other_index: usize,
    /// Seeds that both finished.
    pub n: usize,
    /// Mean difference.
    #[serde(rename = "difference")]
    pub mean: f64,
    /// t interval for it.
    #[serde(rename = "interval_95")]
    pub interval: Option<Interval>,
    /// p of the paired t test after Holm's correction over all pairs.
    pub corrected_p: Option<f64>,
    /// Difference of the mean ranks, and whether it exceeds Nemenyi's critical difference; `None` without a ranking of all arms.
    #[serde(flatten, serialize_with = "serialised::ranks")]
    pub ranks: Option<(f64, bool)>,
}

impl PairResult {
    /// All pairs that share a seed; empty above thirty arms.
    pub(crate) fn all(
        arms: &[ArmResult],
        folds: Option<FoldCorrection>,
        overall: Option<&OverallResult>,
    ) -> Vec<PairResult> {
        if arms.len() > MOST_ARMS {
            return Vec::new();
        }
        let mut pairs = Vec::new();
        let mut p = Vec::new();
        for (arm_index, arm) in arms.iter().enumerate() {
            for (other_index, other) in arms[..arm_index].iter().enumerate() {
                let per_seed = differences_per_seed(&arm.values, &other.values);
                let differences = independent(folds, &per_seed);
                p.push(paired_t_test(&differences).map(|test| test.p));
                pairs.push(PairResult {
                    arm_index,
                    other_index,
                    n: per_seed.len(),
                    mean: differences.iter().sum::<f64>() / differences.len() as f64,
                    interval: spread_interval(&differences),
                    corrected_p: None,
                    ranks: overall.map(|overall| {
                        let ranks = &overall.friedman.mean_ranks;
                        let gap = ranks[arm_index] - ranks[other_index];
                        (gap, gap.abs() > overall.critical_difference)
                    }),
                });
            }
        }
        // A pair without a p counts as one with p = 1, so that the correction does not weaken when runs are lost.
        for (pair, corrected) in pairs.iter_mut().zip(corrected(Correction::Holm, &p)) {
            pair.corrected_p = corrected;
        }
        pairs.retain(|pair| pair.n > 0);
        pairs
    }
}

#[cfg(test)]
mod tests {
    use crate::matrix::plan;
    use crate::results::StudyResults;
    use crate::testing::{small_study, write_run};
    use allconv_record::Status;

    #[test]
    fn all_pairs_are_there_with_their_ranks_and_a_missing_arm_costs_its_pairs_alone() {
        let folder = tempfile::tempdir().unwrap();
        let study = small_study(6);
        for planned in plan(&study) {
            let noise = 0.0005 * ((planned.seed * 5 + planned.arm_index as u64) % 7) as f64;
            write_run(
                folder.path(),
                &planned,
                Status::Finished,
                Some(0.1 + 0.02 * planned.arm_index as f64 + noise),
            );
        }
        let results = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
        let pairs: Vec<(usize, usize)> =
            results.pairs.iter().map(|pair| (pair.arm_index, pair.other_index)).collect();
        assert_eq!(pairs, [(1, 0), (2, 0), (2, 1)]);
        assert!(results.pairs.iter().all(|pair| pair.corrected_p.unwrap() < 0.01));
        // Ranks 1, 2, 3 in every seed; the critical difference of 3 arms over 6 seeds is 1.35.
        assert_eq!(results.pairs[1].ranks, Some((2.0, true)));
        assert_eq!(results.pairs[0].ranks, Some((1.0, false)));
        for planned in plan(&study).iter().filter(|run| run.arm_index == 1) {
            write_run(folder.path(), planned, Status::Diverged, None);
        }
        let results = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
        assert_eq!(results.pairs.len(), 1);
    }
}
