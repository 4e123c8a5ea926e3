//! Each comparison in one sentence that says what was shown, with metric, n, interval and corrected p.
//!
//! Names of arms are between backticks, which mark them as code.

use allconv_document::number::{chance, p_equation};
use allconv_record::SplitName;

use crate::file::{Correction, StudyFile, TestKind};
use crate::metric::{Better, MetricUnit, metric_label};
use crate::results::{ComparisonResult, Direction, PracticalChances, StudyResults, Verdict};
use crate::stats::Interval;

/// `test error`, `validation loss`.
pub(crate) fn metric_name(study: &StudyFile) -> String {
    format!("{} {}", split_name(study.primary.split), metric_label(&study.primary.metric))
}

/// The primary metric with a value: `test error 12.35 %`.
pub fn primary_value(study: &StudyFile, value: f64) -> String {
    let unit = MetricUnit::of(&study.primary.metric);
    format!("{} {} {}", metric_name(study), unit.value(value), unit.symbol()).trim_end().to_owned()
}

/// Returns the label of the split.
pub(crate) fn split_name(split: SplitName) -> &'static str {
    match split {
        SplitName::Train => "training",
        SplitName::Valid => "validation",
        SplitName::Test => "test",
    }
}

/// Returns the label of the test.
pub(crate) fn test_name(test: TestKind) -> &'static str {
    match test {
        TestKind::PairedT => "paired t test",
        TestKind::Permutation => "exact paired permutation test",
        TestKind::Wilcoxon => "Wilcoxon signed rank test",
        TestKind::Welch => "Welch's t test",
    }
}

/// Returns the label of the correction before "p".
pub(crate) fn correction_name(correction: Correction) -> &'static str {
    match correction {
        Correction::Holm => "Holm-corrected ",
        Correction::BenjaminiHochberg => "Benjamini–Hochberg-corrected ",
        Correction::None => "uncorrected ",
    }
}

/// `12.30 to 14.50`, with signs.
pub(crate) fn signed_interval(results: &StudyResults, interval: Option<Interval>) -> String {
    let unit = results.unit;
    interval.map_or("none".to_string(), |interval| {
        format!("{} to {}", unit.signed(interval.low), unit.signed(interval.high))
    })
}

/// The sentence about one comparison.
pub(crate) fn sentence(results: &StudyResults, comparison: &ComparisonResult) -> String {
    let study = &results.study;
    let (arm, baseline) = (&comparison.arm, &comparison.baseline);
    let metric = metric_name(study);
    let numbers = numbers(results, comparison);
    let margin =
        study.compare.equivalence_margin.map(|margin| with_unit(results, results.unit.value(margin)));
    let margin = margin.unwrap_or_default();
    match comparison.verdict {
        Verdict::NoPairs => format!("No seed has a result for both `{arm}` and `{baseline}` yet."),
        Verdict::Lost => {
            format!("`{arm}` cannot be compared with `{baseline}`: {}.", why_lost(results, comparison))
        }
        Verdict::NoSpread => format!(
            "`{arm}` minus `{baseline}` in {metric} is the same in every seed: {numbers}. {NO_SPREAD}"
        ),
        Verdict::AtChance => format!(
            "Neither `{arm}` nor `{baseline}` is better in {metric} than {}: the intervals of both reach it. Their difference is shown to be smaller than the \
             margin of {margin}, but equivalence is not claimed of arms that learned nothing: {numbers}.",
            results.anchor.as_ref().map_or("what needs no learning", |anchor| anchor.label)
        ),
        Verdict::Interim => format!(
            "So far, `{arm}` minus `{baseline}` in {metric} is {numbers}. Runs are missing, so no verdict is given."
        ),
        Verdict::IntervalsOnly => format!(
            "`{arm}` minus `{baseline}` in {metric}: {numbers}. Fewer than {} {} are too few for a verdict.",
            results.statistics.seeds_needed,
            if results.statistics.folds.is_some() { "folds" } else { "pairs" }
        ),
        Verdict::Shown(direction) => {
            format!("`{arm}` is shown to be {} than `{baseline}` in {metric}: {numbers}.", word(direction))
        }
        Verdict::ShownButEquivalent(direction) => format!(
            "`{arm}` is shown to be {} than `{baseline}` in {metric}, and by less than the margin of {margin}: {numbers}.",
            word(direction)
        ),
        Verdict::Equivalent => format!(
            "`{arm}` is shown to be equivalent to `{baseline}` in {metric}, within ±{margin}: {numbers}."
        ),
        Verdict::NotShown if study.compare.equivalence_margin.is_some() => format!(
            "Between `{arm}` and `{baseline}`, neither a difference in {metric} nor equivalence within ±{margin} is shown: \
             {numbers}."
        ),
        Verdict::NotShown => format!(
            "No difference in {metric} between `{arm}` and `{baseline}` is shown, which does not mean that there is none: {numbers}."
        ),
    }
}

/// Why a difference that is the same in every seed has no verdict.
pub(crate) const NO_SPREAD: &str = "Without any spread between the seeds no interval and no p can be computed, so that it is not \
     known whether the difference is more than chance; no verdict is given.";

/// Why no seed is left in which both arms have a value, although all runs have ended.
fn why_lost(results: &StudyResults, comparison: &ComparisonResult) -> String {
    let [arm, baseline] =
        [comparison.arm_index, comparison.baseline_index].map(|position| &results.arms[position]);
    let without: Vec<String> = [arm, baseline]
        .into_iter()
        .filter(|arm| arm.lost > 0 && arm.values.is_empty())
        .map(|arm| format!("of `{}`, {}", arm.name, arm.losses()))
        .collect();
    if !without.is_empty() {
        return without.join("; ");
    }
    let lost: Vec<String> = [arm, baseline]
        .into_iter()
        .filter(|arm| arm.lost > 0)
        .map(|arm| format!("of `{}`, {}", arm.name, arm.losses()))
        .collect();
    match lost.as_slice() {
        [] => "all runs have ended, and no seed has a value of this metric for both".to_owned(),
        lost => format!("no seed has a value for both ({})", lost.join("; ")),
    }
}

/// `+1.20 percentage points (95 % interval +0.80 to +1.60; n = 9; paired t test, Holm-corrected p = 0.0012)`.
fn numbers(results: &StudyResults, comparison: &ComparisonResult) -> String {
    let study = &results.study;
    let Some(mean) = comparison.mean_difference else { return String::new() };
    let mut parts = Vec::new();
    if comparison.interval.is_some() {
        // No line may end between the number and its sign.
        parts.push(format!("95\u{a0}% interval {}", signed_interval(results, comparison.interval)));
    }
    if let Some(pooled) = comparison.pooled_interval {
        parts.push(format!("with the spread of all arms {}", signed_interval(results, Some(pooled))));
    }
    parts.push(match results.statistics.folds {
        Some(_) => format!("{}\u{a0}folds", comparison.independent),
        None => format!("n\u{a0}=\u{a0}{}", comparison.n()),
    });
    let has_verdict = !matches!(
        comparison.verdict,
        Verdict::NoPairs | Verdict::Interim | Verdict::IntervalsOnly | Verdict::Lost | Verdict::NoSpread
    );
    if has_verdict {
        let correction = correction_name(study.compare.correction);
        if let Some(p) = comparison.corrected_p {
            let test = test_name(study.compare.test);
            parts.push(format!("{test}, {correction}{}", p_equation(p)));
        }
        let concerns_equivalence = !matches!(comparison.verdict, Verdict::Shown(_));
        if let Some(p) = comparison.corrected_equivalence_p.filter(|_| concerns_equivalence) {
            parts.push(format!("equivalence test, {correction}{}", p_equation(p)));
        }
        if let (true, Some(p)) = (comparison.tests_disagree, comparison.corrected_permutation_p) {
            parts.push(format!(
                "but sign flips, {correction}{}: the two tests disagree about α",
                p_equation(p)
            ));
        }
    }
    let practical = practical(results, comparison).filter(|_| has_verdict);
    let practical = practical.map(|text| format!(". {text}")).unwrap_or_default();
    format!("{} ({}){practical}", with_unit(results, results.unit.signed(mean)), parts.join("; "))
}

/// `Worse by more than 1.00 percentage points: 2 %; within: 97 %; better by more: 1 %`.
fn practical(results: &StudyResults, comparison: &ComparisonResult) -> Option<String> {
    let PracticalChances { worse, within, better } = comparison.practical?;
    let margin = with_unit(results, results.unit.value(results.study.compare.equivalence_margin?));
    Some(format!(
        "Worse by more than {margin}: {}; within: {}; better by more: {}",
        chance(worse),
        chance(within),
        chance(better)
    ))
}

/// A number with the unit of differences.
pub(crate) fn with_unit(results: &StudyResults, value: String) -> String {
    match results.unit.difference_name() {
        "" => value,
        name => format!("{value} {name}"),
    }
}

/// A metric as a title: `Test error (%), lower is better`.
pub(super) fn title(metric: &str, unit: MetricUnit, better: Option<Better>) -> String {
    let better = match better {
        Some(Better::Lower) => ", lower is better",
        Some(Better::Higher) => ", higher is better",
        None => "",
    };
    match unit.symbol() {
        "" => format!("{}{better}", capitalised(metric)),
        symbol => format!("{} ({symbol}){better}", capitalised(metric)),
    }
}

/// The first letter in upper case.
pub(crate) fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or(String::new(), |first| first.to_uppercase().chain(characters).collect())
}

fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Better => "better",
        Direction::Worse => "worse",
    }
}
