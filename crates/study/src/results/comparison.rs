//! The comparison of an arm with its baseline: difference, interval, tests and verdict.

use serde::Serialize;

use super::INTERVAL_LEVEL;
use super::arm::ArmResult;
use super::examples::ExampleComparison;
use super::folds::independent;
use super::image_scores::ImageComparison;
use super::serialised;
use super::verdict::{Direction, Verdict};
use crate::check::StatisticsCheck;
use crate::file::{Better, Comparison, Correction, StudyFile, TestKind};
use crate::stats::{
    EffectSize, Interval, PooledSpread, Practical, SEEDS_FOR_A_VERDICT, benjamini_hochberg, holm,
    is_constant, is_equal, mean_interval, paired_differences, paired_effect_size, paired_t_test, practical,
    probability_of_improvement, seeds_needed, sign_flip_p, summarise, tost_p, welch_test, welch_tost_p,
    wilcoxon_p,
};

/// Power that a plan of seeds aims at.
const PLANNED_POWER: f64 = 0.8;

/// An arm's difference to the baseline. Differences are arm − baseline, in units of the metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComparisonResult {
    /// Name of the arm.
    pub arm: String,
    /// Position of the arm in the study file.
    #[serde(skip)]
    pub arm_index: usize,
    /// Name of the arm it is compared with.
    pub baseline: String,
    /// Position of that arm in the study file.
    #[serde(skip)]
    pub baseline_index: usize,
    /// Differences with their seeds, for the seeds that both finished.
    #[serde(rename = "n", serialize_with = "serialised::count")]
    pub differences: Vec<(u64, f64)>,
    /// The study's number of seeds.
    #[serde(skip)]
    pub planned: usize,
    /// Mean difference.
    #[serde(rename = "difference")]
    pub mean_difference: Option<f64>,
    /// Interval for it: of the differences per seed, or Welch's if the study says that seeds do not pair; corrected where the seeds are folds.
    #[serde(rename = "interval_95")]
    pub interval: Option<Interval>,
    /// Interval from the spread of all arms together; `None` for unpaired arms, and where a seed misses an arm.
    #[serde(rename = "pooled_interval_95")]
    pub pooled_interval: Option<Interval>,
    /// Values that the tests treat as independent: pairs, or folds.
    #[serde(skip)]
    pub independent: usize,
    /// Probabilities relative to the margin; `None` without one, with too few seeds, and for unpaired arms.
    pub practical: Option<PracticalChances>,
    /// p of the study's test.
    pub p: Option<f64>,
    /// p after the study's correction over all comparisons.
    pub corrected_p: Option<f64>,
    /// p of the equivalence test, if the study has a margin.
    pub equivalence_p: Option<f64>,
    /// The same after correction over all comparisons.
    pub corrected_equivalence_p: Option<f64>,
    /// Uncorrected p of the paired t test, for reference.
    pub paired_t_p: Option<f64>,
    /// Uncorrected p of the paired permutation test, for reference.
    pub permutation_p: Option<f64>,
    /// p of the permutation test after the study's correction over all comparisons.
    pub corrected_permutation_p: Option<f64>,
    /// Whether the study's t test and the permutation test disagree about α, where the latter could have reached it.
    pub tests_disagree: bool,
    /// Uncorrected p of the Wilcoxon test, for reference.
    pub wilcoxon_p: Option<f64>,
    /// Standardised difference.
    #[serde(flatten, serialize_with = "serialised::effect")]
    pub effect: Option<EffectSize>,
    /// Chance that a run of this arm is better than one of the baseline.
    pub probability_of_improvement: Option<f64>,
    /// Seeds with which a paired t test would show a difference of the size of the margin with 80 % power, given the spread seen.
    pub seeds_for_margin: Option<u32>,
    /// Whether the difference is the same in every seed (of unpaired arms: each arm's value) and not zero, so that only its size is
    /// known: no interval, no p.
    #[serde(skip)]
    pub has_no_spread: bool,
    /// Both arms on the same test examples, if outcomes were recorded.
    pub examples: Option<ExampleComparison>,
    /// Both arms on the same images, if scores per image were recorded.
    pub images: Option<ImageComparison>,
    /// The verdict.
    pub verdict: Verdict,
}

/// How probable it is that a difference is worse than the margin, within it, or better than it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PracticalChances {
    /// Worse than the margin.
    pub worse: f64,
    /// Within the margin.
    pub within: f64,
    /// Better than the margin.
    pub better: f64,
}

impl PracticalChances {
    fn of(differences: &[f64], margin: f64, better: Better) -> Option<PracticalChances> {
        practical(differences, margin).map(|Practical { below, within, above }| match better {
            Better::Lower => PracticalChances { worse: above, within, better: below },
            Better::Higher => PracticalChances { worse: below, within, better: above },
        })
    }
}

/// A mean difference with its interval and t tests.
struct Estimate {
    mean: Option<f64>,
    interval: Option<Interval>,
    p: Option<f64>,
    equivalence_p: Option<f64>,
    /// Returns whether only the size of the difference is known.
    has_no_spread: bool,
}

impl Estimate {
    /// From the differences per seed, of which the tests treat `tested` as independent.
    fn paired(differences: &[f64], tested: &[f64], margin: Option<f64>) -> Estimate {
        Estimate {
            mean: summarise(tested).map(|summary| summary.mean),
            interval: spread_interval(tested),
            p: paired_t_test(tested).map(|test| test.p),
            equivalence_p: margin.and_then(|margin| tost_p(tested, margin)),
            has_no_spread: lacks_spread(differences),
        }
    }

    /// From two arms whose seeds do not pair.
    fn unpaired(own: &[f64], other: &[f64], margin: Option<f64>) -> Estimate {
        let welch = welch_test(own, other);
        let are_constant = is_constant(own) && is_constant(other);
        Estimate {
            mean: summarise(own).zip(summarise(other)).map(|(a, b)| difference_of(a.mean, b.mean)),
            interval: welch.map(|test| test.interval(INTERVAL_LEVEL)),
            p: welch.map(|test| test.p),
            equivalence_p: margin.and_then(|margin| welch_tost_p(own, other, margin)),
            has_no_spread: own.len() > 1
                && other.len() > 1
                && are_constant
                && !is_constant(&[own, other].concat()),
        }
    }
}

/// p of the paired tests.
struct Tests {
    paired_t: Option<f64>,
    permutation: Option<f64>,
    wilcoxon: Option<f64>,
}

impl Tests {
    /// From the differences per seed, of which t tests treat `tested` as independent.
    fn of(differences: &[f64], tested: &[f64], are_folds: bool) -> Tests {
        // Equal differences are one observation made several times: counting their signs would treat it as several. The differences of folds
        // depend on each other, so that their signs do not change places freely either.
        let countable = Some(differences).filter(|differences| !lacks_spread(differences) && !are_folds);
        Tests {
            paired_t: paired_t_test(tested).map(|test| test.p),
            permutation: countable.and_then(sign_flip_p),
            wilcoxon: countable.and_then(wilcoxon_p),
        }
    }

    /// Returns p of the test that the study names; that of unpaired arms is passed in.
    fn chosen(&self, test: TestKind, unpaired_p: Option<f64>) -> Option<f64> {
        match test {
            TestKind::PairedT => self.paired_t,
            TestKind::Permutation => self.permutation,
            TestKind::Wilcoxon => self.wilcoxon,
            TestKind::Welch => unpaired_p,
        }
    }
}

impl ComparisonResult {
    /// Everything but the examples and images, the corrections and the verdict, which need all comparisons.
    pub(crate) fn of(
        study: &StudyFile,
        statistics: &StatisticsCheck,
        arms: &[ArmResult],
        (arm_index, baseline_index): (usize, usize),
    ) -> ComparisonResult {
        let (arm, baseline) = (&arms[arm_index], &arms[baseline_index]);
        let differences = differences_per_seed(&arm.values, &baseline.values);
        let plain: Vec<f64> = differences.iter().map(|(_, difference)| *difference).collect();
        let tested = independent(statistics.folds, &differences);
        let values = |arm: &ArmResult| arm.values.iter().map(|(_, value)| *value).collect::<Vec<f64>>();
        let (own, other) = (values(arm), values(baseline));
        let margin = study.compare.equivalence_margin;
        let is_unpaired = study.compare.test == TestKind::Welch;
        let Estimate { mean, interval, p: estimate_p, equivalence_p, has_no_spread } = if is_unpaired {
            Estimate::unpaired(&own, &other, margin)
        } else {
            Estimate::paired(&plain, &tested, margin)
        };
        let tests = Tests::of(&plain, &tested, statistics.folds.is_some());
        let has_enough = tested.len() >= SEEDS_FOR_A_VERDICT as usize;
        let margin = margin.filter(|_| has_enough && !is_unpaired);
        let improvement = probability_of_improvement(&own, &other);
        ComparisonResult {
            arm: arm.name.clone(),
            arm_index,
            baseline: baseline.name.clone(),
            baseline_index,
            planned: arm.planned,
            mean_difference: mean,
            interval,
            pooled_interval: None,
            independent: tested.len(),
            practical: margin.and_then(|margin| PracticalChances::of(&tested, margin, study.primary.better)),
            p: tests.chosen(study.compare.test, estimate_p),
            corrected_p: None,
            equivalence_p,
            corrected_equivalence_p: None,
            paired_t_p: tests.paired_t,
            permutation_p: tests.permutation,
            corrected_permutation_p: None,
            tests_disagree: false,
            wilcoxon_p: tests.wilcoxon,
            effect: paired_effect_size(&plain, INTERVAL_LEVEL),
            probability_of_improvement: match study.primary.better {
                Better::Lower => improvement,
                Better::Higher => improvement.map(|share| 1.0 - share),
            },
            // Further seeds are not further folds.
            seeds_for_margin: match statistics.folds {
                Some(_) => None,
                None => seeds_for_margin(&study.compare, &plain),
            },
            has_no_spread,
            differences,
            examples: None,
            images: None,
            verdict: Verdict::NoPairs,
        }
    }

    /// Corrects the p values over all comparisons that the study plans, and decides at `level`.
    ///
    /// `floor` is the value of the primary metric without training, where one is known.
    pub(crate) fn decide_all(
        study: &StudyFile,
        (statistics, level): (&StatisticsCheck, f64),
        (arms, floor): (&[ArmResult], Option<f64>),
        comparisons: &mut [ComparisonResult],
    ) {
        let correction = study.compare.correction;
        let p: Vec<Option<f64>> = comparisons.iter().map(|comparison| comparison.p).collect();
        let equivalence_p: Vec<Option<f64>> =
            comparisons.iter().map(|comparison| comparison.equivalence_p).collect();
        let corrected_p = corrected(correction, &p);
        let corrected_equivalence_p = corrected(correction, &equivalence_p);
        let permutation_p: Vec<Option<f64>> =
            comparisons.iter().map(|comparison| comparison.permutation_p).collect();
        let corrected_permutation_p = corrected(correction, &permutation_p);
        for (index, comparison) in comparisons.iter_mut().enumerate() {
            comparison.corrected_p = corrected_p[index];
            comparison.corrected_equivalence_p = corrected_equivalence_p[index];
            comparison.corrected_permutation_p = corrected_permutation_p[index];
            comparison.tests_disagree = study.compare.test == TestKind::PairedT
                && statistics.verdict_possible
                && flips_can_reach(statistics, comparison.n(), level)
                && comparison
                    .corrected_p
                    .zip(comparison.corrected_permutation_p)
                    .is_some_and(|(own, other)| (own <= level) != (other <= level));
            let (arm, baseline) = (&arms[comparison.arm_index], &arms[comparison.baseline_index]);
            let verdict = comparison.decide(study, (statistics, level), arm, baseline);
            let better = study.primary.better;
            let learned_nothing = arm.reaches(floor, better) && baseline.reaches(floor, better);
            comparison.verdict = if learned_nothing { verdict.without_equivalence() } else { verdict };
        }
    }

    fn decide(
        &self,
        study: &StudyFile,
        (statistics, level): (&StatisticsCheck, f64),
        arm: &ArmResult,
        baseline: &ArmResult,
    ) -> Verdict {
        let is_over = |arm: &ArmResult| arm.ended >= arm.planned;
        let has_none = |arm: &ArmResult| is_over(arm) && arm.values.is_empty();
        let Some(mean) = self.mean_difference.filter(|_| self.n() > 0) else {
            let is_lost = has_none(arm) || has_none(baseline) || (is_over(arm) && is_over(baseline));
            return if is_lost { Verdict::Lost } else { Verdict::NoPairs };
        };
        if !is_over(arm) || !is_over(baseline) {
            return Verdict::Interim;
        }
        if self.independent < statistics.seeds_needed as usize {
            return Verdict::IntervalsOnly;
        }
        if self.has_no_spread {
            return Verdict::NoSpread;
        }
        let is_better = (mean < 0.0) == (study.primary.better == Better::Lower);
        let direction = if is_better { Direction::Better } else { Direction::Worse };
        Verdict::decide(level, direction, self.corrected_p, self.corrected_equivalence_p)
    }

    /// Adds the interval from the spread of all arms, where every one of their seeds is a pair of this comparison.
    pub(crate) fn pool(&mut self, pooled: &PooledSpread, factor: f64) {
        let complete = self.mean_difference.filter(|_| self.n() == pooled.seeds);
        self.pooled_interval = complete.map(|mean| pooled.interval(mean, INTERVAL_LEVEL, factor));
    }

    /// Returns the number of pairs behind the verdict.
    pub fn n(&self) -> usize {
        self.differences.len()
    }
}

/// Differences own − other of the seeds that both have, rounding taken away.
pub(crate) fn differences_per_seed(own: &[(u64, f64)], other: &[(u64, f64)]) -> Vec<(u64, f64)> {
    let find = |seed: u64| other.iter().find(|(found, _)| *found == seed).map(|(_, value)| *value);
    let (seeds, pairs): (Vec<u64>, Vec<(f64, f64)>) =
        own.iter().filter_map(|(seed, value)| Some((*seed, (*value, find(*seed)?)))).unzip();
    seeds.into_iter().zip(paired_differences(&pairs)).collect()
}

/// Whether differences are all the same and not zero: only their size is known.
pub(crate) fn lacks_spread(differences: &[f64]) -> bool {
    differences.len() > 1 && is_constant(differences) && differences[0] != 0.0
}

/// The t interval of differences; `None` also where they lack the spread that it is made of.
pub(crate) fn spread_interval(differences: &[f64]) -> Option<Interval> {
    if lacks_spread(differences) { None } else { mean_interval(differences, INTERVAL_LEVEL) }
}

/// own − other; 0 where they are equal but for rounding.
pub(crate) fn difference_of(own: f64, other: f64) -> f64 {
    if is_equal(own, other) { 0.0 } else { own - other }
}

/// p values after correction. One that is missing counts as 1, so that the correction does not weaken when runs are lost.
pub(crate) fn corrected(correction: Correction, p: &[Option<f64>]) -> Vec<Option<f64>> {
    let filled: Vec<f64> = p.iter().map(|p| p.unwrap_or(1.0)).collect();
    let corrected = match correction {
        Correction::Holm => holm(&filled),
        Correction::BenjaminiHochberg => benjamini_hochberg(&filled),
        Correction::None => filled,
    };
    p.iter().zip(corrected).map(|(p, corrected)| p.map(|_| corrected)).collect()
}

/// Whether the smallest corrected p that `n` sign flips can give reaches the level.
pub(crate) fn flips_can_reach(statistics: &StatisticsCheck, n: usize, level: f64) -> bool {
    let factor = match statistics.correction {
        Correction::None => 1,
        Correction::Holm | Correction::BenjaminiHochberg => statistics.comparisons.max(1),
    };
    crate::check::smallest_exact_p(u32::try_from(n).unwrap_or(u32::MAX)) * factor as f64 <= level
}

/// Seeds for a power of 80 % at the study's level, should the true difference be as large as the margin.
fn seeds_for_margin(compare: &Comparison, differences: &[f64]) -> Option<u32> {
    let margin = compare.equivalence_margin?;
    let spread = crate::stats::summarise(differences)?.standard_deviation.filter(|spread| *spread > 0.0)?;
    seeds_needed(margin / spread, PLANNED_POWER, compare.alpha, SEEDS_FOR_A_VERDICT)
}
