//! Sentences about a study that are the same in every paper: how far it is, in which regime, what it asks, what a reader must know.

use crate::latex;
use crate::library::{Standing, Study};
use crate::show;

/// How far a study is and in which regime: `\studystate`.
pub(crate) fn state(study: &Study) -> String {
    let (name, made, planned) = (latex::code(study.name()), study.made(), study.results.runs.len());
    let design = format!(
        "{} with {}",
        counted(study.file.arms.len(), "arm"),
        match study.results.statistics.folds {
            Some(folds) => format!(
                "{} over {}",
                counted(study.file.seeds.count as usize, "run"),
                counted(folds.folds, "fold")
            ),
            None => counted(study.file.seeds.count as usize, "seed"),
        }
    );
    if made == 0 {
        return format!(
            "Study {name} ({design}) is registered; none of its {planned} runs is published yet."
        );
    }
    if study.standing() == Standing::Unfinished {
        return format!(
            "Study {name} ({design}) is not finished: {made} of {planned} runs are published, and it has no verdicts."
        );
    }
    let searched = study.searched().count();
    let searched = if searched > 0 {
        format!(", and {searched} more that searched for learning rates")
    } else {
        String::new()
    };
    let lost: usize = study.results.arms.iter().map(|arm| arm.lost).sum();
    let lost =
        if lost == 0 { "no run was lost".to_owned() } else { format!("{} lost", counted(lost, "run")) };
    format!("Study {name} is finished: {design}, {planned} runs{searched}; {lost}.{}", regime(study))
}

/// The regime as a sentence, with a space before it; nothing where no run measured it.
fn regime(study: &Study) -> String {
    let Some(regime) = study.results.regime else { return String::new() };
    let error = allconv_study::MetricUnit::of("error");
    format!(
        " Its networks are {}: the training error is {}, the test error {}.",
        if regime.is_underfitted() { "underfitted" } else { "fitted" },
        show::value(error, regime.training_error),
        show::value(error, regime.test_error)
    )
}

/// What the study asks: `\studyquestion`.
pub(crate) fn question(study: &Study) -> String {
    latex::escaped(&study.file.question)
}

/// What a reader must know before believing the numbers: `\studycaveat`.
pub(crate) fn caveat(study: &Study) -> String {
    study.file.caveat.as_deref().map(latex::escaped).unwrap_or_default()
}

/// Departures from the plan: `\studydisclosures`.
pub(crate) fn disclosures(study: &Study) -> String {
    let sentences: Vec<String> =
        study.file.disclosures.iter().map(|sentence| latex::escaped(sentence)).collect();
    if sentences.is_empty() { String::new() } else { format!("\\emph{{Disclosed:}} {}", sentences.join(" ")) }
}

/// `1 run`, `2 runs`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
