//! Arms × seeds: the runs of a study, in the order in which they are made.

use allconv_record::Request;

use crate::file::StudyFile;

/// One run that the study asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedRun {
    /// Name of the arm.
    pub arm: String,
    /// Position of the arm in the study file.
    pub arm_index: usize,
    /// Seed.
    pub seed: u64,
    /// What is asked for.
    pub request: Request,
    /// [`Request::hash`], by which the run is found again.
    pub request_hash: String,
}

/// All runs of a study, interleaved: every arm with the first seed, then every arm with the second, and so on.
///
/// So a study that is stopped early has complete pairs, and slow drifts of the machine hit all arms alike.
pub fn plan(study: &StudyFile) -> Vec<PlannedRun> {
    let mut runs = Vec::with_capacity(study.arms.len() * study.seeds.count as usize);
    for seed in study.seeds.values() {
        for (arm_index, arm) in study.arms.iter().enumerate() {
            let request = study.request(arm, seed);
            let request_hash = request.hash();
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
