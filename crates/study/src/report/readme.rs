//! The `README.md` that stands beside the published runs of a study.

use super::number::{duration, grouped, magnitude, p_value};
use super::page::progress;
use super::page_protocol::{commands, facts};
use super::page_table::{has_p, mean_and_spread};
use super::sentence::{metric_name, sentence, signed_interval};
use crate::file::StudyFile;
use crate::index::RunState;
use crate::results::StudyResults;

/// The text, in Markdown.
pub(crate) fn readme(study: &StudyFile, results: &StudyResults) -> String {
    let mut text = format!(
        "<!-- Written by `allconv study publish`; do not edit by hand. -->\n# {}\n\n{}\n\n{}.\n",
        study.name,
        study.question,
        progress(results)
    );
    if let Some(caveat) = &study.caveat {
        text.push_str(&format!("\n> **Caveat.** {}\n", caveat.trim().replace('\n', "\n> ")));
    }
    for warning in &results.warnings {
        text.push_str(&format!("\n> **Note.** {warning}\n"));
    }
    if !results.comparisons.is_empty() {
        text.push_str("\n## Answer\n\n");
        for comparison in &results.comparisons {
            text.push_str(&format!(
                "- **{}**: {}\n",
                comparison.verdict.label(),
                sentence(study, results, comparison)
            ));
        }
    }
    text.push_str("\n## Results\n\n");
    text.push_str(&table(study, results));
    text.push_str(&lost(results));
    text.push_str("\n## How it was made\n\n");
    for command in commands(results) {
        text.push_str(&format!("```sh\n{command}\n```\n\n"));
    }
    for (name, values) in facts(results) {
        text.push_str(&format!("- {name}: {values}\n"));
    }
    text.push_str(&format!(
        "\nThe study file is `{}.toml`; the finished runs, without checkpoints, lie in `runs/`; `results.json` holds every number above and more.\n",
        study.name
    ));
    text
}

fn table(study: &StudyFile, results: &StudyResults) -> String {
    let unit = match results.unit.symbol() {
        "" => String::new(),
        symbol => format!(" ({symbol})"),
    };
    let difference = match results.unit.difference_name() {
        "percentage points" => " (pp)",
        _ => "",
    };
    let mut text = format!(
        "| arm | {}{unit} | n | difference{difference} | 95 % interval{difference} | p | parameters | MACs | training time |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|\n",
        metric_name(study)
    );
    for (index, arm) in results.arms.iter().enumerate() {
        let (mut mean, mut interval, mut p) = ("baseline".to_string(), String::new(), String::new());
        if let Some(comparison) = results.comparison(index) {
            mean = comparison.mean_difference.map_or("–".to_string(), |mean| results.unit.signed(mean));
            interval = signed_interval(results, comparison.interval);
            let shown = comparison.corrected_p.filter(|_| has_p(results));
            p = shown.map_or("–".to_string(), p_value);
        }
        let cost = arm.cost.as_ref();
        text.push_str(&format!(
            "| `{}` | {} | {} | {mean} | {interval} | {p} | {} | {} | {} |\n",
            arm.name,
            mean_and_spread(results, arm),
            arm.values.len(),
            cost.map_or("–".to_string(), |cost| grouped(cost.parameters)),
            cost.map_or("–".to_string(), |cost| magnitude(cost.macs as f64)),
            arm.training_seconds.map_or("–".to_string(), duration)
        ));
    }
    text.push_str("\nMean ± standard deviation over seeds; differences are arm − baseline for the same seed; p is corrected.\n");
    text
}

fn lost(results: &StudyResults) -> String {
    let lost: Vec<String> = results
        .runs
        .iter()
        .filter(|run| run.state != RunState::Done)
        .map(|run| {
            let reason = run.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
            format!("- `{}`, seed {}: {}{reason}\n", run.arm, run.seed, run.state.name())
        })
        .collect();
    if lost.is_empty() { String::new() } else { format!("\nRuns without a result:\n\n{}", lost.concat()) }
}
