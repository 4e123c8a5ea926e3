//! Computation of a study's results from its file and run directories.

use std::path::PathBuf;

use super::analysis::Analysis;
use super::anchor::Anchor;
use super::arm::ArmResult;
use super::claims::ClaimResult;
use super::classes::{ClassResult, MOST_CLASSES_COUNTED};
use super::comparison::ComparisonResult;
use super::copies;
use super::disagreement::Disagreement;
use super::examples::ExampleComparison;
use super::folds::fold_correction;
use super::forward_pass;
use super::gap::GapTable;
use super::image_scores::{ImageComparison, ScoreTable};
use super::outcome_table::OutcomeTable;
use super::overall::{OverallResult, pooled};
use super::pairs::PairResult;
use super::pictures::ShownImages;
use super::regime::Regime;
use super::run::{RunResult, of_arm, of_first_seeds};
use super::secondary::SecondaryMetric;
use super::sequential::SequentialResult;
use super::study_file_changes::changed_file;
use super::study_results::StudyResults;
use super::trend::TrendTable;
use crate::arm_match::ArmMatch;
use crate::check::{StatisticsCheck, check_statistics};
use crate::error::StudyError;
use crate::file::{StudyFile, TestKind};
use crate::index::{IndexedRun, RunState, RunStore};
use crate::matrix::{plan, plan_with_rates};
use crate::metric::MetricUnit;
use crate::search::SearchResult;
use crate::stats::{PooledSpread, fold_factor};
use crate::text::visible;

impl StudyResults {
    /// Finds the runs of the study in the folders and computes everything. Runs of any state are part of it.
    ///
    /// # Errors
    /// [`StudyError`] when a folder cannot be listed, or the study's test could never reject.
    pub fn collect(study: &StudyFile, folders: &[PathBuf]) -> Result<StudyResults, StudyError> {
        let mut statistics = check_statistics(study)?;
        let Found { runs, indexed, search, mut warnings } = Found::of(study, folders)?;
        statistics.folds = fold_correction(study, &runs);
        let mut table = OutcomeTable::read(&runs, &mut warnings);
        let floor = Anchor::floor(&runs, &study.primary, &table);
        let (analysis, sequential) = Analysis::with_looks(study, &statistics, (&runs, &indexed, floor));
        let needed = sequential.as_ref().map_or(study.seeds.count, SequentialResult::seeds_needed);
        let runs: Vec<RunResult> = of_first_seeds(study, &runs, needed).into_iter().cloned().collect();
        table.rows.retain(|row| row.seed < study.seeds.from + u64::from(needed));
        let scores = ScoreTable::read(&runs, &study.primary, &mut warnings);
        let shown_images = ShownImages::read(&runs, &mut warnings);
        let Analysis { mut arms, mut comparisons, factorial } = analysis;
        complete_arms(study, &mut arms, (&runs, search.as_ref()));
        let bench = forward_pass::read(study, folders, &runs, (&mut arms, &mut warnings));
        let pooled = pooled(study, &arms);
        complete_comparisons(study, &mut comparisons, (&table, &scores), (&statistics, pooled.as_ref()));
        let learned_nothing: Vec<bool> =
            arms.iter().map(|arm| arm.reaches(floor, study.primary.better)).collect();
        warnings.extend(warnings_of(study, (&runs, &arms, &table)));
        let overall = OverallResult::of(study, &arms);
        Ok(StudyResults {
            study: study.clone(),
            unit: MetricUnit::of(&study.primary.metric),
            claims: ClaimResult::all(study, &statistics, (&runs, &arms, &learned_nothing)),
            pooled,
            gap: GapTable::of(study, (&runs, &comparisons), statistics.folds),
            trend: TrendTable::of(study, &statistics, &arms),
            secondary: SecondaryMetric::all(study, &statistics, &runs),
            regime: Regime::of(&runs),
            anchor: Anchor::of(&runs, &study.primary, (&table, &scores)),
            pairs: PairResult::all(&arms, statistics.folds, overall.as_ref()),
            classes: ClassResult::all(study, &table),
            disagreements: Disagreement::largest(&table, arms.len()),
            warnings: warnings.iter().map(|warning| visible(warning)).collect(),
            statistics,
            runs,
            comparisons,
            factorial,
            search,
            sequential,
            scores,
            shown_images,
            bench,
            overall,
            arms,
        })
    }
}

/// The runs of a study, as far as they were found.
struct Found {
    runs: Vec<RunResult>,
    indexed: Vec<IndexedRun>,
    search: Option<SearchResult>,
    warnings: Vec<String>,
}

impl Found {
    fn of(study: &StudyFile, folders: &[PathBuf]) -> Result<Found, StudyError> {
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
        Ok(Found { runs: with_skipped(runs, search.as_ref()), indexed: index.runs, search, warnings })
    }
}

/// Adds the search's learning rate and the matched cost to the arms.
fn complete_arms(
    study: &StudyFile,
    arms: &mut [ArmResult],
    (runs, search): (&[RunResult], Option<&SearchResult>),
) {
    for (arm, rate) in arms.iter_mut().zip(search.iter().flat_map(|search| &search.rates)) {
        arm.searched_lr = *rate;
    }
    let specification = |arm: usize| of_arm(runs, arm).into_iter().find_map(|run| run.specification.as_ref());
    let matched =
        |arm: usize| ArmMatch::of(study, arm, |other| arms[other].cost.as_ref(), specification(arm));
    let matched: Vec<_> = (0..arms.len()).map(matched).collect();
    arms.iter_mut().zip(matched).for_each(|(arm, matched)| arm.matched = matched);
}

/// Adds to the comparisons the intervals from the spread of all arms, and the comparisons over examples and images.
fn complete_comparisons(
    study: &StudyFile,
    comparisons: &mut [ComparisonResult],
    (table, scores): (&OutcomeTable, &ScoreTable),
    (statistics, pooled): (&StatisticsCheck, Option<&PooledSpread>),
) {
    let pooled = pooled.filter(|_| study.compare.test != TestKind::Welch);
    for comparison in comparisons {
        let positions = (comparison.arm_index, comparison.baseline_index);
        comparison.examples = ExampleComparison::of(table, positions);
        comparison.images = ImageComparison::of(scores, positions, study.primary.better);
        if let Some(pooled) = pooled {
            let folds = statistics.folds.map(|folds| fold_factor(pooled.seeds, folds.test_per_training));
            comparison.pool(pooled, folds.unwrap_or(1.0));
        }
    }
}

/// Returns the runs, with those of arms without a working learning rate marked as skipped.
fn with_skipped(mut runs: Vec<RunResult>, search: Option<&SearchResult>) -> Vec<RunResult> {
    let Some(search) = search else { return runs };
    for run in runs.iter_mut().filter(|run| search.has_failed(run.arm_index)) {
        run.state = RunState::Skipped;
        run.reason = Some("no learning rate of the search came to an end".to_owned());
    }
    runs
}

/// Returns warnings about comparing arms and runs.
fn warnings_of(
    study: &StudyFile,
    (runs, arms, table): (&[RunResult], &[ArmResult], &OutcomeTable),
) -> Vec<String> {
    let mut warnings: Vec<String> = arms.iter().filter_map(lost_arm).collect();
    warnings.extend(copies::warnings(runs));
    warnings.extend(changed_file(study, runs));
    if table.classes() > MOST_CLASSES_COUNTED {
        warnings.push(format!(
            "The outcomes name {} classes; above {MOST_CLASSES_COUNTED} they are not counted one by one.",
            table.classes()
        ));
    }
    warnings
}

/// Returns a warning about an arm without any result, although all of its runs have ended.
fn lost_arm(arm: &ArmResult) -> Option<String> {
    // The search warns about skipped arms.
    let is_lost = arm.lost == arm.planned && arm.lost_as.iter().all(|(state, _)| *state != RunState::Skipped);
    is_lost.then(|| format!("Arm {} has no result: {}.", arm.name, arm.losses()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Direction, Verdict};
    use crate::testing::{append_metric, small_study, small_study_text, write_run};
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
    fn a_sequential_study_looks_only_when_all_runs_of_a_look_have_ended_and_stops_when_all_is_decided() {
        let folder = tempfile::tempdir().unwrap();
        let text = small_study_text(9)
            .replace("alpha = 0.05", "alpha = 0.05, equivalence_margin = 0.005")
            .replace("[base.data]", "sequential = { looks = [5, 7, 9] }\n[base.data]");
        let study = StudyFile::parse("small.toml", text).unwrap();
        let folders = [folder.path().to_path_buf()];
        let needed = || crate::needed::needed_runs(&study, &folders).unwrap().len();
        assert_eq!(needed(), 15, "the runs up to the first look");
        let five = StudyFile::parse("small.toml", small_study_text(5)).unwrap();
        for planned in plan(&five) {
            let early = planned.seed == 4 && planned.arm == "all_conv";
            let noise = 0.001 * ((planned.seed * 2 + planned.arm_index as u64) % 5) as f64;
            let shift = if planned.arm == "all_conv" { 0.02 } else { 0.0 };
            if !early {
                write_run(folder.path(), &planned, Status::Finished, Some(0.1 + shift + noise));
            }
        }
        let before = collect(&study, folder.path());
        assert!(before.comparisons.iter().all(|c| c.verdict == Verdict::Interim), "no look yet");
        let last = plan(&five).into_iter().find(|run| run.seed == 4 && run.arm == "all_conv").unwrap();
        write_run(folder.path(), &last, Status::Finished, Some(0.12));
        let after = collect(&study, folder.path());
        let sequential = after.sequential.as_ref().unwrap();
        assert_eq!(sequential.reached, 1);
        assert_eq!(after.comparisons[1].verdict, Verdict::Shown(Direction::Worse));
        if sequential.has_stopped {
            assert_eq!(needed(), 15, "nothing more is needed");
        } else {
            assert_eq!(after.comparisons[0].verdict, Verdict::Interim);
            assert_eq!(needed(), 21, "the runs up to the second look");
        }
        // Verdicts stay, and the numbers shown are those of the look, whatever further runs give.
        for planned in plan(&study).iter().filter(|run| (5..7).contains(&run.seed)) {
            write_run(folder.path(), planned, Status::Finished, Some(0.3 * planned.arm_index as f64));
        }
        let later = collect(&study, folder.path());
        assert_eq!(later.comparisons[1].verdict, Verdict::Shown(Direction::Worse));
        assert_eq!(later.sequential.unwrap().decided_at[1], Some(0));
    }

    #[test]
    fn a_study_without_runs_has_no_verdicts() {
        let folder = tempfile::tempdir().unwrap();
        let results = collect(&small_study(5), folder.path());
        assert!(results.runs.iter().all(|run| run.state == RunState::Left));
        assert!(results.comparisons.iter().all(|c| c.verdict == Verdict::NoPairs && c.p.is_none()));
    }

    #[test]
    fn a_finished_run_without_the_primary_metric_is_warned_about() {
        let folder = tempfile::tempdir().unwrap();
        let study = small_study(1);
        append_metric(&write_run(folder.path(), &plan(&study)[0], Status::Finished, None), "loss", 1.0);
        let warnings = collect(&study, folder.path()).warnings;
        assert_eq!(warnings, ["The finished run max_pool with seed 0 has no test error."]);
    }
}
