//! The rule by which a failing claim contradicts its source.
//!
//! A claim has a source where all of its arms have values in the study's reference. It is contradicted when it fails, the study had
//! a chance of at least 0.8 to show it had it been true, and one of two conditions rules out that more training would change the result: the networks reach the
//! reference values within the margin, or what fails is shown not to shrink along the length of training. For the second, the contrast is taken
//! at every length, and a one-sided t test on the slopes of the seeds over log₂ of the length shows that its loss, the difference in the
//! direction that the claim excludes, has a slope above 0; its level is α divided by the claims and by the contrasts of the claim.

use super::arm::ArmResult;
use super::claim_verdict::{ClaimVerdict, PartVerdict};
use super::claims::{ClaimResult, ContrastResult, sides};
use super::folds::independent;
use super::run::RunResult;
use super::trend::{NumericFactor, lines_of_seeds};
use crate::check::StatisticsCheck;
use crate::file::{Better, Claim, Contrast, StudyFile};
use crate::stats::{Statement, evidence};

/// Chance of "holds if true" that a study needs before its "fails" is called a contradiction of the source.
const CONTRADICTING_POWER: f64 = 0.8;

/// Why a claim that fails is contradicted in its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// The networks reach the study's reference values within the margin.
    ReachesReference,
    /// What fails is shown not to shrink along the length of training.
    LossDoesNotShrink,
}

impl Contradiction {
    /// Returns the stable name in machine-readable results.
    pub fn name(self) -> &'static str {
        match self {
            Contradiction::ReachesReference => "reaches_reference",
            Contradiction::LossDoesNotShrink => "loss_does_not_shrink",
        }
    }

    /// `part_level` is α divided by the claims and by the contrasts of this one.
    pub(super) fn of(
        study: &StudyFile,
        (claim, found): (&Claim, &ClaimResult),
        (runs, arms): (&[RunResult], &[ArmResult]),
        (statistics, part_level): (&StatisticsCheck, f64),
    ) -> Option<Contradiction> {
        let could_have_held =
            found.chances.is_some_and(|chances| chances.holds_if_true >= CONTRADICTING_POWER);
        let is_of_reference = |contrast: &Contrast| {
            let has_value = |arm: &usize| arms[*arm].reference.is_some();
            contrast.metric == study.primary.metric
                && contrast.of.iter().chain(&contrast.against).all(has_value)
        };
        let is_theirs = claim.contrasts.iter().all(is_of_reference);
        if found.verdict != ClaimVerdict::Fails || !could_have_held || !is_theirs {
            return None;
        }
        if reaches_reference(study, claim, arms) {
            return Some(Contradiction::ReachesReference);
        }
        let persists = |(contrast, found): (&Contrast, &ContrastResult)| {
            found.part == PartVerdict::Fails
                && does_not_shrink(study, (contrast, found), runs, (statistics, part_level)) == Some(true)
        };
        claim.contrasts.iter().zip(&found.contrasts).any(persists).then_some(Contradiction::LossDoesNotShrink)
    }
}

/// Whether every arm of the claim reaches its reference value within the study's margin.
fn reaches_reference(study: &StudyFile, claim: &Claim, arms: &[ArmResult]) -> bool {
    let Some(margin) = study.compare.equivalence_margin else { return false };
    let reaches = |arm: &usize| {
        let (Some(reference), Some(summary)) = (arms[*arm].reference, arms[*arm].summary) else {
            return false;
        };
        match study.primary.better {
            Better::Lower => summary.mean <= reference + margin,
            Better::Higher => summary.mean >= reference - margin,
        }
    };
    claim.contrasts.iter().all(|contrast| contrast.of.iter().chain(&contrast.against).all(reaches))
}

/// Whether the loss of a contrast that fails is shown not to shrink along the length of training; `None` where that was not measured: in a study
/// of one length, or of a contrast between lengths.
fn does_not_shrink(
    study: &StudyFile,
    (contrast, found): (&Contrast, &ContrastResult),
    runs: &[RunResult],
    (statistics, level): (&StatisticsCheck, f64),
) -> Option<bool> {
    let factor = NumericFactor::of(study)?;
    let lines = factor.lines(study);
    let start = study.arms[*contrast.of.first()?].levels[factor.index];
    let at = |arms: &[usize], number: usize| -> Option<Vec<usize>> {
        let moved = |arm: &usize| {
            let is_of_length = study.arms[*arm].levels[factor.index] == start;
            let line = lines.iter().find(|line| line.arms.contains(arm)).filter(|_| is_of_length)?;
            Some(line.arms[number])
        };
        arms.iter().map(moved).collect()
    };
    let numbers = factor.numbers();
    let losses_at = |number: usize| -> Option<Vec<(u64, f64)>> {
        let (of, against) = (at(&contrast.of, number)?, at(&contrast.against, number)?);
        let loss = |seed: u64| {
            let (own, other) = sides(runs, (study, &contrast.metric), (&of, &against), seed)?;
            Some((seed, direction_of_loss(found)? * (own - other)))
        };
        Some(study.seeds.values().filter_map(loss).collect())
    };
    let losses: Vec<Vec<(u64, f64)>> = (0..numbers.len()).map(losses_at).collect::<Option<_>>()?;
    let slopes = lines_of_seeds(&numbers, &losses).into_iter().map(|(seed, (_, slope))| (seed, slope));
    let slopes = independent(statistics.folds, &slopes.collect::<Vec<_>>());
    let has_enough = slopes.len() >= statistics.seeds_needed as usize;
    let shown = evidence(&slopes, Statement::Higher, 0.0).is_some_and(|evidence| evidence.p_for <= level);
    Some(has_enough && shown)
}

/// +1 where the claim fails because the difference is too large, −1 where it is too small.
fn direction_of_loss(found: &ContrastResult) -> Option<f64> {
    match found.shows {
        Statement::Lower | Statement::NotHigher => Some(1.0),
        Statement::Higher | Statement::NotLower => Some(-1.0),
        Statement::Equivalent => found.mean.map(f64::signum),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::plan;
    use crate::results::StudyResults;
    use crate::testing::{lengths_study_text, small_study_text, write_lengths, write_run};
    use allconv_record::Status;

    /// The text of a study with this claim, and with a reference value for two arms.
    fn with_claim(text: &str, contrast: &str, (arms, reference): ([&str; 2], f64)) -> StudyFile {
        let [of, against] = arms;
        let values = format!("values = {{ {of} = {reference}, {against} = {reference} }}");
        let claim = format!(
            "reference = {{ label = \"they\", {values} }}\n[claims.theirs]\ntext = \"Theirs.\"\ncontrasts = [{contrast}]\n[base.data]"
        );
        let text = text
            .replace("alpha = 0.05", "alpha = 0.05, equivalence_margin = 0.005")
            .replace("[base.data]", &claim);
        StudyFile::parse("small.toml", text).unwrap()
    }

    #[test]
    fn networks_that_reach_the_reference_contradict_it() {
        for (reference, expected) in [(0.22, Some(Contradiction::ReachesReference)), (0.05, None)] {
            let folder = tempfile::tempdir().unwrap();
            let study = with_claim(
                &small_study_text(9),
                r#"{ of = "strided", against = "max_pool", shows = "lower" }"#,
                (["strided", "max_pool"], reference),
            );
            for planned in plan(&study) {
                let noise = 0.0005 * ((planned.seed * 7 + planned.arm_index as u64 * 3) % 5) as f64;
                let shift = if planned.arm == "strided" { 0.02 } else { 0.0 };
                write_run(folder.path(), &planned, Status::Finished, Some(0.2 + shift + noise));
            }
            let results = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
            let claim = &results.claims[0];
            assert_eq!(claim.verdict, ClaimVerdict::Fails);
            assert!(claim.chances.unwrap().holds_if_true > 0.8, "{:?}", claim.chances);
            assert_eq!(claim.contradiction, expected);
        }
    }

    /// The contradiction of "`rule` errs at most half a point more than max pooling after 2 epochs", which fails, by networks far from the
    /// reference, where what `all_conv` loses grows by `growth` with every doubling.
    fn along_lengths(rule: &str, shows: &str, growth: f64) -> Option<Contradiction> {
        let folder = tempfile::tempdir().unwrap();
        let contrast = match shows {
            // The other way round, so that the failing difference is negative.
            "not_lower" => {
                format!("{{ of = \"max_pool_short\", against = \"{rule}_short\", shows = \"not_lower\" }}")
            }
            _ => format!("{{ of = \"{rule}_short\", against = \"max_pool_short\", shows = \"{shows}\" }}"),
        };
        let arm = format!("{rule}_short");
        let study = with_claim(&lengths_study_text(9), &contrast, ([&arm, "max_pool_short"], 0.1));
        write_lengths(folder.path(), &study, growth);
        let results = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
        assert_eq!(results.claims[0].verdict, ClaimVerdict::Fails);
        results.claims[0].contradiction
    }

    #[test]
    fn a_loss_that_does_not_shrink_with_training_contradicts_a_claim_and_one_that_shrinks_does_not() {
        for shows in ["not_higher", "not_lower", "equivalent", "lower"] {
            assert_eq!(
                along_lengths("all_conv", shows, 0.01),
                Some(Contradiction::LossDoesNotShrink),
                "{shows}"
            );
            assert_eq!(along_lengths("strided", shows, 0.01), None, "{shows}: its loss shrinks");
        }
        assert_eq!(along_lengths("all_conv", "not_higher", 0.0), None, "a slope about zero is not shown");
    }

    #[test]
    fn a_contrast_between_lengths_has_no_line_along_them() {
        let folder = tempfile::tempdir().unwrap();
        let contrast = r#"{ of = "all_conv_short", against = "max_pool_long", shows = "not_higher" }"#;
        let study = with_claim(&lengths_study_text(9), contrast, (["all_conv_short", "max_pool_long"], 0.1));
        write_lengths(folder.path(), &study, 0.01);
        let results = StudyResults::collect(&study, &[folder.path().to_path_buf()]).unwrap();
        assert_eq!(results.claims[0].verdict, ClaimVerdict::Fails);
        assert_eq!(results.claims[0].contradiction, None);
    }
}
