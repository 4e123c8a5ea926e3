//! `study plan`: the number of seeds that a study needs, and the chances of its claims, given the observed spread of its runs.

use statrs::function::gamma::gamma_lr;

use crate::file::{Correction, StudyFile};
use crate::results::{ClaimChances, ContrastPlan, ContrastResult, StudyResults};
use crate::stats::SEEDS_FOR_A_VERDICT;
use crate::stats::{paired_t_power, seeds_for_equivalence, seeds_needed, summarise};

/// Confidence with which the true spread lies below the upper limit that the careful plan uses.
pub const SPREAD_CONFIDENCE: f64 = 0.8;

/// The plan of one comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparisonPlan {
    /// The arm.
    pub arm: String,
    /// The arm it is compared with.
    pub baseline: String,
    /// Pairs of runs behind the observed spread.
    pub n: usize,
    /// Standard deviation of the differences, in units of the metric; `None` below two pairs.
    pub spread: Option<f64>,
    /// Power: the chance of showing the difference with the study's number of seeds.
    pub power: Option<f64>,
    /// Seeds that show the difference with the wanted power at the upper 80 % confidence limit of the spread: one seen over few seeds may well
    /// be too small, and a plan with it reaches the wanted power in fewer than half of all studies.
    pub careful_seeds: Option<u32>,
    /// Seeds that would suffice if the observed spread were the true one.
    pub seeds: Option<u32>,
    /// Seeds that show the arms equivalent within the study's margin with the wanted power, at the careful spread and the true difference that
    /// the plan supposes.
    pub equivalence_seeds: Option<u32>,
}

/// The assumptions of a plan, in units of the metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlanAims {
    /// True difference that is to be shown, above 0.
    pub difference: f64,
    /// True difference of arms that are to be shown equivalent: 0 for equal ones.
    pub true_difference: f64,
    /// Wanted power.
    pub power: f64,
}

/// The plan of one claim.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimPlan {
    /// Name of the claim.
    pub claim: String,
    /// Contrasts that must all hold for it.
    pub contrasts: usize,
    /// Seeds behind the spread, the fewest of a contrast; 0 where none was seen.
    pub n: usize,
    /// Largest spread of a contrast in terms of its margin (for `lower` and `higher` without one, of the equivalence margin).
    pub spread_in_margins: Option<f64>,
    /// Its chances at the spread seen, with the seeds that the study asks for; `None` without a spread or a margin.
    pub chances: Option<ClaimChances>,
    /// The same at the upper 80 % confidence limit of the spread.
    pub careful_chances: Option<ClaimChances>,
    /// The spread, in terms of the margin, up to which "holds if true" has the wanted chance; `None` where no margin is known, and where no spread
    /// does.
    pub largest_spread_in_margins: Option<f64>,
}

impl ClaimPlan {
    /// The plan in one sentence; `power` is the wanted chance that it was made for.
    pub fn sentence(&self, power: f64) -> String {
        let percent = |chance: f64| format!("{:.1} %", 100.0 * chance);
        let mut text = format!("claim {}: ", self.claim);
        match (self.chances, self.careful_chances) {
            (Some(seen), Some(careful)) => text.push_str(&format!(
                "it holds with a chance of {} if it is true, and fails with {} at twice the margin, at the upper limit of the spread ({} and {} at the spread \
                 seen over {} seeds)",
                percent(careful.holds_if_true),
                percent(careful.fails_if_false),
                percent(seen.holds_if_true),
                percent(seen.fails_if_false),
                self.n
            )),
            _ => text.push_str("no spread was seen yet"),
        }
        let largest = self.largest_spread_in_margins.map_or_else(
            || "; no margin defines what true and false would be, or no spread is small enough".to_owned(),
            |largest| {
                format!(
                    "; a chance of {} to hold if true takes differences that spread by at most {largest:.2} margins",
                    percent(power)
                )
            },
        );
        text.push_str(&largest);
        if let Some(seen) = self.spread_in_margins {
            text.push_str(&format!(", they spread by {seen:.2}"));
        }
        text
    }
}

/// Plans every claim of the study for a wanted chance of "holds" if it is true.
pub fn plan_claims(study: &StudyFile, results: &StudyResults, power: f64) -> Vec<ClaimPlan> {
    let seeds = study.folds().map_or(study.seeds.count, |folds| study.seeds.count.min(folds as u32));
    let plan = |(claim, found): (&crate::file::Claim, &[ContrastResult])| {
        let known = |contrast: &ContrastResult| contrast.spread.filter(|spread| *spread > 0.0);
        let at = |spread: &dyn Fn(&crate::file::Contrast, &ContrastResult) -> Option<f64>| {
            let parts = claim.contrasts.iter().zip(found);
            parts
                .map(|(contrast, found)| ContrastPlan::of(study, contrast, spread(contrast, found)?))
                .collect::<Option<Vec<ContrastPlan>>>()
        };
        let chances = |parts: Vec<ContrastPlan>| {
            ClaimChances::of(&parts, seeds, study.claims.len(), study.compare.alpha)
        };
        let seen = at(&|_, found| known(found));
        let careful = at(&|_, found| Some(known(found)? * upper_limit_factor(found.independent)));
        // Every contrast at one fraction of its own margin.
        let at_share = |share: f64| {
            let parts = at(&|contrast, _| Some(share * crate::results::scale(study, contrast)?))?;
            Some(chances(parts).holds_if_true)
        };
        ClaimPlan {
            claim: claim.name.clone(),
            contrasts: claim.contrasts.len(),
            n: found.iter().map(|contrast| contrast.independent).min().unwrap_or(0),
            spread_in_margins: seen
                .as_ref()
                .map(|parts| parts.iter().map(|part| part.spread / part.scale).fold(0.0, f64::max)),
            chances: seen.map(chances),
            careful_chances: careful.map(chances),
            largest_spread_in_margins: largest_share(power, &at_share),
        }
    };
    study
        .claims
        .iter()
        .zip(&results.claims)
        .map(|(claim, found)| plan((claim, found.contrasts.as_slice())))
        .collect()
}

/// The largest fraction of the margin at which a chance that falls with it still reaches `power`.
fn largest_share(power: f64, chance: &dyn Fn(f64) -> Option<f64>) -> Option<f64> {
    let (mut low, mut high) = (1e-3, 1e3);
    if chance(low)? < power {
        return None;
    }
    // Twenty halvings of the logarithm leave less than a hundred-thousandth.
    for _ in 0..20 {
        let middle = (low * high).sqrt();
        if chance(middle)? >= power { low = middle } else { high = middle }
    }
    Some(low)
}

/// Plans every comparison of the study.
///
/// The level is α divided by the number of comparisons where the study corrects for them: what Holm's procedure asks of the first of them.
pub fn plan_seeds(
    study: &StudyFile,
    results: &StudyResults,
    PlanAims { difference, true_difference, power }: PlanAims,
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
            careful_seeds: careful.and_then(seeds),
            seeds: known.and_then(seeds),
            equivalence_seeds: study.compare.equivalence_margin.zip(careful).and_then(|(margin, spread)| {
                let in_spreads = (margin / spread, true_difference / spread);
                seeds_for_equivalence(in_spreads, power, level, SEEDS_FOR_A_VERDICT)
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
    use crate::testing::{small_study, small_study_text, write_run};
    use allconv_record::Status;

    fn aims(true_difference: f64) -> PlanAims {
        PlanAims { difference: 0.01, true_difference, power: 0.8 }
    }

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
            plan_seeds(&study, &before, aims(0.0))
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
        let rows = plan_seeds(&study, &results, aims(0.0));
        let (narrow, wide) = (rows[0].seeds.unwrap(), rows[1].seeds.unwrap());
        assert!(narrow < wide, "{narrow} {wide}");
        assert!(rows[0].careful_seeds.unwrap() > narrow);
        // Two comparisons: the level is α/2.
        let spread = rows[0].spread.unwrap();
        assert_eq!(seeds_needed(0.01 / spread, 0.8, 0.025, 5), Some(narrow));
        assert_eq!(rows[0].equivalence_seeds, None, "the study states no margin");
        let text = small_study_text(5).replace("alpha = 0.05", "alpha = 0.05, equivalence_margin = 0.01");
        let study = StudyFile::parse("small.toml", text).unwrap();
        let needed = |true_difference| {
            plan_seeds(&study, &results, aims(true_difference))[0].equivalence_seeds.unwrap()
        };
        assert!(needed(0.0) < needed(0.005), "{} {}", needed(0.0), needed(0.005));
    }

    #[test]
    fn a_claim_is_planned_from_the_margin_alone_before_any_run_and_from_the_spread_after() {
        let claims = r#"[claims.replaces]
text = "Striding replaces pooling."
contrasts = [
  { of = "strided", against = "max_pool", shows = "not_higher" },
  { of = "all_conv", against = "max_pool", shows = "not_higher" },
]
[claims.margin_is_unknown]
text = "The loss is lower."
contrasts = [{ of = "strided", against = "max_pool", metric = "loss", shows = "lower" }]
[base.data]"#;
        let text = small_study_text(9)
            .replace("alpha = 0.05", "alpha = 0.05, equivalence_margin = 0.01")
            .replace("[base.data]", claims);
        let study = StudyFile::parse("small.toml", text).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let collect = || StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
        let before = plan_claims(&study, &collect(), 0.8);
        assert_eq!((before[0].n, before[0].chances, before[0].contrasts), (0, None, 2));
        let largest = before[0].largest_spread_in_margins.unwrap();
        assert!((0.3..1.0).contains(&largest), "{largest}");
        assert_eq!(before[1].largest_spread_in_margins, None, "a loss has no margin here");
        for planned in plan(&study) {
            let sign = if planned.seed % 2 == 0 { 1.0 } else { -1.0 };
            let spread = [0.0, 0.01, 0.002][planned.arm_index];
            write_run(folder.path(), &planned, Status::Finished, Some(0.3 + sign * spread));
        }
        let after = &plan_claims(&study, &collect(), 0.8)[0];
        let (seen, careful) = (after.chances.unwrap(), after.careful_chances.unwrap());
        assert!((after.spread_in_margins.unwrap() - 1.05).abs() < 0.02, "{after:?}");
        assert!(
            before[0].sentence(0.8).starts_with("claim replaces: no spread was seen yet; a chance of 80.0 %")
        );
        assert!(after.sentence(0.8).contains("margins, they spread by 1.05"), "{}", after.sentence(0.8));
        assert!(seen.holds_if_true < 0.8 && careful.holds_if_true < seen.holds_if_true, "{after:?}");
    }
}
