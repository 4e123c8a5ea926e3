//! The findings of a study, their certainty and their regime, as the cells of one row.

use crate::metric::MetricUnit;

use crate::results::{ClaimVerdict, ComparisonResult, Direction, StudyResults, TrainingError, Verdict};
use crate::sections::gap::excludes_zero;
use crate::sections::{metric_name, with_unit};
use crate::text::counted;

/// `no (30 / 39 %)`: whether the networks fitted their training images, with training and test error.
pub(super) fn fitted(results: &StudyResults) -> String {
    let Some(regime) = results.regime else { return "–".to_owned() };
    let unit = MetricUnit::Percent;
    let word = if regime.is_underfitted() { "no" } else { "yes" };
    let mark = if regime.source == TrainingError::Clean { "" } else { "*" };
    format!("{word} ({}{mark} / {}\u{a0}%)", unit.value(regime.training_error), unit.value(regime.test_error))
}

/// Returns the verdicts on the arms: `shown worse: … ; undecided: …`, and for the error where the losses come from.
pub(super) fn found(results: &StudyResults) -> String {
    let of = |wanted: fn(Verdict) -> bool| -> Vec<&ComparisonResult> {
        results.comparisons.iter().filter(|comparison| wanted(comparison.verdict)).collect()
    };
    let worse = of(|verdict| {
        matches!(verdict, Verdict::Shown(Direction::Worse) | Verdict::ShownButEquivalent(Direction::Worse))
    });
    let better = of(|verdict| {
        matches!(verdict, Verdict::Shown(Direction::Better) | Verdict::ShownButEquivalent(Direction::Better))
    });
    let equivalent = of(|verdict| verdict == Verdict::Equivalent);
    let undecided = of(|verdict| verdict == Verdict::NotShown);
    let mut parts = Vec::new();
    for (word, comparisons) in
        [("shown worse", worse), ("shown better", better), ("shown equivalent", equivalent)]
    {
        if !comparisons.is_empty() {
            let named: Vec<String> =
                comparisons.iter().map(|comparison| named(results, comparison)).collect();
            parts.push(format!("{word}: {}", named.join(", ")));
        }
    }
    if !undecided.is_empty() {
        let names: Vec<String> = undecided.iter().map(|comparison| format!("`{}`", comparison.arm)).collect();
        parts.push(format!("undecided: {}", names.join(", ")));
    }
    parts.push(format!("differences in {}, {}", metric_name(&results.study), unit_name(results)));
    parts.join("; ")
}

fn unit_name(results: &StudyResults) -> String {
    match results.unit.difference_name() {
        "" => "as stored".to_owned(),
        name => name.to_owned(),
    }
}

/// `` `all_cnn_a` +3.82 (MACs ×1.18; fits worse) ``.
fn named(results: &StudyResults, comparison: &ComparisonResult) -> String {
    let mean = comparison.mean_difference.map_or("–".to_owned(), |mean| results.unit.signed(mean));
    let macs = |arm: usize| Some(results.arms[arm].cost.as_ref()?.macs as f64);
    let mut notes = Vec::new();
    if let (Some(own), Some(base)) = (macs(comparison.arm_index), macs(comparison.baseline_index))
        && base > 0.0
        && (own / base - 1.0).abs() > 0.01
    {
        notes.push(format!("MACs ×{:.2}", own / base));
    }
    notes.extend(sources(results, comparison).map(str::to_owned));
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join("; ")) };
    let baseline = match results.study.compare.baseline {
        crate::file::Baseline::Arm(_) => String::new(),
        crate::file::Baseline::Level { .. } => format!(" against `{}`", comparison.baseline),
    };
    format!("`{}` {mean}{baseline}{notes}", comparison.arm)
}

/// Returns the source of a difference in test error, as far as the intervals of its two parts show it.
fn sources(results: &StudyResults, comparison: &ComparisonResult) -> Option<&'static str> {
    let row = results.gap.as_ref()?.rows.iter().find(|row| row.arm_index == comparison.arm_index)?;
    let sign = |part: crate::results::Part| if excludes_zero(part) { part.mean.signum() } else { 0.0 };
    match (sign(row.training), sign(row.gap)) {
        (training, gap) if training > 0.0 && gap > 0.0 => Some("fits worse and generalises worse"),
        (training, gap) if training > 0.0 && gap < 0.0 => Some("fits worse, generalises better"),
        (training, gap) if training < 0.0 && gap > 0.0 => Some("fits better, generalises worse"),
        (training, gap) if training < 0.0 && gap < 0.0 => Some("fits better and generalises better"),
        (training, _) if training > 0.0 => Some("fits worse"),
        (training, _) if training < 0.0 => Some("fits better"),
        (_, gap) if gap > 0.0 => Some("generalises worse"),
        (_, gap) if gap < 0.0 => Some("generalises better"),
        _ => None,
    }
}

/// `9 seeds; 5 claims: 1 holds here, 4 fail here`.
pub(super) fn strength(results: &StudyResults) -> String {
    let study = &results.study;
    let mut text = match results.statistics.folds {
        Some(folds) => format!("{} of one data set", counted(folds.folds, "fold")),
        None => counted(study.seeds.count as usize, "seed"),
    };
    if !results.claims.is_empty() {
        let count = |verdict| results.claims.iter().filter(|claim| claim.verdict == verdict).count();
        let words = [
            (count(ClaimVerdict::Holds), ["holds", "hold"]),
            (count(ClaimVerdict::Fails), ["fails", "fail"]),
            (count(ClaimVerdict::Open), ["is open", "are open"]),
        ];
        let words: Vec<String> = words
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, words)| format!("{count} {} here", words[usize::from(*count > 1)]))
            .collect();
        text.push_str(&format!(
            "; {} fixed beforehand: {}",
            counted(results.claims.len(), "claim"),
            words.join(", ")
        ));
    }
    if !study.disclosures.is_empty() {
        text.push_str("; departs from its plan, see below");
    }
    text
}

/// Returns the questions that the study leaves open.
pub(super) fn not_known(results: &StudyResults) -> String {
    let mut parts = Vec::new();
    if results.regime.is_some_and(|regime| regime.is_underfitted()) {
        parts.push("what remains when networks are trained to their end".to_owned());
    }
    let undecided =
        results.comparisons.iter().filter(|comparison| comparison.verdict == Verdict::NotShown).count();
    if undecided > 0 {
        parts.push(format!("{undecided} of {}", counted(results.comparisons.len(), "comparison")));
    }
    if results.statistics.folds.is_some() {
        parts.push("other data".to_owned());
    }
    if parts.is_empty() { "–".to_owned() } else { parts.join("; ") }
}

/// Returns the range of the means of a study without a verdict, and how much of it luck explains.
pub(super) fn screened(results: &StudyResults) -> String {
    let means = || results.comparisons.iter().filter_map(|comparison| comparison.mean_difference);
    let (least, most) = means()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), mean| (least.min(mean), most.max(mean)));
    if !least.is_finite() {
        return "no differences".to_owned();
    }
    let count = counted(results.comparisons.len(), "arm");
    let mut text = format!(
        "no verdict: the mean differences of {count} lie from {} to {}",
        results.unit.signed(least),
        with_unit(results, results.unit.signed(most))
    );
    if let Some(pooled) = results.pooled {
        let lead = results.unit.value(pooled.expected_lead(results.comparisons.len()));
        text.push_str(&format!(
            "; were all equal to the baseline, the best would lie about {} ahead by luck alone",
            with_unit(results, lead)
        ));
    }
    text
}
