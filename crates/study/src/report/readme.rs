//! The `README.md` that stands beside the published runs of a study.

use super::markdown::{cell, fenced, inline};
use super::number::{grouped, magnitude, p_value};
use super::opening;
use super::page::progress;
use super::page_claims;
use super::page_factorial::effect_sentence;
use super::page_gap;
use super::page_protocol::{commands, facts};
use super::page_search;
use super::page_secondary;
use super::page_table::{forward_pass, has_p, mean_and_spread, pooled_sentence};
use super::page_trend;
use super::sentence::{metric_name, sentence, signed_interval};
use crate::file::StudyFile;
use crate::index::RunState;
use crate::results::StudyResults;
use crate::text::counted;

/// The text, in Markdown.
pub(crate) fn readme(study: &StudyFile, results: &StudyResults) -> String {
    let mut text = format!(
        "<!-- Written by `allconv study publish`; do not edit by hand. -->\n# {}\n\n{}\n\n{}.\n",
        study.name,
        inline(&study.question),
        progress(results)
    );
    if let Some(caveat) = &study.caveat {
        text.push_str(&format!("\n> **Caveat.** {}\n", inline(caveat)));
    }
    for disclosure in &study.disclosures {
        text.push_str(&format!("\n> **Disclosed.** {}\n", inline(disclosure)));
    }
    for warning in &results.warnings {
        text.push_str(&format!("\n> **Note.** {}\n", inline(warning)));
    }
    for sentence in opening::opening_sentences(study, results) {
        text.push_str(&format!("\n{}\n", inline(&sentence)));
    }
    text.push_str(&page_claims::markdown(study, results));
    if !results.comparisons.is_empty() {
        let heading = if results.claims.is_empty() { "Answer" } else { "Comparisons" };
        text.push_str(&format!("\n## {heading}\n\n"));
        for comparison in &results.comparisons {
            text.push_str(&format!(
                "- **{}**: {}\n",
                comparison.verdict.label(),
                inline(&sentence(study, results, comparison))
            ));
        }
    }
    text.push_str("\n## Results\n\n");
    text.push_str(&table(study, results));
    text.push_str(&forward_passes(results));
    text.push_str(&page_gap::markdown(results, 2));
    text.push_str(&page_trend::markdown(study, results));
    text.push_str(&factors(study, results));
    text.push_str(&page_secondary::markdown(study, results));
    text.push_str(&search(study, results));
    text.push_str(&lost(results));
    text.push_str("\n## How it was made\n\n");
    for command in commands(results) {
        text.push_str(&format!("{}\n", fenced("sh", &command)));
    }
    for (name, values) in facts(results) {
        text.push_str(&format!("- {name}: {}\n", inline(&values)));
    }
    text.push_str(&format!(
        "\nThe study file is `{}.toml`; the finished runs, without checkpoints, lie in `runs/`; `results.json` holds every number above and more.\n",
        study.name
    ));
    text
}

/// The table of arms.
pub(crate) fn table(study: &StudyFile, results: &StudyResults) -> String {
    let unit = match results.unit.symbol() {
        "" => String::new(),
        symbol => format!(" ({symbol})"),
    };
    let difference = match results.unit.difference_symbol() {
        "" => String::new(),
        symbol => format!(" ({symbol})"),
    };
    let mut text = format!(
        "| arm | {}{unit} |{} n | difference{difference} | 95 % interval{difference} | spread of all arms{difference} | p | parameters | MACs |{}\n\
         |---|---:|{}---:|---:|---:|---:|---:|---:|---:|{}\n",
        cell(&metric_name(study)),
        study.reference.as_ref().map_or(String::new(), |reference| format!(" {} |", cell(&reference.label))),
        if study.search.is_some() { " learning rate |" } else { "" },
        if study.reference.is_some() { "---:|" } else { "" },
        if study.search.is_some() { "---:|" } else { "" },
    );
    for (index, arm) in results.arms.iter().enumerate() {
        let (mut mean, mut interval, mut pooled, mut p) =
            ("baseline".to_string(), String::new(), String::new(), String::new());
        if let Some(comparison) = results.comparison(index) {
            mean = comparison.mean_difference.map_or("–".to_string(), |mean| results.unit.signed(mean));
            interval = signed_interval(results, comparison.interval);
            pooled = comparison
                .pooled_interval
                .map_or("–".to_string(), |_| signed_interval(results, comparison.pooled_interval));
            let shown = comparison.corrected_p.filter(|_| has_p(results));
            p = shown.map_or("–".to_string(), p_value);
        }
        let cost = arm.cost.as_ref();
        let reference = arm.reference.map_or("–".to_string(), |value| results.unit.value(value));
        let rate = arm.searched_lr.map_or("–".to_string(), |lr| lr.to_string());
        text.push_str(&format!(
            "| `{}` | {} |{} {} | {mean} | {interval} | {pooled} | {p} | {} | {} |{}\n",
            arm.name,
            mean_and_spread(results, arm),
            if study.reference.is_some() { format!(" {reference} |") } else { String::new() },
            arm.values.len(),
            cost.map_or("–".to_string(), |cost| grouped(cost.parameters)),
            cost.map_or("–".to_string(), |cost| magnitude(cost.macs as f64)),
            if study.search.is_some() { format!(" {rate} |") } else { String::new() },
        ));
    }
    text.push_str("\nMean ± standard deviation over seeds; differences are arm − baseline for the same seed; p is corrected.\n");
    if let Some(sentence) = pooled_sentence(results) {
        text.push_str(&format!("\n{}\n", inline(&sentence)));
    }
    let matched: Vec<String> = results
        .arms
        .iter()
        .filter_map(|arm| Some(format!("- `{}`: {}\n", arm.name, arm.matched.as_ref()?.sentence())))
        .collect();
    if !matched.is_empty() {
        text.push_str(&format!(
            "\nMatched in cost, the width found so that an arm costs what its baseline costs:\n\n{}",
            matched.concat()
        ));
    }
    text
}

/// The times that `study bench` measured; empty where nobody did.
fn forward_passes(results: &StudyResults) -> String {
    let Some(bench) = &results.bench else { return String::new() };
    let passes = || results.arms.iter().filter_map(|arm| Some((arm, arm.forward_pass?)));
    let Some((_, first)) = passes().next() else { return String::new() };
    let mut text = format!(
        "\n## Time of a forward pass\n\nMeasured by `allconv study bench` on {} with {}, all arms in turns, {}: seconds in terms of the baseline's in the same \
         round, median and range.\n\n| arm | forward pass | range | images |\n|---|---:|---:|---:|\n",
        inline(&bench.environment.cpu),
        counted(bench.environment.threads as usize, "thread"),
        counted(first.rounds, "round"),
    );
    for (arm, pass) in passes() {
        let range = pass.ratio.map_or(String::new(), |(_, least, most)| format!("×{least:.2} to ×{most:.2}"));
        text.push_str(&format!("| `{}` | {} | {range} | {} |\n", arm.name, forward_pass(arm), pass.images));
    }
    text
}

/// Main effects and interactions as sentences; empty unless the study crosses factors.
pub(crate) fn factors(study: &StudyFile, results: &StudyResults) -> String {
    let Some(factorial) = &results.factorial else { return String::new() };
    let mut text = format!("\n## Factors\n\n{}\n\n", super::page_factorial::FAMILIES);
    for effect in &factorial.main {
        text.push_str(&format!("- {}\n", inline(&effect_sentence(study, results, effect))));
    }
    text.push_str("\nInteractions, i.e. by how much the first difference is larger at the other level of the second factor:\n\n");
    for effect in &factorial.interactions {
        text.push_str(&format!("- {}\n", inline(&effect_sentence(study, results, effect))));
    }
    text
}

/// The map of learning rates; empty unless the study searches.
pub(crate) fn search(study: &StudyFile, results: &StudyResults) -> String {
    let (Some(search), Some(found)) = (&study.search, &results.search) else { return String::new() };
    let mut text = format!("\n## Learning rates\n\n{}\n", inline(&page_search::method(study, search)));
    for (round, rung) in found.rungs.iter().enumerate() {
        let rates: Vec<String> = search.lr.iter().map(|lr| format!(" {lr} |")).collect();
        text.push_str(&format!(
            "\nRound {}: validation {}\n\n| arm |{}\n|---|",
            round + 1,
            inline(&study.primary.metric),
            rates.concat()
        ));
        text.push_str(&"---:|".repeat(search.lr.len()));
        for (arm_index, arm) in study.arms.iter().enumerate() {
            text.push_str(&format!("\n| `{}` |", arm.name));
            for lr in &search.lr {
                let found = rung.cells.iter().find(|cell| cell.arm_index == arm_index && cell.lr == *lr);
                let shown = found.map_or("pruned".to_string(), |cell| page_search::content(results, cell));
                let is_chosen = found.is_some_and(|cell| cell.survives);
                text.push_str(&if is_chosen { format!(" **{shown}** |") } else { format!(" {shown} |") });
            }
        }
        text.push('\n');
    }
    text
}

/// The runs without a result; empty if there are none.
pub(crate) fn lost(results: &StudyResults) -> String {
    let lost: Vec<String> = results
        .runs
        .iter()
        .filter(|run| run.state != RunState::Done)
        .map(|run| {
            let reason =
                run.reason.as_deref().map(|reason| format!(": {}", inline(reason))).unwrap_or_default();
            format!("- `{}`, seed {}: {}{reason}\n", run.arm, run.seed, run.state.name())
        })
        .collect();
    if lost.is_empty() { String::new() } else { format!("\nRuns without a result:\n\n{}", lost.concat()) }
}
