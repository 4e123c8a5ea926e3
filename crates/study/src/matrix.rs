//! Arms × seeds: the runs of a study, in the order in which they are made.

use allconv_record::Request;

use crate::file::StudyFile;

/// One planned run.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedRun {
    /// Name of the arm.
    pub arm: String,
    /// Position of the arm in the study file.
    pub arm_index: usize,
    /// Seed.
    pub seed: u64,
    /// The request.
    pub request: Request,
    /// [`Request::hash`], by which the run is found again.
    pub request_hash: String,
}

/// All runs of a study, interleaved: every arm with the first seed, then every arm with the second, and so on.
///
/// A study that is stopped early thus has complete pairs, and slow drifts of the machine affect all arms equally.
///
/// Where the study searches for learning rates, these are the runs before any rate is known: see [`plan_with_rates`].
pub fn plan(study: &StudyFile) -> Vec<PlannedRun> {
    plan_with_rates(study, &vec![None; study.arms.len()])
}

/// The same with the learning rate that a search gave each arm. A run whose arm has no rate yet has an empty request hash,
/// which no run directory has.
pub fn plan_with_rates(study: &StudyFile, rates: &[Option<f64>]) -> Vec<PlannedRun> {
    let mut runs = Vec::with_capacity(study.arms.len() * study.seeds.count as usize);
    for seed in study.seeds.values() {
        for (arm_index, arm) in study.arms.iter().enumerate() {
            let mut request = study.request(arm, seed);
            if let Some(rate) = rates[arm_index] {
                request.train.insert("learning_rate".into(), rate.into());
            }
            let waits = study.search.is_some() && rates[arm_index].is_none();
            let request_hash = if waits { String::new() } else { request.hash() };
            runs.push(PlannedRun { arm: arm.name.clone(), arm_index, seed, request, request_hash });
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::small_study;

    #[test]
    fn all_arms_of_a_seed_come_before_the_next_seed() {
        let runs = plan(&small_study(2));
        let order: Vec<(&str, u64)> = runs.iter().map(|run| (run.arm.as_str(), run.seed)).collect();
        assert_eq!(
            order,
            [
                ("max_pool", 0),
                ("strided", 0),
                ("all_conv", 0),
                ("max_pool", 1),
                ("strided", 1),
                ("all_conv", 1)
            ]
        );
    }

    #[test]
    fn every_run_has_its_own_request() {
        let runs = plan(&small_study(3));
        let mut hashes: Vec<&str> = runs.iter().map(|run| run.request_hash.as_str()).collect();
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), 9);
    }
}
