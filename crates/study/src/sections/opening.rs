//! The opening section: caveats and warnings, the margin, the regime, the basis of the intervals, the families of tests.

use allconv_document::{Block, Text};

use super::families;
use super::sentence::{metric_name, split_name, with_unit};
use crate::index::RunState;
use crate::metric::MetricUnit;
use crate::results::{StudyResults, TrainingError};
use crate::text::counted;

/// Caveat, departures from the plan, and warnings, as notes.
pub(crate) fn notes(results: &StudyResults) -> Vec<Block> {
    let study = &results.study;
    let mut notes: Vec<Block> = study.caveat.iter().map(|caveat| Block::note("Caveat.", caveat)).collect();
    notes.extend(study.disclosures.iter().map(|sentence| Block::note("Disclosed.", sentence)));
    if !results.warnings.is_empty() {
        let texts = results.warnings.iter().map(Text::from).collect();
        notes.push(Block::Note { label: "Before you compare.".to_owned(), texts });
    }
    notes
}

/// The sentences before the first number, and those on what all numbers rest on.
pub(crate) fn blocks(results: &StudyResults) -> Vec<Block> {
    [regime(results), basis(results)].concat()
}

/// The margin and the regime, without which no verdict is read.
pub(crate) fn regime(results: &StudyResults) -> Vec<Block> {
    paragraphs([margin_sentence(results), regime_sentence(results), anchor_sentence(results)])
}

/// Lost runs, the basis of the intervals, matched costs, and the families of tests, as far as each is known.
pub(crate) fn basis(results: &StudyResults) -> Vec<Block> {
    paragraphs([
        lost_sentence(results),
        sample_sentence(results),
        matching_sentence(results),
        families::sentence(results),
    ])
}

fn paragraphs<const N: usize>(sentences: [Option<String>; N]) -> Vec<Block> {
    sentences.into_iter().flatten().map(Block::paragraph).collect()
}

/// `36 runs: 35 done, 1 diverged`.
pub(crate) fn progress(results: &StudyResults) -> String {
    let count = |state| results.runs.iter().filter(|run| run.state == state).count();
    let parts: Vec<String> = RunState::ALL
        .into_iter()
        .map(|state| (count(state), state))
        .filter(|(count, _)| *count > 0)
        .map(|(count, state)| format!("{count} {}", state.name()))
        .collect();
    let searched = results.search.iter().flat_map(|search| &search.rungs).flat_map(|rung| &rung.cells);
    let searched: usize = searched.map(|cell| cell.runs.len()).sum();
    let search =
        if searched > 0 { format!("; {searched} more searched for learning rates") } else { String::new() };
    format!("{}: {}{search}", counted(results.runs.len(), "run"), parts.join(", "))
}

/// Returns the regime of a study's verdicts, as part of a sentence.
pub(crate) fn regime_phrase(results: &StudyResults) -> String {
    results.regime.map_or_else(|| "in the set-up of this study".to_owned(), |regime| regime.phrase())
}

/// Returns how many runs were lost, on which the differences condition; `None` while runs are missing.
fn lost_sentence(results: &StudyResults) -> Option<String> {
    if results.arms.is_empty() || results.arms.iter().any(|arm| arm.ended < arm.planned) {
        return None;
    }
    let lost: usize = results.arms.iter().map(|arm| arm.lost).sum();
    Some(if lost == 0 {
        "No run was lost.".to_owned()
    } else {
        format!(
            "{} of {} ended without a result: means and differences are over the remaining seeds.",
            lost,
            counted(results.runs.len(), "run")
        )
    })
}

/// Returns the basis of the intervals: seeds on one test set, or folds of one data set.
fn sample_sentence(results: &StudyResults) -> Option<String> {
    let study = &results.study;
    if results.comparisons.is_empty() {
        return None;
    }
    if let Some(folds) = results.statistics.folds {
        let ratio = if folds.is_counted { "" } else { ", as if all other examples were trained on" };
        return Some(format!(
            "The seeds are {} folds of one data set, whose training sets overlap: intervals and tests use the variance of Nadeau and Bengio (test to \
             training examples {:.2}{ratio}), which makes them {:.2} times as wide as for independent samples. They cover other training runs on these \
             data, not other data.",
            folds.folds,
            folds.test_per_training,
            folds.factor()
        ));
    }
    let split = split_name(study.primary.split);
    Some(format!(
        "All seeds share one {split} set: intervals cover other training runs measured on the same examples, not other examples."
    ))
}

/// Returns the effect of matching a cost on the parameters; `None` where nothing is matched.
fn matching_sentence(results: &StudyResults) -> Option<String> {
    let study = &results.study;
    let parameters = |arm: usize| Some(results.arms[arm].cost.as_ref()?.parameters as f64);
    let (mut quantity, mut least, mut most) = (None, f64::INFINITY, 0.0_f64);
    for arm in 0..results.arms.len() {
        let Some((matched, baseline)) = study.matched(arm) else { continue };
        let ratio = parameters(arm)? / parameters(baseline)?;
        quantity = Some(matched);
        (least, most) = (least.min(ratio), most.max(ratio));
    }
    let name = quantity.map(crate::file::CostQuantity::name).filter(|name| *name != "parameters")?;
    Some(format!(
        "Arms are matched in {} by their widths, which changes their parameters: {} of the baseline's.",
        if name == "macs" { "MACs" } else { name },
        if least == most { format!("×{least:.2}") } else { format!("×{least:.2} to ×{most:.2}") }
    ))
}

/// Returns the sentence about the margin; `None` for a study without one.
fn margin_sentence(results: &StudyResults) -> Option<String> {
    let study = &results.study;
    let margin = study.compare.equivalence_margin?;
    Some(format!(
        "Fixed in the study file: two arms count as equivalent when their difference in {} is shown to lie within ±{}; “undecided” does not mean equal.",
        metric_name(study),
        with_unit(results, results.unit.value(margin))
    ))
}

/// Returns whether the networks fitted their training images; `None` where it was not measured.
fn regime_sentence(results: &StudyResults) -> Option<String> {
    let regime = results.regime?;
    let unit = MetricUnit::Percent;
    let (training, test) = (unit.value(regime.training_error), unit.value(regime.test_error));
    let measured = match regime.source {
        TrainingError::Clean => "evaluation mode, without augmentation",
        TrainingError::WhileTraining => "last epoch, with dropout and augmentation, so too large",
    };
    let (least, most) = (unit.value(regime.of_arms.0), unit.value(regime.of_arms.1));
    let arms = if least == most { String::new() } else { format!("; {least} to {most}\u{a0}% by arm") };
    Some(if regime.is_underfitted() {
        format!(
            "The regime is underfitted: at the end of training the networks still got {training}\u{a0}% of their training images wrong ({measured}{arms}) and {test}\u{a0}% of the test images, means over {}. What holds here need not hold for networks trained to their end.",
            counted(regime.runs, "run")
        )
    } else {
        format!(
            "At the end of training the networks got {training}\u{a0}% of their training images wrong ({measured}{arms}) and {test}\u{a0}% of the test images, means over {}.",
            counted(regime.runs, "run")
        )
    })
}

/// Compares the runs with the reference without training; `None` where none was recorded.
fn anchor_sentence(results: &StudyResults) -> Option<String> {
    let study = &results.study;
    let anchor = results.anchor.as_ref()?;
    let unit = results.unit;
    let (least, most) = anchor.gains;
    let mut text = format!(
        "On the same images {} reaches a {} of {}. The {} gain {} to {} over it",
        anchor.label,
        metric_name(study),
        match unit {
            // Of a value, not of a difference.
            MetricUnit::Percent => format!("{}\u{a0}%", unit.value(anchor.value)),
            _ => with_unit(results, unit.value(anchor.value)),
        },
        counted(anchor.runs, "finished run"),
        unit.signed(least),
        with_unit(results, unit.signed(most)),
    );
    match anchor.least_image_gain {
        Some(gain) if gain > 0.0 => text.push_str(&format!(
            ", and are better on every single image, by at least {}",
            with_unit(results, unit.value(gain))
        )),
        Some(gain) => text.push_str(&format!(
            ", but on the image that suits them least one gains only {}",
            with_unit(results, unit.signed(gain))
        )),
        None => {}
    }
    text.push('.');
    Some(text)
}
