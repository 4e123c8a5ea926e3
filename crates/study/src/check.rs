//! `study check`: all names are known, every arm resolves, and the statistics can give verdicts.

use allconv_record::{Resolve, Resolved};

use crate::arm_match::ArmMatch;
use crate::error::StudyError;
use crate::file::{Correction, Search, StudyFile, StudyFileError, TestKind};
use crate::recorded::check_metrics;
use crate::relatives::Relatives;
use crate::stats::{FoldCorrection, SEEDS_FOR_A_VERDICT};
use crate::text::counted;

/// The plan of a checked study.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckReport {
    /// Name of the study.
    pub study: String,
    /// Its question.
    pub question: String,
    /// One entry per arm, in the order of the file, resolved with the first seed.
    pub arms: Vec<ArmCheck>,
    /// Runs in total.
    pub runs: u64,
    /// Training images shown over all runs, without those that a run takes over from a shorter one.
    pub presentations: u64,
    /// Those that runs take over from shorter ones that differ in length alone. None are counted where a search may give them different rates.
    pub shared_presentations: u64,
    /// Runs of the search for learning rates; 0 without one.
    pub search_runs: u64,
    /// Training images shown over these.
    pub search_presentations: u64,
    /// The possible verdicts.
    pub statistics: StatisticsCheck,
}

/// One arm of a checked study.
#[derive(Clone, Debug, PartialEq)]
pub struct ArmCheck {
    /// Name of the arm.
    pub arm: String,
    /// Specification, shapes, cost, presentations, steps and memory of one run.
    pub resolved: Resolved,
    /// The cost it has in common with its baseline; `None` where it is not matched.
    pub matched: Option<ArmMatch>,
}

/// The verdicts that the statistics of a study can give.
#[derive(Clone, Debug, PartialEq)]
pub struct StatisticsCheck {
    /// The test behind the verdicts.
    pub test: TestKind,
    /// Seeds, i.e. pairs.
    pub n: u32,
    /// Comparisons with the baseline.
    pub comparisons: usize,
    /// Chance of a false claim over all comparisons; in a sequential study, the remainder for the last look.
    pub alpha: f64,
    /// The correction of p values.
    pub correction: Correction,
    /// Smallest corrected p that an exact test can reach; `None` where p has no lower limit.
    pub smallest_corrected_p: Option<f64>,
    /// Seeds from which on this test can give a verdict here.
    pub seeds_needed: u32,
    /// Whether a verdict is possible; otherwise the report holds intervals only.
    pub verdict_possible: bool,
    /// How intervals over folds are corrected, once there are runs; `None` where the seeds do not select folds.
    pub folds: Option<FoldCorrection>,
}

/// Checks a study: resolves one run per arm and checks that the statistics can give a verdict.
///
/// # Errors
/// [`StudyError::File`] at the key that is the cause: an unknown name, a metric that the runs do not record, or an exact
/// test that could never reject with so few seeds.
pub fn check(study: &StudyFile, resolve: &dyn Resolve) -> Result<CheckReport, StudyError> {
    let statistics = check_statistics(study)?;
    // Baselines first: a mistake in one must not be reported for an arm that is matched to it.
    let mut order: Vec<usize> = (0..study.arms.len()).collect();
    order.sort_by_key(|index| study.baseline_of(*index).is_some());
    let mut resolved = vec![None; study.arms.len()];
    for index in order {
        let arm = &study.arms[index];
        let found = resolve.resolve(&study.request(arm, study.seeds.from));
        resolved[index] = Some(found.map_err(|error| study.locate(arm, &error))?);
    }
    let resolved: Vec<Resolved> = resolved.into_iter().flatten().collect();
    for (arm_index, resolved) in resolved.iter().enumerate() {
        check_metrics(study, arm_index, resolved)?;
    }
    let cost = |index: usize| Some(&resolved[index].cost);
    let matched = |index: usize| ArmMatch::of(study, index, cost, Some(&resolved[index].specification));
    let matched: Vec<_> = (0..resolved.len()).map(matched).collect();
    let arms: Vec<ArmCheck> = study
        .arms
        .iter()
        .zip(resolved)
        .zip(matched)
        .map(|((arm, resolved), matched)| ArmCheck { arm: arm.name.clone(), resolved, matched })
        .collect();
    let seeds = u64::from(study.seeds.count);
    let relatives = Relatives::of(arms.iter().map(|arm| &arm.resolved));
    let shared: u64 = (0..arms.len()).map(|arm| relatives.taken_over(arm)).sum();
    let presentations: u64 = arms.iter().map(|arm| arm.resolved.presentations).sum();
    let (search_runs, search_presentations) = study
        .search
        .as_ref()
        .map_or((0, 0), |search| search_effort(search, arms.len(), (presentations, shared)));
    // The search gives every arm its own rate.
    let shared = if study.search.is_some() { 0 } else { shared };
    Ok(CheckReport {
        study: study.name.clone(),
        question: study.question.clone(),
        runs: arms.len() as u64 * seeds,
        presentations: (presentations - shared) * seeds,
        shared_presentations: shared * seeds,
        search_runs,
        search_presentations,
        arms,
        statistics,
    })
}

/// Runs of the search over all rounds, and the images they show; `presentations` are those of one run of every arm, of which `shared` are taken over
/// from shorter runs. That is counted in the first round, in which every arm has the same rates.
fn search_effort(search: &Search, arms: usize, (presentations, shared): (u64, u64)) -> (u64, u64) {
    let seeds = u64::from(search.seeds.count);
    let mut tried = search.lr.len();
    let (mut runs, mut shown) = (0, 0.0);
    for rung in 0..search.rungs() {
        runs += (arms * tried) as u64 * seeds;
        let of_arms = presentations - if rung == 0 { shared } else { 0 };
        shown += of_arms as f64 * search.length_of(rung) * (tried as u64 * seeds) as f64;
        tried = search.survivors(tried);
    }
    (runs, shown.round() as u64)
}

/// Returns the verdicts that the statistics of this study can give, without resolving anything.
///
/// An exact two-sided test over n signs has 2ⁿ equally likely outcomes, so its p is never below 2/2ⁿ; with m
/// comparisons a single difference must survive m times that (for Holm and Benjamini–Hochberg alike).
///
/// # Errors
/// [`StudyFileError`] when the chosen test can never reject.
pub fn check_statistics(study: &StudyFile) -> Result<StatisticsCheck, StudyFileError> {
    let (n, comparisons) = (study.seeds.count, study.comparison_count());
    // Less than α remains for the last look of a sequential study.
    let alpha = study.sequential.as_ref().map_or(study.compare.alpha, |sequential| {
        let levels = crate::stats::look_levels(study.compare.alpha, &sequential.looks);
        levels.last().copied().unwrap_or(study.compare.alpha)
    });
    let factor = match study.compare.correction {
        Correction::None => 1,
        Correction::Holm | Correction::BenjaminiHochberg => comparisons.max(1),
    };
    let exact = matches!(study.compare.test, TestKind::Permutation | TestKind::Wilcoxon);
    let (smallest_corrected_p, seeds_needed) = if exact {
        let needed =
            (1..).find(|&seeds| smallest_exact_p(seeds) * factor as f64 <= alpha).unwrap_or(u32::MAX);
        (Some((smallest_exact_p(n) * factor as f64).min(1.0)), needed.max(SEEDS_FOR_A_VERDICT))
    } else {
        (None, SEEDS_FOR_A_VERDICT)
    };
    if let Some(smallest) = smallest_corrected_p
        && smallest > alpha
        && comparisons > 0
    {
        let message = format!(
            "`{}` with {} and {} cannot reject: its smallest corrected p is {smallest:.4}, \
             alpha is {alpha}; use at least {seeds_needed} seeds, or `paired-t`",
            study.compare.test.name(),
            counted(n as usize, "seed"),
            counted(comparisons, "comparison")
        );
        let written = study.compare_has("test");
        let path = if written { ["compare", "test"] } else { ["seeds", "count"] };
        return Err(study.error_at(&path, message));
    }
    Ok(StatisticsCheck {
        test: study.compare.test,
        n,
        comparisons,
        alpha,
        correction: study.compare.correction,
        smallest_corrected_p,
        seeds_needed,
        verdict_possible: n >= seeds_needed && comparisons > 0,
        folds: None,
    })
}

/// 2/2ⁿ, the smallest two-sided p of an exact test over n signs.
pub fn smallest_exact_p(n: u32) -> f64 {
    2.0_f64.powi(1 - i32::try_from(n).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeResolve, lengths_study_text, small_study, small_study_text};

    fn study_with(test: &str, seeds: u32) -> StudyFile {
        let text =
            small_study_text(seeds).replace("alpha = 0.05", &format!("alpha = 0.05, test = \"{test}\""));
        StudyFile::parse("small.toml", text).unwrap()
    }

    #[test]
    fn a_good_study_reports_every_arm_and_the_total() {
        let report = check(&small_study(9), &FakeResolve).unwrap();
        assert_eq!(report.runs, 27);
        assert_eq!(
            report.arms.iter().map(|arm| arm.arm.as_str()).collect::<Vec<_>>(),
            ["max_pool", "strided", "all_conv"]
        );
        let one_run = report.arms[0].resolved.presentations;
        assert_eq!(report.presentations, 27 * one_run);
        assert!(report.statistics.verdict_possible);
    }

    #[test]
    fn steps_that_several_lengths_share_are_counted_once() {
        // 2, 4 and 8 epochs of 1000 images, of which half are alike: the second takes over 1000 images of the first, the third 2000 of the second.
        let text = lengths_study_text(5).replace("batch = 2\n", "batch = 2\nschedule = \"shared\"\n");
        let report = check(&StudyFile::parse("small.toml", text.clone()).unwrap(), &FakeResolve).unwrap();
        assert_eq!((report.presentations, report.shared_presentations), (15 * 11_000, 15 * 3000));
        let alone =
            check(&StudyFile::parse("small.toml", lengths_study_text(5)).unwrap(), &FakeResolve).unwrap();
        assert_eq!((alone.presentations, alone.shared_presentations), (15 * 14_000, 0));
        // Arms of a search may get different rates, and then share nothing but the first round.
        let text = text.replace("[base.data]", "search = { lr = [0.1, 0.05] }\n[base.data]");
        let searched = check(&StudyFile::parse("small.toml", text).unwrap(), &FakeResolve).unwrap();
        assert_eq!((searched.presentations, searched.shared_presentations), (15 * 14_000, 0));
        assert_eq!(searched.search_presentations, 3 * 2 * 11_000);
    }

    #[test]
    fn the_effort_of_a_search_is_that_of_all_its_rounds() {
        let text = small_study_text(5).replace(
            "[base.data]",
            "search = { lr = [0.4, 0.2, 0.1, 0.05], halving = { rungs = 2, keep = 0.5 } }\n[base.data]",
        );
        let report = check(&StudyFile::parse("small.toml", text).unwrap(), &FakeResolve).unwrap();
        // Three arms: four rates for half of 2000 images, then two rates for all of them.
        assert_eq!((report.search_runs, report.search_presentations), (12 + 6, 3 * (4 * 1000 + 2 * 2000)));
        assert_eq!(check(&small_study(5), &FakeResolve).unwrap().search_runs, 0);
    }

    #[test]
    fn what_the_resolver_refuses_is_placed_in_the_arm_that_wrote_it() {
        let text = small_study_text(9).replace("strided_conv", "strided_konv");
        let study = StudyFile::parse("small.toml", text.clone()).unwrap();
        let Err(StudyError::File(error)) = check(&study, &FakeResolve) else { panic!("accepted") };
        let line = text.lines().position(|line| line.contains("strided_konv")).unwrap() + 1;
        assert_eq!((error.line as usize, error.column), (line, 1));
        assert!(error.message.starts_with("arm `all_conv`: net.downsample.strided_konv"), "{error}");
        assert_eq!(error.suggestion.as_deref(), Some("strided_conv"));
    }

    #[test]
    fn below_five_seeds_a_t_test_gives_intervals_only() {
        assert!(!check_statistics(&small_study(4)).unwrap().verdict_possible);
        assert!(check_statistics(&small_study(5)).unwrap().verdict_possible);
    }

    #[test]
    fn an_exact_test_that_cannot_reject_is_refused_and_one_seed_more_is_accepted() {
        // Two comparisons: 2 · 2/2⁶ = 0.0625 > 0.05, 2 · 2/2⁷ = 0.03125.
        let error = check_statistics(&study_with("wilcoxon", 6)).unwrap_err();
        assert!(error.message.contains("0.0625") && error.message.contains("at least 7 seeds"), "{error}");
        let statistics = check_statistics(&study_with("permutation", 7)).unwrap();
        assert_eq!(statistics.smallest_corrected_p, Some(0.03125));
        assert!(statistics.verdict_possible);
    }

    #[test]
    fn the_numbers_of_seeds_are_those_of_the_design() {
        let needed = |m: f64| (1..).find(|&n| smallest_exact_p(n) <= 0.05 / m).unwrap();
        assert_eq!([1.0, 2.0, 3.0, 8.0, 11.0, 40.0].map(needed), [6, 7, 7, 9, 9, 11]);
    }
}
