//! Every run: those that did not finish first and with their reason, then all of them.

use maud::{Markup, html};

use super::figure_results::capitalised;
use super::sentence::metric_name;
use crate::file::StudyFile;
use crate::index::RunState;
use crate::results::{RunResult, StudyResults};
use crate::text::counted;

/// Runs up to which the full list is open from the start, and so printed.
const MOST_OPEN_RUNS: usize = 60;

/// The section with both lists.
pub(crate) fn section(study: &StudyFile, results: &StudyResults) -> Markup {
    let unfinished: Vec<&RunResult> = results.runs.iter().filter(|run| run.state != RunState::Done).collect();
    html! {
        section {
            h2 { "Runs" }
            @if unfinished.is_empty() {
                p { "All " (counted(results.runs.len(), "run")) " finished; none diverged, got stuck or failed." }
            } @else {
                div.scroll {
                    table {
                        caption { "Runs without a result. They are part of the study: none was repeated with other settings or left out." }
                        thead {
                            tr {
                                th.text scope="col" { "Arm" }
                                th scope="col" { "Seed" }
                                th.text scope="col" { "State" }
                                th scope="col" { "Step" }
                                th.text scope="col" { "Reason" }
                            }
                        }
                        tbody {
                            @for run in &unfinished {
                                tr {
                                    th scope="row" { (run.arm) }
                                    td { (run.seed) }
                                    td.text { (run.state.name()) }
                                    td { (steps(run)) }
                                    td.text.wrap { (run.reason.as_deref().unwrap_or("–")) }
                                }
                            }
                        }
                    }
                }
            }
            details open[results.runs.len() <= MOST_OPEN_RUNS] {
                summary { "All runs" }
                div.scroll {
                    table {
                        thead {
                            tr {
                                th.text scope="col" { "Arm" }
                                th scope="col" { "Seed" }
                                th.text scope="col" { "State" }
                                th scope="col" { (capitalised(&metric_name(study))) span.unit { (results.unit.symbol()) } }
                                th scope="col" { "Step" }
                                th scope="col" { "Resumed" }
                                th.text scope="col" { "Specification" }
                            }
                        }
                        tbody { @for run in &results.runs { (row(results, run)) } }
                    }
                }
            }
        }
    }
}

fn row(results: &StudyResults, run: &RunResult) -> Markup {
    let record = run.record.as_ref();
    html! {
        tr {
            th scope="row" { (run.arm) }
            td { (run.seed) }
            td.text { (run.state.name()) }
            td { (run.value.map_or("–".to_string(), |value| results.unit.value(value))) }
            td { (steps(run)) }
            td { (record.map_or("–".to_string(), |record| record.resumptions.len().to_string())) }
            td.text { @if let Some(record) = record { code { (record.specification_hash.chars().take(8).collect::<String>()) } } @else { "–" } }
        }
    }
}

fn steps(run: &RunResult) -> String {
    run.record
        .as_ref()
        .map_or("–".to_string(), |record| format!("{} / {}", record.step, record.total_steps))
}
