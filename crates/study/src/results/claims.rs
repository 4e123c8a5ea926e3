//! What came of the study's claims: each supported, contradicted, or not decided, with the interval of every contrast.

use super::comparison::{lacks_spread, spread_interval};
use super::run::RunResult;
use crate::check::StatisticsCheck;
use crate::file::{Claim, Contrast, StudyFile};
use crate::stats::{
    Evidence, Interval, Statement, evidence, evidence_for_all, paired_differences, summarise,
};

/// What may be said of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimVerdict {
    /// Runs are still missing.
    Interim,
    /// A contrast has too few seeds: intervals only.
    IntervalsOnly,
    /// Every contrast is shown.
    Supported,
    /// The opposite of a contrast is shown.
    Contradicted,
    /// Neither.
    NotDecided,
    /// All runs have ended, and a contrast has no seed left in which all of its arms have a value.
    Lost,
    /// Neither, and a contrast is the same in every seed and not zero: nothing but its size is known.
    NoSpread,
    /// Neither, and the arms of a contrast that says they are alike are no better than what needs no learning.
    AtChance,
}

impl ClaimVerdict {
    /// A stable word for machine-readable results.
    pub fn name(self) -> &'static str {
        match self {
            ClaimVerdict::Interim => "interim",
            ClaimVerdict::IntervalsOnly => "intervals_only",
            ClaimVerdict::Supported => "supported",
            ClaimVerdict::Contradicted => "contradicted",
            ClaimVerdict::NotDecided => "not_decided",
            ClaimVerdict::Lost => "lost",
            ClaimVerdict::NoSpread => "no_spread",
            ClaimVerdict::AtChance => "at_chance",
        }
    }

    /// One or two words for people.
    pub fn label(self) -> &'static str {
        match self {
            ClaimVerdict::Interim => "runs missing",
            ClaimVerdict::IntervalsOnly => "intervals only",
            ClaimVerdict::Supported => "supported",
            ClaimVerdict::Contradicted => "contradicted",
            ClaimVerdict::NotDecided => "not decided",
            ClaimVerdict::Lost => "runs lost",
            ClaimVerdict::NoSpread => "no spread",
            ClaimVerdict::AtChance => "at chance",
        }
    }
}

/// One claim.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimResult {
    /// Its name in the study file.
    pub name: String,
    /// What is claimed.
    pub text: String,
    /// Its contrasts.
    pub contrasts: Vec<ContrastResult>,
    /// Evidence about all of them together, multiplied by the number of claims.
    pub corrected: Evidence,
    /// What may be said.
    pub verdict: ClaimVerdict,
}

/// One contrast of a claim.
#[derive(Clone, Debug, PartialEq)]
pub struct ContrastResult {
    /// `rule: all_cnn − convpool_cnn, base = a`.
    pub name: String,
    /// The metric.
    pub metric: String,
    /// Where the difference is said to lie.
    pub shows: Statement,
    /// The margin of that.
    pub margin: f64,
    /// The difference in each seed in which all arms have a value.
    pub values: Vec<(u64, f64)>,
    /// Their mean; `None` without any.
    pub mean: Option<f64>,
    /// t interval for it.
    pub interval: Option<Interval>,
    /// Evidence about this contrast alone, uncorrected; `None` below two seeds and without spread.
    pub evidence: Option<Evidence>,
    /// Whether it is the same in every seed and not zero.
    pub has_no_spread: bool,
    /// Whether it says that arms are alike, or not worse, of which none is better than what needs no learning. It then has no evidence for it.
    pub is_at_chance: bool,
}

impl ClaimResult {
    /// Judges all claims of the study.
    pub(crate) fn all(
        study: &StudyFile,
        statistics: &StatisticsCheck,
        (runs, learned_nothing): (&[RunResult], &[bool]),
    ) -> Vec<ClaimResult> {
        let is_complete = runs.iter().all(|run| run.state.is_final());
        let judged =
            |claim| ClaimResult::of(study, claim, (statistics, is_complete), (runs, learned_nothing));
        study.claims.iter().map(judged).collect()
    }

    fn of(
        study: &StudyFile,
        claim: &Claim,
        (statistics, is_complete): (&StatisticsCheck, bool),
        (runs, learned_nothing): (&[RunResult], &[bool]),
    ) -> ClaimResult {
        let contrasts: Vec<ContrastResult> = claim
            .contrasts
            .iter()
            .map(|contrast| ContrastResult::of(study, contrast, (runs, learned_nothing)))
            .collect();
        let parts: Vec<Evidence> =
            contrasts.iter().map(|contrast| contrast.evidence.unwrap_or(Evidence::NONE)).collect();
        let joint = evidence_for_all(&parts);
        // Of every claim either "it holds" or "it does not" is wrong: as many wrong verdicts as claims are possible, not twice as many.
        let claims = study.claims.len() as f64;
        let corrected = Evidence {
            p_for: (claims * joint.p_for).min(1.0),
            p_against: (claims * joint.p_against).min(1.0),
        };
        let least = contrasts.iter().map(|contrast| contrast.values.len()).min().unwrap_or(0);
        let verdict = if !is_complete {
            ClaimVerdict::Interim
        } else if least == 0 {
            ClaimVerdict::Lost
        } else if least < crate::check::SEEDS_FOR_A_VERDICT as usize {
            ClaimVerdict::IntervalsOnly
        } else if corrected.p_for <= statistics.alpha {
            ClaimVerdict::Supported
        } else if corrected.p_against <= statistics.alpha {
            ClaimVerdict::Contradicted
        } else if contrasts.iter().any(|contrast| contrast.has_no_spread) {
            ClaimVerdict::NoSpread
        } else if contrasts.iter().any(|contrast| contrast.is_at_chance) {
            ClaimVerdict::AtChance
        } else {
            ClaimVerdict::NotDecided
        };
        ClaimResult { name: claim.name.clone(), text: claim.text.clone(), contrasts, corrected, verdict }
    }
}

impl ContrastResult {
    fn of(
        study: &StudyFile,
        contrast: &Contrast,
        (runs, learned_nothing): (&[RunResult], &[bool]),
    ) -> ContrastResult {
        let value = |arm: usize, seed: u64| -> Option<f64> {
            let run = runs.iter().find(|run| run.arm_index == arm && run.seed == seed)?;
            run.final_value(study.primary.split, &contrast.metric)
        };
        let mean = |arms: &[usize], seed: u64| -> Option<f64> {
            let values = arms.iter().map(|arm| value(*arm, seed)).collect::<Option<Vec<f64>>>()?;
            summarise(&values).map(|summary| summary.mean)
        };
        let pair = |seed| Some((seed, (mean(&contrast.of, seed)?, mean(&contrast.against, seed)?)));
        let (seeds, pairs): (Vec<u64>, Vec<(f64, f64)>) = study.seeds.values().filter_map(pair).unzip();
        let plain = paired_differences(&pairs);
        let values: Vec<(u64, f64)> = seeds.into_iter().zip(plain.iter().copied()).collect();
        let evidence = evidence(&plain, contrast.shows, contrast.margin);
        let says_alike = !matches!(contrast.shows, Statement::Lower | Statement::Higher);
        let is_at_chance = says_alike
            && contrast.metric == study.primary.metric
            && contrast.of.iter().chain(&contrast.against).all(|arm| learned_nothing[*arm]);
        ContrastResult {
            name: contrast.name.clone(),
            metric: contrast.metric.clone(),
            shows: contrast.shows,
            margin: contrast.margin,
            values,
            mean: summarise(&plain).map(|summary| summary.mean),
            interval: spread_interval(&plain),
            evidence: evidence.map(|found| Evidence {
                p_for: if is_at_chance { Evidence::NONE.p_for } else { found.p_for },
                ..found
            }),
            has_no_spread: lacks_spread(&plain),
            is_at_chance,
        }
    }
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

    /// `strided` costs 2 points; all arms agree alike on shifted images.
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
    fn what_was_planted_is_supported_its_opposite_contradicted_and_the_rest_left_open() {
        let folder = tempfile::tempdir().unwrap();
        let results = filled(folder.path(), &study(6));
        use ClaimVerdict::{Contradicted, NotDecided, Supported};
        assert_eq!(verdicts(&results), [Supported, Supported, Contradicted, NotDecided]);
        let worse = &results.claims[0];
        assert_eq!(worse.contrasts.len(), 2);
        // The weakest contrast, times four claims.
        let weakest = worse.contrasts.iter().map(|part| part.evidence.unwrap().p_for).fold(0.0, f64::max);
        assert_eq!(worse.corrected.p_for, 4.0 * weakest);
        let interval = worse.contrasts[0].interval.unwrap();
        assert!(interval.low < 0.0205 && 0.0195 < interval.high, "{interval:?}");
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
