//! The results of the study's claims: each holds, fails or is open in the study's regime, with the interval of every contrast.
//!
//! `contradiction.rs` decides whether a failing claim also contradicts its source.

use serde::Serialize;

use super::arm::ArmResult;
use super::claim_power::{ClaimChances, ContrastPlan};
use super::claim_verdict::{ClaimVerdict, PartVerdict};
use super::comparison::{lacks_spread, spread_interval};
use super::contradiction::Contradiction;
use super::folds::independent;
use super::run::RunResult;
use super::serialised;
use crate::check::{StatisticsCheck, smallest_exact_p};
use crate::file::{Claim, Contrast, StudyFile};
use crate::stats::{
    Evidence, Interval, Statement, evidence, evidence_for_all, flip_evidence, paired_differences, summarise,
};

/// One claim.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClaimResult {
    /// Its name in the study file.
    pub name: String,
    /// The claim in a sentence.
    pub text: String,
    /// Its contrasts.
    pub contrasts: Vec<ContrastResult>,
    /// Evidence about all of them together, multiplied by the number of claims.
    #[serde(flatten, serialize_with = "serialised::corrected")]
    pub corrected: Evidence,
    /// The same by sign flips in place of t tests; `None` where a contrast has none.
    #[serde(flatten, serialize_with = "serialised::corrected_flips")]
    pub corrected_by_flips: Option<Evidence>,
    /// Whether the two disagree about α, for or against the claim, where sign flips could have reached it.
    pub tests_disagree: bool,
    /// The power at the observed spread; `None` where that is not known.
    #[serde(flatten, serialize_with = "serialised::chances")]
    pub chances: Option<ClaimChances>,
    /// Why a failing claim counts as contradicted in its source; `None` where it does not.
    #[serde(skip)]
    pub contradiction: Option<Contradiction>,
    /// The verdict.
    pub verdict: ClaimVerdict,
}

/// One contrast of a claim.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ContrastResult {
    /// `rule: all_cnn − convpool_cnn, base = a`.
    pub name: String,
    /// The metric.
    pub metric: String,
    /// The statement about the difference.
    pub shows: Statement,
    /// Its margin.
    pub margin: f64,
    /// The difference in each seed in which all arms have a value.
    #[serde(rename = "n", serialize_with = "serialised::count")]
    pub values: Vec<(u64, f64)>,
    /// Their mean; `None` without any.
    #[serde(rename = "difference")]
    pub mean: Option<f64>,
    /// t interval for it.
    #[serde(rename = "interval_95")]
    pub interval: Option<Interval>,
    /// Evidence about this contrast alone, uncorrected; `None` below two seeds and without spread.
    #[serde(flatten, serialize_with = "serialised::evidence")]
    pub evidence: Option<Evidence>,
    /// The same by sign flips; `None` without spread, and where seeds are folds.
    #[serde(flatten, serialize_with = "serialised::flip_evidence")]
    pub flip_evidence: Option<Evidence>,
    /// The verdict on this contrast alone, at α divided by the contrasts of the claim and by the claims.
    pub part: PartVerdict,
    /// Seeds, or folds, that the tests take for independent.
    #[serde(skip)]
    pub independent: usize,
    /// Standard deviation over these.
    #[serde(skip)]
    pub spread: Option<f64>,
    /// Whether it is the same in every seed and not zero.
    #[serde(skip)]
    pub has_no_spread: bool,
    /// Whether it states equivalence or non-inferiority of arms none of which is better than a reference without training. It then has no evidence.
    #[serde(skip)]
    pub is_at_chance: bool,
}

impl ClaimResult {
    /// Tests all claims of the study.
    pub(crate) fn all(
        study: &StudyFile,
        statistics: &StatisticsCheck,
        (runs, arms, learned_nothing): (&[RunResult], &[ArmResult], &[bool]),
    ) -> Vec<ClaimResult> {
        let is_complete = runs.iter().all(|run| run.state.is_final());
        let tested =
            |claim| ClaimResult::of(study, claim, (statistics, is_complete), (runs, arms, learned_nothing));
        study.claims.iter().map(tested).collect()
    }

    fn of(
        study: &StudyFile,
        claim: &Claim,
        (statistics, is_complete): (&StatisticsCheck, bool),
        (runs, arms, learned_nothing): (&[RunResult], &[ArmResult], &[bool]),
    ) -> ClaimResult {
        let mut contrasts: Vec<ContrastResult> = claim
            .contrasts
            .iter()
            .map(|contrast| ContrastResult::of(study, contrast, statistics, (runs, learned_nothing)))
            .collect();
        let (alpha, claims) = (statistics.alpha, study.claims.len());
        let part_level = alpha / claims as f64 / contrasts.len().max(1) as f64;
        contrasts.iter_mut().for_each(|contrast| contrast.part = contrast.part_at(part_level));
        let parts: Vec<Evidence> =
            contrasts.iter().map(|contrast| contrast.evidence.unwrap_or(Evidence::NONE)).collect();
        let corrected = over_claims(evidence_for_all(&parts), claims);
        let flips: Option<Vec<Evidence>> = contrasts.iter().map(|contrast| contrast.flip_evidence).collect();
        let corrected_by_flips = flips.map(|flips| over_claims(evidence_for_all(&flips), claims));
        let planned: Option<Vec<ContrastPlan>> = claim
            .contrasts
            .iter()
            .zip(&contrasts)
            .map(|(contrast, found)| ContrastPlan::of(study, contrast, found.spread?))
            .collect();
        let least = u32::try_from(least_independent(&contrasts)).unwrap_or(u32::MAX);
        let mut result = ClaimResult {
            name: claim.name.clone(),
            text: claim.text.clone(),
            contrasts,
            corrected,
            corrected_by_flips,
            tests_disagree: false,
            chances: planned.map(|parts| ClaimChances::of(&parts, least, claims, alpha)),
            contradiction: None,
            verdict: ClaimVerdict::Interim,
        };
        if is_complete {
            result.verdict = result.verdict_at(alpha);
            result.tests_disagree = result.do_tests_disagree(alpha, claims);
            result.contradiction =
                Contradiction::of(study, (claim, &result), (runs, arms), (statistics, part_level));
        }
        result
    }

    /// The verdict, once all runs have ended.
    fn verdict_at(&self, alpha: f64) -> ClaimVerdict {
        let least = least_independent(&self.contrasts);
        if least == 0 {
            ClaimVerdict::Lost
        } else if least < crate::stats::SEEDS_FOR_A_VERDICT as usize {
            ClaimVerdict::IntervalsOnly
        } else if self.corrected.p_for <= alpha {
            ClaimVerdict::Holds
        } else if self.corrected.p_against <= alpha {
            ClaimVerdict::Fails
        } else if self.contrasts.iter().any(|contrast| contrast.has_no_spread) {
            ClaimVerdict::NoSpread
        } else if self.contrasts.iter().any(|contrast| contrast.is_at_chance) {
            ClaimVerdict::AtChance
        } else {
            ClaimVerdict::Open
        }
    }

    fn do_tests_disagree(&self, alpha: f64, claims: usize) -> bool {
        let Some(flips) = self.corrected_by_flips else { return false };
        let least = u32::try_from(least_independent(&self.contrasts)).unwrap_or(u32::MAX);
        let disagree = |own: f64, other: f64, factor: f64| {
            // One-sided, so half of the smallest two-sided p.
            claims as f64 * factor * 0.5 * smallest_exact_p(least) <= alpha
                && (own <= alpha) != (other <= alpha)
        };
        // "Outside of the margin" is tested at both ends, each at half of the level.
        let is_two_sided = self.contrasts.iter().any(|contrast| contrast.shows == Statement::Equivalent);
        let parts = self.contrasts.len() as f64 * if is_two_sided { 2.0 } else { 1.0 };
        disagree(self.corrected.p_for, flips.p_for, 1.0)
            || disagree(self.corrected.p_against, flips.p_against, parts)
    }
}

/// Evidence about one of several claims: of every claim either "it holds" or "it does not" is wrong, so that as many wrong verdicts as claims
/// are possible, not twice as many.
fn over_claims(joint: Evidence, claims: usize) -> Evidence {
    let times = |p: f64| (claims as f64 * p).min(1.0);
    Evidence { p_for: times(joint.p_for), p_against: times(joint.p_against) }
}

fn least_independent(contrasts: &[ContrastResult]) -> usize {
    contrasts.iter().map(|contrast| contrast.independent).min().unwrap_or(0)
}

impl ContrastResult {
    fn of(
        study: &StudyFile,
        contrast: &Contrast,
        statistics: &StatisticsCheck,
        (runs, learned_nothing): (&[RunResult], &[bool]),
    ) -> ContrastResult {
        let pair = |seed| {
            Some((seed, sides(runs, (study, &contrast.metric), (&contrast.of, &contrast.against), seed)?))
        };
        let (seeds, pairs): (Vec<u64>, Vec<(f64, f64)>) = study.seeds.values().filter_map(pair).unzip();
        let plain = paired_differences(&pairs);
        let values: Vec<(u64, f64)> = seeds.into_iter().zip(plain.iter().copied()).collect();
        let tested = independent(statistics.folds, &values);
        let evidence = evidence(&tested, contrast.shows, contrast.margin);
        let flips =
            statistics.folds.is_none().then(|| flip_evidence(&plain, contrast.shows, contrast.margin));
        let says_alike = !matches!(contrast.shows, Statement::Lower | Statement::Higher);
        let is_at_chance = says_alike
            && contrast.metric == study.primary.metric
            && contrast.of.iter().chain(&contrast.against).all(|arm| learned_nothing[*arm]);
        // Equivalence of arms that learned nothing is not evidence.
        let at_most_against = |found: Evidence| Evidence {
            p_for: if is_at_chance { Evidence::NONE.p_for } else { found.p_for },
            ..found
        };
        ContrastResult {
            name: contrast.name.clone(),
            metric: contrast.metric.clone(),
            shows: contrast.shows,
            margin: contrast.margin,
            values,
            mean: summarise(&tested).map(|summary| summary.mean),
            interval: spread_interval(&tested),
            evidence: evidence.map(at_most_against),
            flip_evidence: flips.flatten().filter(|_| !lacks_spread(&plain)).map(at_most_against),
            part: PartVerdict::Open,
            independent: tested.len(),
            spread: summarise(&tested).and_then(|summary| summary.standard_deviation),
            has_no_spread: lacks_spread(&plain),
            is_at_chance,
        }
    }

    fn part_at(&self, level: f64) -> PartVerdict {
        match self.evidence {
            Some(evidence) if evidence.p_for <= level => PartVerdict::Holds,
            Some(evidence) if evidence.p_against <= level => PartVerdict::Fails,
            _ => PartVerdict::Open,
        }
    }
}

/// The means of a metric over the two sides of a contrast, of a seed in which all of their arms have a value.
pub(super) fn sides(
    runs: &[RunResult],
    (study, metric): (&StudyFile, &str),
    (of, against): (&[usize], &[usize]),
    seed: u64,
) -> Option<(f64, f64)> {
    let value = |arm: &usize| {
        let run = runs.iter().find(|run| run.arm_index == *arm && run.seed == seed)?;
        run.final_value(study.primary.split, metric)
    };
    let mean = |arms: &[usize]| {
        let values = arms.iter().map(value).collect::<Option<Vec<f64>>>()?;
        Some(summarise(&values)?.mean)
    };
    Some((mean(of)?, mean(against)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::plan;
    use crate::results::StudyResults;
    use crate::testing::{append_metric, factorial_study_text, write_run};
    use allconv_record::Status;

    const CLAIMS: &str = r#"
[claims.worse]
text = "Striding costs accuracy with every base."
contrasts = [{ of = { rule = "strided" }, against = { rule = "max_pool" }, for_each = "base", shows = "higher" }]
[claims.equal]
text = "An added convolution replaces pooling."
contrasts = [{ of = { rule = "all_conv" }, against = { rule = "max_pool" }, shows = "equivalent", margin = 0.005 }]
[claims.better]
text = "Striding is better, and more invariant."
contrasts = [
  { of = { rule = "strided" }, against = { rule = "max_pool" }, shows = "lower" },
  { of = { rule = "strided" }, against = { rule = "max_pool" }, metric = "shift_agreement", shows = "higher" },
]
[claims.open]
text = "An added convolution is more invariant."
contrasts = [{ of = { rule = "all_conv" }, against = { rule = "max_pool" }, metric = "shift_agreement", shows = "higher" }]
[base.data]"#;

    fn study(seeds: u32) -> StudyFile {
        let text = factorial_study_text(seeds).replace("[base.data]", CLAIMS.trim_start());
        StudyFile::parse("small.toml", text).unwrap()
    }

    /// `strided` costs 2 points; all arms have the same agreement on shifted images.
    fn filled(folder: &std::path::Path, study: &StudyFile) -> StudyResults {
        for planned in plan(study) {
            let noise = 0.0005 * ((planned.seed * 7 + planned.arm_index as u64 * 3) % 5) as f64;
            let shift = if planned.arm.starts_with("strided") { 0.02 } else { 0.0 };
            let run = write_run(folder, &planned, Status::Finished, Some(0.2 + shift + noise));
            append_metric(&run, "shift_agreement", 0.8 + noise);
        }
        StudyResults::collect(study, &[folder.to_path_buf()]).unwrap()
    }

    fn verdicts(results: &StudyResults) -> Vec<ClaimVerdict> {
        results.claims.iter().map(|claim| claim.verdict).collect()
    }

    #[test]
    fn what_was_planted_holds_its_opposite_fails_and_the_rest_is_left_open() {
        let folder = tempfile::tempdir().unwrap();
        let results = filled(folder.path(), &study(6));
        use ClaimVerdict::{Fails, Holds, Open};
        assert_eq!(verdicts(&results), [Holds, Holds, Fails, Open]);
        let worse = &results.claims[0];
        assert_eq!(worse.contrasts.len(), 2);
        // The weakest contrast, times four claims.
        let weakest = worse.contrasts.iter().map(|part| part.evidence.unwrap().p_for).fold(0.0, f64::max);
        assert_eq!(worse.corrected.p_for, 4.0 * weakest);
        let interval = worse.contrasts[0].interval.unwrap();
        assert!(interval.low < 0.0205 && 0.0195 < interval.high, "{interval:?}");
    }

    #[test]
    fn a_failing_claim_names_the_parts_that_fail() {
        let folder = tempfile::tempdir().unwrap();
        let results = filled(folder.path(), &study(9));
        let parts: Vec<PartVerdict> = results.claims[2].contrasts.iter().map(|part| part.part).collect();
        assert_eq!(parts, [PartVerdict::Fails, PartVerdict::Open], "worse, and as invariant as before");
        assert!(results.claims.iter().all(|claim| claim.contradiction.is_none()), "there is no reference");
        let flips = results.claims[0].contrasts[0].flip_evidence.unwrap();
        assert_eq!(flips.p_for, 1.0 / 512.0);
    }

    #[test]
    fn missing_runs_and_few_seeds_withhold_the_verdict() {
        let folder = tempfile::tempdir().unwrap();
        let four = filled(folder.path(), &study(4));
        assert!(verdicts(&four).iter().all(|verdict| *verdict == ClaimVerdict::IntervalsOnly));
        let folder = tempfile::tempdir().unwrap();
        let study = study(6);
        filled(folder.path(), &study);
        write_run(folder.path(), &plan(&study)[3], Status::Running, None);
        let results = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
        assert!(verdicts(&results).iter().all(|verdict| *verdict == ClaimVerdict::Interim));
    }
}
