//! Everything that came of a study, computed once from its file and its run directories.

use std::path::PathBuf;

use allconv_record::SplitName;

use super::anchor::Anchor;
use super::arm::ArmResult;
use super::claims::ClaimResult;
use super::classes::{ClassResult, MOST_CLASSES_COUNTED};
use super::comparison::ComparisonResult;
use super::copies;
use super::curve::Curve;
use super::disagreement::Disagreement;
use super::examples::ExampleComparison;
use super::factorial::FactorialResult;
use super::folds::fold_correction;
use super::forward_pass;
use super::gap::GapTable;
use super::image_scores::{ImageComparison, ScoreTable};
use super::outcome_table::OutcomeTable;
use super::pairs::PairResult;
use super::pictures::ShownImages;
use super::regime::Regime;
use super::run::RunResult;
use super::secondary::SecondaryMetric;
use super::sequential::SequentialResult;
use super::study_file_changes::changed_file;
use super::trend::TrendTable;
use crate::arm_match::ArmMatch;
use crate::bench::BenchRecord;
use crate::check::{StatisticsCheck, check_statistics};
use crate::error::StudyError;
use crate::file::{StudyFile, TestKind};
use crate::index::{RunState, RunStore};
use crate::matrix::{plan, plan_with_rates};
use crate::metric::MetricUnit;
use crate::search::SearchResult;
use crate::stats::{
    Friedman, PooledSpread, fold_factor, friedman, nemenyi_critical_difference, pooled_spread,
};
use crate::text::visible;

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
    /// The study file.
    pub study: StudyFile,
    /// How the primary metric is shown.
    pub unit: MetricUnit,
    /// What the statistics of this study can say.
    pub statistics: StatisticsCheck,
    /// The planned runs in the order of the plan; in a sequential study, those of the seeds that are needed so far.
    pub runs: Vec<RunResult>,
    /// The arms in the order of the file.
    pub arms: Vec<ArmResult>,
    /// Every arm that is no baseline against its baseline, in the order of the arms.
    pub comparisons: Vec<ComparisonResult>,
    /// Main effects and interactions; `None` when the study crosses no factors.
    pub factorial: Option<FactorialResult>,
    /// The spread that all arms have in common, over the seeds that every arm finished; `None` below three arms.
    pub pooled: Option<PooledSpread>,
    /// Differences in test error as differences in training error and in the gap; `None` for other metrics.
    pub gap: Option<GapTable>,
    /// How differences change along a numeric factor; `None` for a study without.
    pub trend: Option<TrendTable>,
    /// What came of the study's claims, in the order of the file.
    pub claims: Vec<ClaimResult>,
    /// Everything else that was measured on the primary split: planned metrics first, then the others by name.
    pub secondary: Vec<SecondaryMetric>,
    /// Errors on training and test images at the end; `None` for tasks other than classification.
    pub regime: Option<Regime>,
    /// The runs against what needs no network; `None` where no run recorded that.
    pub anchor: Option<Anchor>,
    /// The search for learning rates; `None` when the study has none.
    pub search: Option<SearchResult>,
    /// The looks at the results; `None` when the study takes none before its end.
    pub sequential: Option<SequentialResult>,
    /// All arms at once; `None` below three arms or five complete seeds.
    pub overall: Option<OverallResult>,
    /// Every pair of arms, corrected for all of them; empty above thirty arms.
    pub pairs: Vec<PairResult>,
    /// Per-class results of every arm whose runs recorded outcomes.
    pub classes: Vec<ClassResult>,
    /// The test examples on which the arms disagree most.
    pub disagreements: Vec<Disagreement>,
    /// The primary metric of every test image, for tasks whose images have scores; empty for others.
    pub scores: ScoreTable,
    /// Pictures that the runs kept of their final evaluation.
    pub shown_images: ShownImages,
    /// Times of forward passes that were measured in turns; `None` where nobody did.
    pub bench: Option<BenchRecord>,
    /// What a reader must know before believing the numbers, as sentences.
    pub warnings: Vec<String>,
}

impl StudyResults {
    /// Finds the runs of the study in the folders and computes everything. Runs of any state are part of it.
    ///
    /// # Errors
    /// [`StudyError`] when a folder cannot be listed, or the study's test could never reject.
    pub fn collect(study: &StudyFile, folders: &[PathBuf]) -> Result<StudyResults, StudyError> {
        let mut statistics = check_statistics(study)?;
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
        let runs = with_skipped(runs, search.as_ref());
        statistics.folds = fold_correction(study, &runs);
        let table = OutcomeTable::read(&runs, &mut warnings);
        let floor = Anchor::floor(&runs, &study.primary, &table);
        let mut sequential = SequentialResult::planned(study);
        let mut analysis = None;
        if let Some(sequential) = &mut sequential {
            let mut verdicts = Vec::new();
            while sequential.can_look(study, &index.runs) {
                let look = sequential.looks[sequential.reached];
                let seen = of_first_seeds(study, &runs, look.seeds);
                let mut looked = Analysis::of(study, (&statistics, look.level), (&seen, floor));
                sequential.look(&mut looked.comparisons, &verdicts);
                verdicts = looked.comparisons.iter().map(|comparison| comparison.verdict).collect();
                analysis = Some(looked);
            }
        }
        let needed = sequential.as_ref().map_or(study.seeds.count, SequentialResult::seeds_needed);
        let runs: Vec<RunResult> = of_first_seeds(study, &runs, needed).into_iter().cloned().collect();
        let mut analysis = match analysis {
            Some(analysis) => analysis,
            None => {
                let all: Vec<&RunResult> = runs.iter().collect();
                Analysis::of(study, (&statistics, study.compare.alpha), (&all, floor))
            }
        };
        if let Some(sequential) = &sequential {
            sequential.withhold(&mut analysis.comparisons);
        }
        for (arm, rate) in analysis.arms.iter_mut().zip(search.iter().flat_map(|search| &search.rates)) {
            arm.searched_lr = *rate;
        }
        let specification =
            |arm: usize| of_arm(&runs, arm).into_iter().find_map(|run| run.specification.as_ref());
        let matched = |arm: usize| {
            ArmMatch::of(study, arm, |other| analysis.arms[other].cost.as_ref(), specification(arm))
        };
        let matched: Vec<_> = (0..analysis.arms.len()).map(matched).collect();
        analysis.arms.iter_mut().zip(matched).for_each(|(arm, matched)| arm.matched = matched);
        let table = of_needed_seeds(table, study, needed);
        let scores = ScoreTable::read(&runs, &study.primary, &mut warnings);
        let shown_images = ShownImages::read(&runs, &mut warnings);
        for comparison in &mut analysis.comparisons {
            let positions = (comparison.arm_index, comparison.baseline_index);
            comparison.examples = ExampleComparison::of(&table, positions);
            comparison.images = ImageComparison::of(&scores, positions, study.primary.better);
        }
        let Analysis { mut arms, mut comparisons, factorial } = analysis;
        let bench = forward_pass::read(study, folders, &runs, (&mut arms, &mut warnings));
        let pooled = pooled(study, &arms);
        if let (Some(pooled), false) = (&pooled, study.compare.test == TestKind::Welch) {
            let folds = statistics.folds.map(|folds| fold_factor(pooled.seeds, folds.test_per_training));
            let factor = folds.unwrap_or(1.0);
            comparisons.iter_mut().for_each(|comparison| comparison.pool(pooled, factor));
        }
        let learned_nothing: Vec<bool> =
            arms.iter().map(|arm| arm.reaches(floor, study.primary.better)).collect();
        warnings.extend(arms.iter().filter_map(lost_arm));
        warnings.extend(copies::warnings(&runs));
        warnings.extend(changed_file(study, &runs));
        if table.classes() > MOST_CLASSES_COUNTED {
            warnings.push(format!(
                "The outcomes name {} classes; above {MOST_CLASSES_COUNTED} they are not counted one by one.",
                table.classes()
            ));
        }
        let warnings = warnings.iter().map(|warning| visible(warning)).collect();
        let overall = overall(study, &arms);
        let unit = MetricUnit::of(&study.primary.metric);
        let folds = statistics.folds;
        Ok(StudyResults {
            study: study.clone(),
            unit,
            claims: ClaimResult::all(study, &statistics, (&runs, &arms, &learned_nothing)),
            pooled,
            gap: GapTable::of(study, (&runs, &comparisons), statistics.folds),
            trend: TrendTable::of(study, &statistics, &arms),
            secondary: SecondaryMetric::all(study, &statistics, &runs),
            regime: Regime::of(&runs),
            anchor: Anchor::of(&runs, &study.primary, (&table, &scores)),
            statistics,
            runs,
            comparisons,
            factorial,
            search,
            sequential,
            pairs: PairResult::all(&arms, folds, overall.as_ref()),
            classes: ClassResult::all(study, &table),
            disagreements: Disagreement::largest(&table, arms.len()),
            scores,
            shown_images,
            bench,
            overall,
            arms,
            warnings,
        })
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

/// What is computed from some of the runs.
struct Analysis {
    arms: Vec<ArmResult>,
    comparisons: Vec<ComparisonResult>,
    factorial: Option<FactorialResult>,
}

impl Analysis {
    fn of(
        study: &StudyFile,
        (statistics, level): (&StatisticsCheck, f64),
        (runs, floor): (&[&RunResult], Option<f64>),
    ) -> Analysis {
        let of_arm = |arm: usize| -> Vec<&RunResult> {
            runs.iter().copied().filter(|run| run.arm_index == arm).collect()
        };
        let arms: Vec<ArmResult> =
            (0..study.arms.len()).map(|arm| ArmResult::of(study, arm, &of_arm(arm))).collect();
        let mut comparisons: Vec<ComparisonResult> = (0..arms.len())
            .filter_map(|arm| Some((arm, study.baseline_of(arm)?)))
            .map(|positions| ComparisonResult::of(study, statistics, &arms, positions))
            .collect();
        ComparisonResult::decide_all(study, (statistics, level), (&arms, floor), &mut comparisons);
        let factorial = FactorialResult::of(study, (statistics, level), (&arms, floor));
        Analysis { arms, comparisons, factorial }
    }
}

/// The runs, of which those of arms without a learning rate that works are skipped.
fn with_skipped(mut runs: Vec<RunResult>, search: Option<&SearchResult>) -> Vec<RunResult> {
    let Some(search) = search else { return runs };
    for run in runs.iter_mut().filter(|run| search.has_failed(run.arm_index)) {
        run.state = RunState::Skipped;
        run.reason = Some("no learning rate of the search came to an end".to_owned());
    }
    runs
}

/// The outcomes of the seeds that are needed so far.
fn of_needed_seeds(mut table: OutcomeTable, study: &StudyFile, needed: u32) -> OutcomeTable {
    table.rows.retain(|row| row.seed < study.seeds.from + u64::from(needed));
    table
}

/// What a reader must know of an arm without a single result, although all of its runs have ended.
fn lost_arm(arm: &ArmResult) -> Option<String> {
    // Of arms that were skipped the search warns.
    let is_lost = arm.lost == arm.planned && arm.lost_as.iter().all(|(state, _)| *state != RunState::Skipped);
    is_lost.then(|| format!("Arm {} has no result: {}.", arm.name, arm.losses()))
}

/// The runs of the first `count` seeds.
fn of_first_seeds<'a>(study: &StudyFile, runs: &'a [RunResult], count: u32) -> Vec<&'a RunResult> {
    runs.iter().filter(|run| run.seed < study.seeds.from + u64::from(count)).collect()
}

fn of_arm(runs: &[RunResult], arm_index: usize) -> Vec<&RunResult> {
    runs.iter().filter(|run| run.arm_index == arm_index).collect()
}

/// The spread that all arms have in common, over the seeds that every arm finished.
fn pooled(study: &StudyFile, arms: &[ArmResult]) -> Option<PooledSpread> {
    let rows: Vec<Vec<f64>> = study
        .seeds
        .values()
        .filter_map(|seed| arms.iter().map(|arm| arm.value(seed)).collect::<Option<Vec<f64>>>())
        .collect();
    // With several seeds a fold, seeds of one fold are no blocks of their own.
    let is_one_a_fold = study.folds().is_none_or(|folds| rows.len() <= folds);
    pooled_spread(&rows).filter(|_| is_one_a_fold)
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
        // What was shown stands, and the numbers shown are those of the look, whatever further runs say.
        for planned in plan(&study).iter().filter(|run| (5..7).contains(&run.seed)) {
            write_run(folder.path(), planned, Status::Finished, Some(0.3 * planned.arm_index as f64));
        }
        let later = collect(&study, folder.path());
        assert_eq!(later.comparisons[1].verdict, Verdict::Shown(Direction::Worse));
        assert_eq!(later.sequential.unwrap().decided_at[1], Some(0));
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
        append_metric(&write_run(folder.path(), &plan(&study)[0], Status::Finished, None), "loss", 1.0);
        let warnings = collect(&study, folder.path()).warnings;
        assert_eq!(warnings, ["The finished run max_pool with seed 0 has no test error."]);
    }
}
