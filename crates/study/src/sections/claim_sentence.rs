//! The verdict on a claim in one sentence: the regime in which it holds or fails, its failing parts, and its power.

use allconv_document::number::{chance, p_equation};

use super::opening::regime_phrase;
use crate::metric::{MetricUnit, metric_label};
use crate::results::{ClaimResult, ClaimVerdict, Contradiction, ContrastResult, PartVerdict, StudyResults};

/// The verdict in two or three words.
pub(crate) fn label(claim: &ClaimResult) -> &'static str {
    if claim.contradiction.is_some() { "contradicted" } else { claim.verdict.label() }
}

/// The verdict in one sentence, with the regime and, of several contrasts, with the parts that fail.
///
/// `Fails in underfitted networks (training error 30.21 %, test error 39.04 %): it fails for base = a (+3.82 pp); it is open for base = b (+1.73 pp).`
pub(crate) fn verdict_sentence(results: &StudyResults, claim: &ClaimResult) -> Option<String> {
    let regime = regime_phrase(results);
    let several = claim.contrasts.len() > 1;
    let mut text = match claim.verdict {
        ClaimVerdict::Holds => format!("Holds {regime}"),
        ClaimVerdict::Fails => format!("Fails {regime}"),
        ClaimVerdict::Open => format!("Open {regime}"),
        _ => return None,
    };
    if several && claim.verdict != ClaimVerdict::Holds {
        let names = part_names(claim);
        let of = |verdict: PartVerdict| -> Vec<String> {
            let parts = claim.contrasts.iter().zip(&names).filter(|(part, _)| part.part == verdict);
            parts.map(|(part, name)| format!("{name}{}", found(part))).collect()
        };
        let (fails, holds, open) = (of(PartVerdict::Fails), of(PartVerdict::Holds), of(PartVerdict::Open));
        if !fails.is_empty() {
            text.push_str(&format!(": it fails for {}", listed(&fails)));
        }
        for (word, parts) in [("holds", holds), ("is open", open)] {
            if !parts.is_empty() {
                let joint = if text.contains(": it ") { "; it" } else { ": it" };
                text.push_str(&format!("{joint} {word} for {}", listed(&parts)));
            }
        }
    }
    text.push('.');
    if let Some(contradiction) = claim.contradiction {
        let ground = match contradiction {
            Contradiction::ReachesReference => "The networks reach the reference values",
            Contradiction::LossDoesNotShrink => {
                "What fails is shown not to shrink with more training, as far as it was measured"
            }
        };
        text.push_str(&format!(
            " {ground}, and the study would have shown the claim had it been true: it is contradicted where it was made."
        ));
    }
    if let (Some(flips), true) = (claim.corrected_by_flips, claim.tests_disagree) {
        text.push_str(&format!(
            " Sign flips in place of t tests disagree about α: corrected {} for the claim, {} against it.",
            p_equation(flips.p_for),
            p_equation(flips.p_against)
        ));
    }
    if let Some(chances) = claim.chances {
        text.push_str(&format!(
            " With this design the chance of “holds” was {} if it is true, that of “fails” {} if it is false.",
            chance(chances.holds_if_true),
            chance(chances.fails_if_false)
        ));
    }
    Some(text)
}

/// Returns the names of a claim's contrasts in a sentence, without their common parts.
fn part_names(claim: &ClaimResult) -> Vec<String> {
    let names = || claim.contrasts.iter().map(|contrast| contrast.name.as_str());
    let split: Option<Vec<(&str, &str)>> = names().map(|name| name.rsplit_once(", ")).collect();
    let is_one_metric = claim.contrasts.iter().all(|contrast| contrast.metric == claim.contrasts[0].metric);
    if let Some(split) =
        split.filter(|split| is_one_metric && split.iter().all(|(head, _)| *head == split[0].0))
    {
        return split.into_iter().map(|(_, level)| level.to_owned()).collect();
    }
    let is_one_name = names().all(|name| name == claim.contrasts[0].name);
    let name = |contrast: &ContrastResult| match (is_one_name, is_one_metric) {
        (true, _) => metric_label(&contrast.metric),
        (false, true) => contrast.name.clone(),
        (false, false) => format!("{} in {}", contrast.name, metric_label(&contrast.metric)),
    };
    claim.contrasts.iter().map(name).collect()
}

/// ` (+3.82 pp)`.
fn found(contrast: &ContrastResult) -> String {
    let unit = MetricUnit::of(&contrast.metric);
    let symbol = match unit.difference_symbol() {
        "" => String::new(),
        symbol => format!("\u{a0}{symbol}"),
    };
    contrast.mean.map_or(String::new(), |mean| format!(" ({}{symbol})", unit.signed(mean)))
}

/// `a`, `a and b`, `a, b and c`.
fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
