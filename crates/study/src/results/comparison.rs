//! One arm against the baseline: difference, interval, tests, verdict, and all of it in one sentence.

use super::INTERVAL_LEVEL;
use super::arm::ArmResult;
use super::examples::ExampleComparison;
use super::image_scores::ImageComparison;
use super::verdict::{Direction, Verdict};
use crate::check::StatisticsCheck;
use crate::file::{Better, Comparison, Correction, StudyFile, TestKind};
use crate::stats::{
    EffectSize, Interval, benjamini_hochberg, holm, is_constant, is_equal, mean_interval, paired_differences,
    paired_effect_size, paired_t_test, probability_of_improvement, seeds_needed, sign_flip_p, summarise,
    tost_p, welch_test, welch_tost_p, wilcoxon_p,
};

/// Chance of showing a difference that a plan of seeds aims at.
const PLANNED_POWER: f64 = 0.8;

/// What is known of an arm's difference to the baseline. Differences are arm − baseline, in units of the metric.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparisonResult {
    /// Name of the arm.
    pub arm: String,
    /// Position of the arm in the study file.
    pub arm_index: usize,
    /// Name of the arm it is compared with.
    pub baseline: String,
    /// Position of that arm in the study file.
    pub baseline_index: usize,
    /// Differences with their seeds, for the seeds that both finished.
    pub differences: Vec<(u64, f64)>,
    /// Seeds that the study asks for.
    pub planned: usize,
    /// Mean difference.
    pub mean_difference: Option<f64>,
    /// Interval for it: of the differences per seed, or Welch's if the study says that seeds do not pair.
    pub interval: Option<Interval>,
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
    /// Uncorrected p of the Wilcoxon test, for reference.
    pub wilcoxon_p: Option<f64>,
    /// Standardised difference.
    pub effect: Option<EffectSize>,
    /// Chance that a run of this arm is better than one of the baseline.
    pub probability_of_improvement: Option<f64>,
    /// Seeds with which a paired t test would show a difference of the size of the margin with 80 % power, given the spread seen.
    pub seeds_for_margin: Option<u32>,
    /// Whether the difference is the same in every seed (of unpaired arms: each arm's value) and not zero, so that nothing but its size is
    /// known: no interval, no p.
    pub has_no_spread: bool,
    /// Both arms on the same test examples, if outcomes were recorded.
    pub examples: Option<ExampleComparison>,
    /// Both arms on the same images, if scores per image were recorded.
    pub images: Option<ImageComparison>,
    /// What may be said.
    pub verdict: Verdict,
}

impl ComparisonResult {
    /// Everything but the examples and images, the corrections and the verdict, which need all comparisons.
    pub(crate) fn of(
        study: &StudyFile,
        arms: &[ArmResult],
        (arm_index, baseline_index): (usize, usize),
    ) -> ComparisonResult {
        let (arm, baseline) = (&arms[arm_index], &arms[baseline_index]);
        let differences = differences_per_seed(&arm.values, &baseline.values);
        let plain: Vec<f64> = differences.iter().map(|(_, difference)| *difference).collect();
        let values = |arm: &ArmResult| arm.values.iter().map(|(_, value)| *value).collect::<Vec<f64>>();
        let (own, other) = (values(arm), values(baseline));
        let unpaired = study.compare.test == TestKind::Welch;
        let welch = welch_test(&own, &other);
        let has_no_spread = if unpaired {
            own.len() > 1
                && other.len() > 1
                && is_constant(&own)
                && is_constant(&other)
                && !is_constant(&[own.as_slice(), &other].concat())
        } else {
            lacks_spread(&plain)
        };
        let (mean_difference, interval) = if unpaired {
            (
                arm.summary.zip(baseline.summary).map(|(a, b)| difference_of(a.mean, b.mean)),
                welch.map(|test| test.interval(INTERVAL_LEVEL)),
            )
        } else {
            (summarise(&plain).map(|summary| summary.mean), spread_interval(&plain))
        };
        let paired_t_p = paired_t_test(&plain).map(|test| test.p);
        // Equal differences are one observation made several times: counting their signs would call it several.
        let counted = |p: fn(&[f64]) -> Option<f64>| if lacks_spread(&plain) { None } else { p(&plain) };
        let (permutation_p, wilcoxon_p) = (counted(sign_flip_p), counted(wilcoxon_p));
        let p = match study.compare.test {
            TestKind::PairedT => paired_t_p,
            TestKind::Permutation => permutation_p,
            TestKind::Wilcoxon => wilcoxon_p,
            TestKind::Welch => welch.map(|test| test.p),
        };
        let equivalence_p = study.compare.equivalence_margin.and_then(|margin| {
            if unpaired { welch_tost_p(&own, &other, margin) } else { tost_p(&plain, margin) }
        });
        let improvement = probability_of_improvement(&own, &other);
        ComparisonResult {
            arm: arm.name.clone(),
            arm_index,
            baseline: baseline.name.clone(),
            baseline_index,
            planned: arm.planned,
            mean_difference,
            interval,
            p,
            corrected_p: None,
            equivalence_p,
            corrected_equivalence_p: None,
            paired_t_p,
            permutation_p,
            wilcoxon_p,
            effect: paired_effect_size(&plain, INTERVAL_LEVEL),
            probability_of_improvement: match study.primary.better {
                Better::Lower => improvement,
                Better::Higher => improvement.map(|share| 1.0 - share),
            },
            seeds_for_margin: seeds_for_margin(&study.compare, &plain),
            has_no_spread,
            differences,
            examples: None,
            images: None,
            verdict: Verdict::NoPairs,
        }
    }

    /// Corrects the p values over all comparisons that the study plans, and decides at `level`.
    ///
    /// `floor` is the value of the primary metric that needs no learning, where one is known.
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
        for (index, comparison) in comparisons.iter_mut().enumerate() {
            comparison.corrected_p = corrected_p[index];
            comparison.corrected_equivalence_p = corrected_equivalence_p[index];
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
        if self.n() < statistics.seeds_needed as usize {
            return Verdict::IntervalsOnly;
        }
        if self.has_no_spread {
            return Verdict::NoSpread;
        }
        let is_better = (mean < 0.0) == (study.primary.better == Better::Lower);
        let direction = if is_better { Direction::Better } else { Direction::Worse };
        Verdict::decide(level, direction, self.corrected_p, self.corrected_equivalence_p)
    }

    /// Pairs that the verdict rests on.
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

/// Whether differences are all the same and not zero: nothing but their size is known.
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

/// Seeds for a power of 80 % at the study's level, should the true difference be as large as the margin.
fn seeds_for_margin(compare: &Comparison, differences: &[f64]) -> Option<u32> {
    let margin = compare.equivalence_margin?;
    let spread = crate::stats::summarise(differences)?.standard_deviation.filter(|spread| *spread > 0.0)?;
    seeds_needed(margin / spread, PLANNED_POWER, compare.alpha, crate::check::SEEDS_FOR_A_VERDICT)
}
