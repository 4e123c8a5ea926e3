//! Main effects and interactions of a factorial study, paired by seed.

use serde::Serialize;

use super::arm::ArmResult;
use super::comparison::{corrected, lacks_spread, spread_interval};
use super::folds::independent;
use super::serialised;
use super::verdict::{Direction, Verdict};
use crate::check::StatisticsCheck;
use crate::file::{Baseline, Better, StudyFile};
use crate::stats::{
    FactorialBlock, Interval, LevelContrast, interaction, main_effect, paired_t_test, settled, tost_p,
};

/// One effect: a number per seed, with its statistics.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EffectResult {
    /// `rule: all_cnn − model`, or `rule: all_cnn − model, base: c − a`.
    pub name: String,
    /// The effect in each complete seed.
    #[serde(rename = "n", serialize_with = "serialised::count")]
    pub values: Vec<(u64, f64)>,
    /// Their mean.
    #[serde(rename = "difference")]
    pub mean: f64,
    /// t interval for it; `None` below two seeds.
    #[serde(rename = "interval_95")]
    pub interval: Option<Interval>,
    /// p of the paired t test.
    pub p: Option<f64>,
    /// p after the study's correction over all effects of this kind.
    pub corrected_p: Option<f64>,
    /// Corrected p of the equivalence test, if the study has a margin; main effects only.
    pub corrected_equivalence_p: Option<f64>,
    /// The verdict.
    pub verdict: Verdict,
}

/// The effects of a factorial study.
#[derive(Clone, Debug, PartialEq)]
pub struct FactorialResult {
    /// Seeds in which every arm has a value; the others cannot be averaged over.
    pub seeds: Vec<u64>,
    /// The study's number of seeds.
    pub planned: usize,
    /// Every pair of levels of every factor, averaged over the other factors.
    pub main: Vec<EffectResult>,
    /// How the difference of a level to the first (or baseline) level changes with the levels of another factor.
    pub interactions: Vec<EffectResult>,
}

impl FactorialResult {
    /// The effects; `None` when the study crosses no factors or no seed is complete.
    pub(crate) fn of(
        study: &StudyFile,
        (statistics, level): (&StatisticsCheck, f64),
        (arms, floor): (&[ArmResult], Option<f64>),
    ) -> Option<FactorialResult> {
        let levels: Vec<usize> = study.factors.iter().map(|factor| factor.levels.len()).collect();
        let blocks: Vec<(u64, Vec<f64>)> = study
            .seeds
            .values()
            .filter_map(|seed| Some((seed, arms.iter().map(|arm| arm.value(seed)).collect::<Option<_>>()?)))
            .collect();
        if levels.is_empty() || blocks.is_empty() {
            return None;
        }
        let size = blocks.iter().flat_map(|(_, values)| values).fold(0.0_f64, |size, v| size.max(v.abs()));
        let measure = |name: String, effect: &dyn Fn(FactorialBlock<'_>) -> f64| {
            let of_block = |(_, values): &(u64, Vec<f64>)| effect(FactorialBlock { levels: &levels, values });
            let effects = settled(blocks.iter().map(of_block).collect(), size);
            measured(name, statistics, blocks.iter().map(|(seed, _)| *seed).zip(effects).collect())
        };
        let mut main: Vec<EffectResult> = all_pairs(study)
            .into_iter()
            .map(|contrast| measure(contrast_name(study, contrast), &|block| main_effect(block, contrast)))
            .collect();
        let mut interactions: Vec<EffectResult> = interaction_pairs(study)
            .into_iter()
            .map(|(first, second)| {
                let name = format!("{}, {}", contrast_name(study, first), contrast_name(study, second));
                measure(name, &|block| interaction(block, first, second))
            })
            .collect();
        let is_complete = arms.iter().all(|arm| arm.ended >= arm.planned);
        let has_learned = arms.iter().any(|arm| !arm.reaches(floor, study.primary.better));
        let state = (is_complete, has_learned);
        decide(study, (statistics, level), state, &mut main, study.compare.equivalence_margin);
        decide(study, (statistics, level), state, &mut interactions, None);
        let seeds = blocks.into_iter().map(|(seed, _)| seed).collect();
        Some(FactorialResult { seeds, planned: study.seeds.count as usize, main, interactions })
    }
}

fn measured(name: String, statistics: &StatisticsCheck, values: Vec<(u64, f64)>) -> EffectResult {
    let plain = independent(statistics.folds, &values);
    EffectResult {
        name,
        mean: plain.iter().sum::<f64>() / plain.len() as f64,
        interval: spread_interval(&plain),
        p: paired_t_test(&plain).map(|test| test.p),
        values,
        corrected_p: None,
        corrected_equivalence_p: None,
        verdict: Verdict::IntervalsOnly,
    }
}

fn decide(
    study: &StudyFile,
    (statistics, level): (&StatisticsCheck, f64),
    (is_complete, has_learned): (bool, bool),
    effects: &mut [EffectResult],
    margin: Option<f64>,
) {
    let p = corrected(study.compare.correction, &effects.iter().map(|effect| effect.p).collect::<Vec<_>>());
    let plain = |effect: &EffectResult| independent(statistics.folds, &effect.values);
    let equivalence: Vec<Option<f64>> =
        effects.iter().map(|effect| margin.and_then(|margin| tost_p(&plain(effect), margin))).collect();
    let equivalence = corrected(study.compare.correction, &equivalence);
    for (index, effect) in effects.iter_mut().enumerate() {
        effect.corrected_p = p[index];
        effect.corrected_equivalence_p = equivalence[index];
        let is_better = (effect.mean < 0.0) == (study.primary.better == Better::Lower);
        let direction = if is_better { Direction::Better } else { Direction::Worse };
        effect.verdict = if !is_complete {
            Verdict::Interim
        } else if plain(effect).len() < statistics.seeds_needed as usize {
            Verdict::IntervalsOnly
        } else if lacks_spread(&plain(effect)) {
            Verdict::NoSpread
        } else {
            let verdict = Verdict::decide(level, direction, p[index], equivalence[index]);
            if has_learned { verdict } else { verdict.without_equivalence() }
        };
    }
}

/// `rule: all_cnn − model`.
fn contrast_name(study: &StudyFile, contrast: LevelContrast) -> String {
    let factor = &study.factors[contrast.factor];
    format!("{}: {} − {}", factor.name, factor.levels[contrast.level], factor.levels[contrast.reference])
}

/// Returns the reference level of a factor: the study's baseline level, else the first.
fn reference_level(study: &StudyFile, factor: usize) -> usize {
    match &study.compare.baseline {
        Baseline::Level { factor_index, level_index, .. } if *factor_index == factor => *level_index,
        _ => 0,
    }
}

/// Every pair of levels of every factor; those with the reference level first.
fn all_pairs(study: &StudyFile) -> Vec<LevelContrast> {
    let mut contrasts = Vec::new();
    for (factor, described) in study.factors.iter().enumerate() {
        let mut order: Vec<usize> = (0..described.levels.len()).collect();
        let reference = reference_level(study, factor);
        order.sort_by_key(|level| (*level != reference, *level));
        for (position, &reference) in order.iter().enumerate() {
            let later = order[position + 1..].iter();
            contrasts.extend(later.map(|&level| LevelContrast { factor, level, reference }));
        }
    }
    contrasts
}

/// For every two factors, every pair of their levels other than the reference levels.
fn interaction_pairs(study: &StudyFile) -> Vec<(LevelContrast, LevelContrast)> {
    let to_reference = |factor: usize| {
        let reference = reference_level(study, factor);
        let levels = (0..study.factors[factor].levels.len()).filter(move |level| *level != reference);
        levels.map(move |level| LevelContrast { factor, level, reference }).collect::<Vec<_>>()
    };
    let mut pairs = Vec::new();
    for first in 0..study.factors.len() {
        for second in first + 1..study.factors.len() {
            for one in to_reference(first) {
                pairs.extend(to_reference(second).into_iter().map(|other| (one, other)));
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use crate::file::StudyFile;
    use crate::matrix::plan;
    use crate::results::{Direction, StudyResults, Verdict};
    use crate::testing::{factorial_study_text, write_run};
    use allconv_record::Status;

    fn study() -> StudyFile {
        StudyFile::parse("small.toml", factorial_study_text(6)).unwrap()
    }

    /// `strided` costs 2 points, base `c` gains 4, and the two together cost 3 more; noise is small.
    fn filled(folder: &std::path::Path) {
        for planned in plan(&study()) {
            let strided = f64::from(planned.arm.starts_with("strided"));
            let c = f64::from(planned.arm.ends_with("_c"));
            let noise = 0.0005 * ((planned.seed * 7 + planned.arm_index as u64 * 3) % 5) as f64;
            let error = 0.2 + 0.02 * strided - 0.04 * c + 0.03 * strided * c + noise;
            write_run(folder, &planned, Status::Finished, Some(error));
        }
    }

    #[test]
    fn planted_effects_and_interactions_are_shown() {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path());
        let results = StudyResults::collect(&study(), &[folder.path().to_path_buf()]).unwrap();
        let factorial = results.factorial.unwrap();
        let names: Vec<&str> = factorial.main.iter().map(|effect| effect.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "rule: strided − max_pool",
                "rule: all_conv − max_pool",
                "rule: all_conv − strided",
                "base: c − a"
            ]
        );
        // Averaged over the bases: 2 points and half of 3.
        assert!((factorial.main[0].mean - 0.035).abs() < 0.001, "{}", factorial.main[0].mean);
        assert_eq!(factorial.main[0].verdict, Verdict::Shown(Direction::Worse));
        let strided_c = &factorial.interactions[0];
        assert_eq!(strided_c.name, "rule: strided − max_pool, base: c − a");
        let interval = strided_c.interval.unwrap();
        assert!(interval.low < 0.03 && 0.03 < interval.high && interval.low > 0.02, "{interval:?}");
        assert_eq!(factorial.seeds.len(), 6);
    }

    #[test]
    fn each_arm_is_compared_with_the_baseline_level_of_its_own_base() {
        let study = study();
        let named =
            |index: usize| study.baseline_of(index).map(|baseline| study.arms[baseline].name.as_str());
        let names: Vec<&str> = study.arms.iter().map(|arm| arm.name.as_str()).collect();
        assert_eq!(names, ["max_pool_a", "strided_a", "all_conv_a", "max_pool_c", "strided_c", "all_conv_c"]);
        assert_eq!(
            (0..6).map(named).collect::<Vec<_>>(),
            [None, Some("max_pool_a"), Some("max_pool_a"), None, Some("max_pool_c"), Some("max_pool_c")]
        );
        assert_eq!(study.comparison_count(), 4);
    }

    #[test]
    fn a_seed_that_misses_one_arm_is_left_out_and_no_verdict_is_given() {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path());
        let planned = plan(&study());
        write_run(folder.path(), &planned[8], Status::Running, None);
        let results = StudyResults::collect(&study(), &[folder.path().to_path_buf()]).unwrap();
        let factorial = results.factorial.unwrap();
        assert_eq!(factorial.seeds, [0, 2, 3, 4, 5]);
        assert!(factorial.main.iter().all(|effect| effect.verdict == Verdict::Interim));
    }
}
