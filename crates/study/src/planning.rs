//! `study plan`: how many seeds a study needs, given the spread that its runs have shown so far.

use statrs::function::gamma::gamma_lr;

use crate::check::SEEDS_FOR_A_VERDICT;
use crate::file::{Correction, StudyFile};
use crate::results::StudyResults;
use crate::stats::{paired_t_power, seeds_for_equivalence, seeds_needed, summarise};

/// Confidence with which the true spread lies below the upper limit that the careful plan uses.
pub const SPREAD_CONFIDENCE: f64 = 0.8;

/// What one comparison needs.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparisonPlan {
    /// The arm.
    pub arm: String,
    /// The arm it is compared with.
    pub baseline: String,
    /// Pairs of runs that the spread was seen over.
    pub n: usize,
    /// Standard deviation of the differences, in units of the metric; `None` below two pairs.
    pub spread: Option<f64>,
    /// Chance of showing the difference with the seeds that the study asks for.
    pub power: Option<f64>,
    /// Seeds that show the difference with the wanted power at that spread.
    pub seeds: Option<u32>,
    /// The same at the upper 80 % confidence limit of the spread: one seen over few seeds may well be too small.
    pub careful_seeds: Option<u32>,
    /// Seeds that show two equal arms equivalent within the study's margin with the wanted power.
    pub equivalence_seeds: Option<u32>,
}

/// Plans every comparison of the study for a true `difference`, in units of the metric, and a `power`.
///
/// The level is α divided by the number of comparisons where the study corrects for them: what Holm's procedure asks of the first of them.
pub fn plan_seeds(
    study: &StudyFile,
    results: &StudyResults,
    difference: f64,
    power: f64,
) -> Vec<ComparisonPlan> {
    let family = match study.compare.correction {
        Correction::None => 1,
        Correction::Holm | Correction::BenjaminiHochberg => study.comparison_count().max(1),
    };
    let level = study.compare.alpha / family as f64;
    let plan = |comparison: &crate::results::ComparisonResult| {
        let differences: Vec<f64> =
            comparison.differences.iter().map(|(_, difference)| *difference).collect();
        let spread = summarise(&differences).and_then(|summary| summary.standard_deviation);
        let known = spread.filter(|spread| *spread > 0.0);
        let careful = known.map(|spread| spread * upper_limit_factor(differences.len()));
        let seeds = |spread: f64| seeds_needed(difference / spread, power, level, SEEDS_FOR_A_VERDICT);
        ComparisonPlan {
            arm: comparison.arm.clone(),
            baseline: comparison.baseline.clone(),
            n: differences.len(),
            spread,
            power: known.map(|spread| paired_t_power(difference / spread, study.seeds.count.max(2), level)),
            seeds: known.and_then(seeds),
            careful_seeds: careful.and_then(seeds),
            equivalence_seeds: study.compare.equivalence_margin.zip(known).and_then(|(margin, spread)| {
                seeds_for_equivalence(margin / spread, power, level, SEEDS_FOR_A_VERDICT)
            }),
        }
    };
    results.comparisons.iter().map(plan).collect()
}

/// √((n − 1)/χ²(0.2; n − 1)): the standard deviation seen over n ≥ 2 values times this is above the true one with 80 % confidence.
fn upper_limit_factor(n: usize) -> f64 {
    let freedom = n as f64 - 1.0;
    let below = |value: f64| gamma_lr(0.5 * freedom, 0.5 * value);
    let (mut low, mut high) = (0.0, freedom);
    // The median lies below the mean ν, so the 20 % quantile does; 2⁻⁶⁰ of the bracket is below the spacing of doubles.
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if middle > 0.0 && below(middle) > 1.0 - SPREAD_CONFIDENCE { high = middle } else { low = middle }
    }
    (freedom / (0.5 * (low + high))).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::plan;
    use crate::testing::{small_study, write_run};
    use allconv_record::Status;

    #[test]
    fn the_upper_limit_agrees_with_tables_of_chi_squared() {
        // χ²(0.2; 4) = 1.6488, χ²(0.2; 8) = 4.5936.
        assert!((upper_limit_factor(5) - (4.0_f64 / 1.6488).sqrt()).abs() < 1e-4);
        assert!((upper_limit_factor(9) - (8.0_f64 / 4.5936).sqrt()).abs() < 1e-4);
    }

    #[test]
    fn the_plan_follows_the_spread_seen_and_is_silent_without_one() {
        let folder = tempfile::tempdir().unwrap();
        let study = small_study(5);
        let before = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
        assert!(
            plan_seeds(&study, &before, 0.01, 0.8)
                .iter()
                .all(|row| row.spread.is_none() && row.seeds.is_none())
        );
        for planned in plan(&study) {
            // Differences of `strided` to the baseline: ±0.01, of `all_conv`: ±0.02.
            let sign = if planned.seed % 2 == 0 { 1.0 } else { -1.0 };
            let error = 0.3 + sign * 0.01 * planned.arm_index as f64;
            write_run(folder.path(), &planned, Status::Finished, Some(error));
        }
        let results = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
        let rows = plan_seeds(&study, &results, 0.01, 0.8);
        let (narrow, wide) = (rows[0].seeds.unwrap(), rows[1].seeds.unwrap());
        assert!(narrow < wide, "{narrow} {wide}");
        assert!(rows[0].careful_seeds.unwrap() > narrow);
        // Two comparisons: the level is α/2.
        let spread = rows[0].spread.unwrap();
        assert_eq!(seeds_needed(0.01 / spread, 0.8, 0.025, 5), Some(narrow));
        assert_eq!(rows[0].equivalence_seeds, None, "the study states no margin");
    }
}
