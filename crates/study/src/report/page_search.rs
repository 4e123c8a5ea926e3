//! The search for learning rates: a map over rates and arms with what failed, and what was pruned.

use maud::{Markup, html};

use super::figure_results::capitalised;
use crate::file::{Better, Search, StudyFile};
use crate::metric::metric_label;
use crate::results::StudyResults;
use crate::search::{SearchCell, SearchRung};

/// The section; empty unless the study searches.
pub(crate) fn section(study: &StudyFile, results: &StudyResults) -> Markup {
    html! {
        @if let (Some(search), Some(found)) = (&study.search, &results.search) {
            section {
                h2 { "Learning rates" }
                p { (method(study, search)) }
                @for (round, rung) in found.rungs.iter().enumerate() {
                    @if search.rungs() > 1 { h3 { "Round " (round + 1) " of " (search.rungs()) } }
                    (map(study, results, search, rung))
                }
                p.soft { "Darker is better within a row. A ring marks " @if search.rungs() > 1 { "what went on to the next round, and in the last the rate that was used." } @else { "the rate that was used." } }
            }
        }
    }
}

/// How the rates were found, in sentences.
pub(crate) fn method(study: &StudyFile, search: &Search) -> String {
    let rates: Vec<String> = search.lr.iter().map(f64::to_string).collect();
    let seeds = match search.seeds.count {
        1 => format!("seed {}", search.seeds.from),
        count => format!("the {count} seeds from {}", search.seeds.from),
    };
    let mut text = format!(
        "Before the comparison, every arm was trained with each of the learning rates {} and {seeds}, which the comparison does not use, for {} of the \
         comparison's training. The rate with the best validation {} was taken; the test split was not looked at.",
        rates.join(", "),
        share(search.length),
        study.primary.metric
    );
    if let Some(halving) = search.halving {
        text.push_str(&format!(
            " By successive halving: of the rates of an arm, the better {} of each round went on to a round {} times as long, and the others were pruned.",
            share(halving.keep),
            (100.0 / halving.keep).round() / 100.0
        ));
    }
    text
}

/// `30 %` or `all`.
fn share(share: f64) -> String {
    if share >= 1.0 { "all".to_string() } else { format!("{}\u{a0}%", (1000.0 * share).round() / 10.0) }
}

fn map(study: &StudyFile, results: &StudyResults, search: &Search, rung: &SearchRung) -> Markup {
    let symbol = results.unit.symbol();
    html! {
        div.scroll {
            table.map {
                caption { (capitalised(&format!("validation {}", metric_label(&study.primary.metric)))) @if !symbol.is_empty() { ", " (symbol) } ", after " (share(rung.length)) " of the comparison's training." }
                thead {
                    tr {
                        th.text scope="col" { "Arm" }
                        @for lr in &search.lr { th scope="col" { (lr) } }
                    }
                }
                tbody {
                    @for (arm_index, arm) in study.arms.iter().enumerate() {
                        tr {
                            th scope="row" { (arm.name) }
                            @for lr in &search.lr {
                                (cell(study, results, rung, rung.cells.iter().find(|cell| cell.arm_index == arm_index && cell.lr == *lr)))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn cell(study: &StudyFile, results: &StudyResults, rung: &SearchRung, cell: Option<&SearchCell>) -> Markup {
    let Some(cell) = cell else {
        return html! { td.soft { "pruned" } };
    };
    let class = if cell.survives { "chosen" } else { "" };
    html! {
        td class=(class) style=[shade(study.primary.better, rung, cell)] { (content(results, cell)) }
    }
}

/// The value, or how the runs were lost, or that they are still to be made.
pub(crate) fn content(results: &StudyResults, cell: &SearchCell) -> String {
    if let Some(value) = cell.value {
        return results.unit.value(value);
    }
    let lost: Vec<&str> = cell
        .runs
        .iter()
        .filter(|run| run.state.is_final() && run.value.is_none())
        .map(|run| run.state.name())
        .collect();
    match (lost.first(), cell.runs.len()) {
        (Some(state), 1) => state.to_string(),
        (Some(state), runs) => format!("{} of {runs} {state}", lost.len()),
        (None, _) => "to be made".to_string(),
    }
}

/// A tint by the cell's place between the worst and the best of its arm: over all arms, the differences between arms would hide it.
fn shade(better: Better, rung: &SearchRung, cell: &SearchCell) -> Option<String> {
    let own = cell.value?;
    let others: Vec<f64> = rung
        .cells
        .iter()
        .filter(|other| other.arm_index == cell.arm_index)
        .filter_map(|other| other.value)
        .collect();
    let (low, high) = others
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)));
    let from_low = if high > low { (own - low) / (high - low) } else { 0.0 };
    let goodness = match better {
        Better::Lower => 1.0 - from_low,
        Better::Higher => from_low,
    };
    Some(format!("--tint-share:{:.0}%", 35.0 * goodness))
}
