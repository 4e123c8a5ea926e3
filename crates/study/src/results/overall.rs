//! Tests over all arms of a study at once, and their common spread.

use super::arm::ArmResult;
use crate::file::StudyFile;
use crate::stats::{
    Friedman, PooledSpread, SEEDS_FOR_A_VERDICT, friedman, nemenyi_critical_difference, pooled_spread,
};

/// Friedman's test of all arms, on their ranks within each seed.
#[derive(Clone, Debug, PartialEq)]
pub struct OverallResult {
    /// Friedman's test over the seeds that every arm finished.
    pub friedman: Friedman,
    /// How far apart two mean ranks must lie to differ at the study's level, after Nemenyi.
    pub critical_difference: f64,
}

impl OverallResult {
    /// `None` below three arms or five complete seeds.
    pub(super) fn of(study: &StudyFile, arms: &[ArmResult]) -> Option<OverallResult> {
        let rows = complete_seeds(study, arms);
        if rows.len() < SEEDS_FOR_A_VERDICT as usize {
            return None;
        }
        let friedman = friedman(&rows)?;
        let critical_difference = nemenyi_critical_difference(study.compare.alpha, arms.len(), rows.len());
        Some(OverallResult { friedman, critical_difference })
    }
}

/// The spread that all arms have in common, over the seeds that every arm finished.
pub(super) fn pooled(study: &StudyFile, arms: &[ArmResult]) -> Option<PooledSpread> {
    let rows = complete_seeds(study, arms);
    // With several seeds a fold, seeds of one fold are not independent blocks.
    let is_one_a_fold = study.folds().is_none_or(|folds| rows.len() <= folds);
    pooled_spread(&rows).filter(|_| is_one_a_fold)
}

/// The values of all arms in each seed that every arm finished.
fn complete_seeds(study: &StudyFile, arms: &[ArmResult]) -> Vec<Vec<f64>> {
    let row = |seed: u64| arms.iter().map(|arm| arm.value(seed)).collect();
    study.seeds.values().filter_map(row).collect()
}
