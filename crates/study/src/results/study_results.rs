//! Everything that came of a study, computed once from its file and its run directories.

use std::path::PathBuf;

use allconv_record::SplitName;

use super::arm::ArmResult;
use super::comparison::ComparisonResult;
use super::curve::Curve;
use super::examples::ExampleComparison;
use super::factorial::FactorialResult;
use super::metric::MetricUnit;
use super::run::RunResult;
use crate::check::{StatisticsCheck, check_statistics};
use crate::error::StudyError;
use crate::file::StudyFile;
use crate::index::RunStore;
use crate::matrix::{plan, plan_with_rates};
use crate::search::SearchResult;
use crate::stats::{Friedman, friedman, nemenyi_critical_difference};

/// Do any of the arms differ, judged by their ranks within each seed?
#[derive(Clone, Debug, PartialEq)]
pub struct OverallResult {
    /// Friedman's test over the seeds that every arm finished.
    pub friedman: Friedman,
    /// How far apart two mean ranks must lie to differ at the study's level, after Nemenyi.
    pub critical_difference: f64,
}

/// The results of a study.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyResults {
    /// How the primary metric is shown.
    pub unit: MetricUnit,
    /// What the statistics of this study can say.
    pub statistics: StatisticsCheck,
    /// All planned runs in the order of the plan.
    pub runs: Vec<RunResult>,
    /// The arms in the order of the file.
    pub arms: Vec<ArmResult>,
    /// Every arm that is no baseline against its baseline, in the order of the arms.
    pub comparisons: Vec<ComparisonResult>,
    /// Main effects and interactions; `None` when the study crosses no factors.
    pub factorial: Option<FactorialResult>,
    /// The search for learning rates; `None` when the study has none.
    pub search: Option<SearchResult>,
    /// All arms at once; `None` below three arms or five complete seeds.
    pub overall: Option<OverallResult>,
    /// What a reader must know before believing the numbers, as sentences.
    pub warnings: Vec<String>,
}

impl StudyResults {
    /// Finds the runs of the study in the folders and computes everything. Runs of any state are part of it.
    ///
    /// # Errors
    /// [`StudyError`] when a folder cannot be listed, or the study's test could never reject.
    pub fn collect(study: &StudyFile, folders: &[PathBuf]) -> Result<StudyResults, StudyError> {
        let statistics = check_statistics(study)?;
        let store = RunStore::open(folders)?;
        let search = SearchResult::of(study, &store);
        let planned = match &search {
            Some(search) => plan_with_rates(study, &search.rates),
            None => plan(study),
        };
        let index = store.index(&planned);
        let mut warnings = store.warnings().to_vec();
        warnings.extend(index.warnings);
        warnings.extend(search.iter().flat_map(|search| search.warnings.clone()));
        let runs: Vec<RunResult> =
            index.runs.iter().map(|run| RunResult::read(run, &study.primary, &mut warnings)).collect();
        let mut arms: Vec<ArmResult> = (0..study.arms.len())
            .map(|position| ArmResult::of(study, position, &of_arm(&runs, position)))
            .collect();
        for (arm, rate) in arms.iter_mut().zip(search.iter().flat_map(|search| &search.rates)) {
            arm.searched_lr = *rate;
        }
        let mut comparisons: Vec<ComparisonResult> = (0..arms.len())
            .filter_map(|position| Some((position, study.baseline_of(position)?)))
            .map(|(position, baseline)| {
                let pairs = pairs(&runs, position, baseline);
                let examples = ExampleComparison::of(&pairs, &mut warnings);
                ComparisonResult::of(study, &arms, (position, baseline), examples)
            })
            .collect();
        ComparisonResult::decide_all(study, &statistics, &arms, &mut comparisons);
        let factorial = FactorialResult::of(study, &statistics, &arms);
        let overall = overall(study, &arms);
        let unit = MetricUnit::of(&study.primary.metric);
        Ok(StudyResults { unit, statistics, runs, arms, comparisons, factorial, search, overall, warnings })
    }

    /// The learning curves of all arms for one metric; arms without any point are left out.
    pub fn curves(&self, split: SplitName, metric: &str) -> Vec<Curve> {
        (0..self.arms.len())
            .map(|position| Curve::of(position, &of_arm(&self.runs, position), split, metric))
            .filter(|curve| !curve.is_empty())
            .collect()
    }

    /// The comparison of an arm with its baseline; `None` for a baseline itself.
    pub fn comparison(&self, arm_index: usize) -> Option<&ComparisonResult> {
        self.comparisons.iter().find(|comparison| comparison.arm_index == arm_index)
    }
}

fn of_arm(runs: &[RunResult], arm_index: usize) -> Vec<&RunResult> {
    runs.iter().filter(|run| run.arm_index == arm_index).collect()
}

/// Runs of the arm and the baseline with equal seeds, where both have a value.
fn pairs(runs: &[RunResult], arm: usize, baseline: usize) -> Vec<(&RunResult, &RunResult)> {
    let others = of_arm(runs, baseline);
    of_arm(runs, arm)
        .into_iter()
        .filter_map(|run| others.iter().find(|other| other.seed == run.seed).map(|other| (run, *other)))
        .filter(|(run, other)| run.value.is_some() && other.value.is_some())
        .collect()
}

fn overall(study: &StudyFile, arms: &[ArmResult]) -> Option<OverallResult> {
    let rows: Vec<Vec<f64>> = study
        .seeds
        .values()
        .filter_map(|seed| arms.iter().map(|arm| arm.value(seed)).collect::<Option<Vec<f64>>>())
        .collect();
    if rows.len() < crate::check::SEEDS_FOR_A_VERDICT as usize {
        return None;
    }
    let friedman = friedman(&rows)?;
    let critical_difference = nemenyi_critical_difference(study.compare.alpha, arms.len(), rows.len());
    Some(OverallResult { friedman, critical_difference })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::RunState;
    use crate::results::{Direction, Verdict};
    use crate::testing::{small_study, small_study_text, write_run};
    use allconv_record::Status;

    /// Runs of a study in which `strided` equals the baseline up to noise and `all_conv` is 2 points worse.
    fn filled(folder: &std::path::Path, study: &StudyFile) {
        for planned in plan(study) {
            let noise = [0.001, -0.001, 0.0005, 0.0, -0.0004, 0.0007, -0.0009, 0.0002, 0.0003]
                [(planned.seed as usize * 2 + planned.arm_index) % 9];
            let shift = if planned.arm == "all_conv" { 0.02 } else { 0.0 };
            let error = 0.1 + 0.003 * (planned.seed % 4) as f64 + shift + noise;
            write_run(folder, &planned, Status::Finished, Some(error));
        }
    }

    fn study_with_margin(seeds: u32) -> StudyFile {
        let text =
            small_study_text(seeds).replace("alpha = 0.05", "alpha = 0.05, equivalence_margin = 0.005");
        StudyFile::parse("small.toml", text).unwrap()
    }

    fn collect(study: &StudyFile, folder: &std::path::Path) -> StudyResults {
        StudyResults::collect(study, &[folder.to_path_buf()]).unwrap()
    }

    #[test]
    fn a_planted_difference_is_shown_and_an_equal_arm_is_shown_equivalent() {
        let folder = tempfile::tempdir().unwrap();
        let study = study_with_margin(6);
        filled(folder.path(), &study);
        let results = collect(&study, folder.path());
        let verdicts: Vec<Verdict> = results.comparisons.iter().map(|c| c.verdict).collect();
        assert_eq!(verdicts, [Verdict::Equivalent, Verdict::Shown(Direction::Worse)]);
        let worse = &results.comparisons[1];
        let interval = worse.interval.unwrap();
        assert!(interval.low < 0.02 && 0.02 < interval.high, "{interval:?}");
        assert!(worse.corrected_p.unwrap() >= worse.p.unwrap());
        assert!(results.overall.is_some());
        assert!(results.warnings.is_empty(), "{:?}", results.warnings);
    }

    #[test]
    fn four_seeds_give_intervals_and_no_verdict() {
        let folder = tempfile::tempdir().unwrap();
        let study = study_with_margin(4);
        filled(folder.path(), &study);
        let results = collect(&study, folder.path());
        assert!(
            results.comparisons.iter().all(|c| c.verdict == Verdict::IntervalsOnly && c.interval.is_some())
        );
    }

    #[test]
    fn a_missing_run_withholds_the_verdicts_that_need_it_and_keeps_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let study = study_with_margin(6);
        filled(folder.path(), &study);
        let planned = plan(&study);
        let missing = planned.iter().find(|run| run.arm == "strided" && run.seed == 3).unwrap();
        write_run(folder.path(), missing, Status::Running, None);
        let results = collect(&study, folder.path());
        assert_eq!(results.comparisons[0].verdict, Verdict::Interim);
        assert_eq!(results.comparisons[0].n(), 5);
        assert_eq!(results.comparisons[1].verdict, Verdict::Shown(Direction::Worse));
    }

    #[test]
    fn a_diverged_run_is_counted_and_costs_its_pair() {
        let folder = tempfile::tempdir().unwrap();
        let study = study_with_margin(6);
        filled(folder.path(), &study);
        let planned = plan(&study);
        let diverged = planned.iter().find(|run| run.arm == "all_conv" && run.seed == 0).unwrap();
        write_run(folder.path(), diverged, Status::Diverged, None);
        let results = collect(&study, folder.path());
        let arm = &results.arms[2];
        assert_eq!((arm.ended, arm.lost, arm.values.len()), (6, 1, 5));
        assert_eq!(results.comparisons[1].n(), 5);
        assert_eq!(results.runs.iter().filter(|run| run.state == RunState::Diverged).count(), 1);
    }

    #[test]
    fn a_study_without_runs_is_all_left_and_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let results = collect(&small_study(5), folder.path());
        assert!(results.runs.iter().all(|run| run.state == RunState::Left));
        assert!(results.comparisons.iter().all(|c| c.verdict == Verdict::NoPairs && c.p.is_none()));
    }

    #[test]
    fn a_finished_run_without_the_primary_metric_is_warned_about() {
        let folder = tempfile::tempdir().unwrap();
        let study = small_study(1);
        write_run(folder.path(), &plan(&study)[0], Status::Finished, None);
        let warnings = collect(&study, folder.path()).warnings;
        assert_eq!(warnings, ["The finished run max_pool with seed 0 has no test error."]);
    }
}
