//! The time of a forward pass of each arm, as `study bench` measured it in turn.

use std::path::PathBuf;

use serde::Serialize;

use super::arm::ArmResult;
use super::run::RunResult;
use crate::bench::{BenchRecord, BenchedArm};
use crate::file::StudyFile;
use crate::stats::summarise;

/// Half of the range of an arm's ratios over the rounds, relative to their median, above which the machine counts as busy.
const LARGEST_SPREAD: f64 = 0.1;

/// The time of a forward pass relative to the baseline's in the same round, over all rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PassRatio {
    /// Median over the rounds.
    pub median: f64,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

/// The forward pass of one arm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ForwardPass {
    /// Images of a pass.
    pub images: usize,
    /// Median seconds over the rounds.
    pub seconds: f64,
    /// Its seconds relative to the baseline's; `None` for a baseline.
    pub ratio: Option<PassRatio>,
    /// Rounds.
    pub rounds: usize,
}

impl ForwardPass {
    /// The times of an arm, in terms of those of its baseline if it has one.
    fn of(own: &BenchedArm, baseline: Option<&BenchedArm>) -> Option<ForwardPass> {
        let ratio = baseline.and_then(|base| {
            let pairs = own.seconds.iter().zip(&base.seconds);
            let found = summarise(&pairs.map(|(own, base)| own / base).collect::<Vec<f64>>())?;
            Some(PassRatio { median: found.median, least: found.least, most: found.most })
        });
        let seconds = summarise(&own.seconds)?.median;
        Some(ForwardPass { images: own.images, seconds, ratio, rounds: own.seconds.len() })
    }
}

/// Finds the record of the study next to its runs and writes its times into the arms. Sentences about unusable records go into `warnings`.
pub(crate) fn read(
    study: &StudyFile,
    folders: &[PathBuf],
    runs: &[RunResult],
    (arms, warnings): (&mut [ArmResult], &mut Vec<String>),
) -> Option<BenchRecord> {
    let record = find_record(folders, warnings)?;
    let is_current = |arm: usize| {
        let benched = record.arms.iter().find(|benched| benched.arm == arms[arm].name)?;
        let of_arm = runs.iter().filter(|run| run.arm_index == arm).filter_map(|run| run.record.as_ref());
        let is_its =
            of_arm.map(|run| &run.specification_hash).any(|hash| *hash == benched.specification_hash);
        is_its.then_some(benched)
    };
    let benched: Vec<_> = (0..arms.len()).map(is_current).collect();
    let missing: Vec<&str> = benched
        .iter()
        .zip(arms.iter())
        .filter(|(benched, _)| benched.is_none())
        .map(|(_, arm)| arm.name.as_str())
        .collect();
    if !missing.is_empty() {
        warnings.push(format!(
            "The times in bench.json are not those of {}: measure them again.",
            missing.join(", ")
        ));
    }
    let passes: Vec<Option<ForwardPass>> = (0..arms.len())
        .map(|arm| {
            ForwardPass::of(benched[arm]?, study.baseline_of(arm).and_then(|baseline| benched[baseline]))
        })
        .collect();
    let restless = passes
        .iter()
        .flatten()
        .filter_map(|pass| pass.ratio)
        .any(|ratio| 0.5 * (ratio.most - ratio.least) > LARGEST_SPREAD * ratio.median);
    if restless {
        warnings.push(
            "The ratios of times in bench.json differ by more than a tenth between rounds: the machine was not quiet.".to_owned(),
        );
    }
    for (arm, pass) in arms.iter_mut().zip(passes) {
        arm.forward_pass = pass;
    }
    Some(record)
}

/// Returns the first readable record next to the runs.
fn find_record(folders: &[PathBuf], warnings: &mut Vec<String>) -> Option<BenchRecord> {
    let places = folders.iter().flat_map(|folder| {
        // Published runs are one folder below their record.
        let is_published = folder.file_name().is_some_and(|name| name == "runs");
        std::iter::once(folder.clone()).chain(folder.parent().filter(|_| is_published).map(PathBuf::from))
    });
    for place in places {
        match BenchRecord::read(&place) {
            Ok(None) => {}
            Ok(record) => return record,
            Err(_) => warnings.push(
                "The times in bench.json cannot be read and are left out; measure them again.".to_owned(),
            ),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::BenchedArm;
    use crate::matrix::plan;
    use crate::publish::publish;
    use crate::results::StudyResults;
    use crate::testing::{small_study, write_run};
    use allconv_record::{Environment, Status};

    fn written(folder: &std::path::Path, factor: [f64; 3]) -> StudyFile {
        let study = small_study(2);
        let mut arms = Vec::new();
        for planned in plan(&study) {
            let run =
                write_run(folder, &planned, Status::Finished, Some(0.2 + 0.01 * planned.arm_index as f64));
            if planned.seed == 0 {
                // The machine is half as fast in the second round, for all arms alike.
                let seconds = [1.0, 2.0, 1.0].map(|load| load * factor[planned.arm_index]).to_vec();
                let specification_hash = run.read_record().unwrap().specification_hash;
                arms.push(BenchedArm { arm: planned.arm.clone(), specification_hash, images: 128, seconds });
            }
        }
        BenchRecord::new(Environment::default(), None, arms).write(folder).unwrap();
        study
    }

    #[test]
    fn times_are_compared_within_a_round_and_go_with_what_is_published() {
        let folder = tempfile::tempdir().unwrap();
        let (runs, published) = (folder.path().join("small"), folder.path().join("published"));
        let study = written(&runs, [0.1, 0.05, 0.2]);
        let results = StudyResults::collect(&study, &[runs]).unwrap();
        assert!(results.warnings.is_empty(), "{:?}", results.warnings);
        let ratio = |results: &StudyResults, arm: usize| {
            results.arms[arm].forward_pass.unwrap().ratio.map(|ratio| ratio.median)
        };
        assert_eq!((ratio(&results, 0), ratio(&results, 1)), (None, Some(0.5)));
        assert_eq!(ratio(&results, 2), Some(2.0));
        publish(&results, &published).unwrap();
        let again = StudyResults::collect(&study, &[published.join("runs")]).unwrap();
        assert_eq!(again.arms, results.arms);
        let readme = std::fs::read_to_string(published.join("README.md")).unwrap();
        assert!(readme.contains("| `strided` | ×0.50 | ×0.50 to ×0.50 |"), "{readme}");
    }

    #[test]
    fn times_of_other_runs_and_broken_records_are_left_out_and_reported() {
        let folder = tempfile::tempdir().unwrap();
        let study = written(folder.path(), [0.1, 0.05, 0.2]);
        let collect = || StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
        let mut record = BenchRecord::read(folder.path()).unwrap().unwrap();
        record.arms[1].specification_hash = "another".into();
        record.arms[2].seconds[0] = 3.0;
        record.write(folder.path()).unwrap();
        let results = collect();
        assert_eq!(results.arms[1].forward_pass, None);
        assert!(results.warnings.iter().any(|warning| warning.contains("are not those of strided")));
        assert!(results.warnings.iter().any(|warning| warning.contains("the machine was not quiet")));
        std::fs::write(folder.path().join("bench.json"), "{}").unwrap();
        let results = collect();
        assert!(results.warnings.iter().any(|warning| warning.contains("cannot be read")));
        assert!(results.arms.iter().all(|arm| arm.forward_pass.is_none()));
    }
}
