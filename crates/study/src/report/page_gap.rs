//! Each difference in test error as the sum of two: training error, and the gap from there to the test images.

use maud::{Markup, html};

use crate::results::{GapRow, GapTable, Part, StudyResults, TrainingError};

const HEADING: &str = "Where the differences come from";

/// The section; empty for studies of other metrics than the error, and where no training error was recorded.
pub(crate) fn section(results: &StudyResults) -> Markup {
    let symbol = results.unit.difference_symbol();
    html! {
        @if let Some(table) = &results.gap {
            section {
                h2 { (HEADING) }
                p { (explanation(table)) }
                div.scroll {
                    table {
                        thead {
                            tr {
                                th.text scope="col" { "Arm − baseline" }
                                th scope="col" { "Test error" span.unit { (symbol) } }
                                th scope="col" { "Training error" span.unit { (symbol) } }
                                th scope="col" { "Gap" span.unit { (symbol) } }
                                th scope="col" { "n" }
                            }
                        }
                        tbody {
                            @for row in &table.rows {
                                tr {
                                    th scope="row" { (name(results, row)) }
                                    @for part in [row.test, row.training, row.gap] { td { (written(results, part)) } }
                                    td { (row.n) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The same in Markdown, below a heading of `level` marks; empty where there is no table.
pub(crate) fn markdown(results: &StudyResults, level: usize) -> String {
    let Some(table) = &results.gap else { return String::new() };
    let symbol = results.unit.difference_symbol();
    let mut text = format!(
        "\n{} {HEADING}\n\n{}\n\n| arm − baseline | test error ({symbol}) | = training error ({symbol}) | + gap ({symbol}) | n |\n|---|---:|---:|---:|---:|\n",
        "#".repeat(level),
        explanation(table)
    );
    for row in &table.rows {
        text.push_str(&format!(
            "| `{}` − `{}` | {} | {} | {} | {} |\n",
            results.arms[row.arm_index].name,
            results.arms[row.baseline_index].name,
            written(results, row.test),
            written(results, row.training),
            written(results, row.gap),
            row.n
        ));
    }
    text
}

/// Whether the study shows of an arm that its training error, or its gap, differs from the baseline's: what the interval excludes, without
/// correction.
pub(crate) fn excludes_zero(part: Part) -> bool {
    part.interval.is_some_and(|interval| interval.low > 0.0 || interval.high < 0.0)
}

fn explanation(table: &GapTable) -> String {
    let measured = match table.source {
        TrainingError::Clean => {
            "The training error is measured at the end, in evaluation mode, on training images without augmentation."
        }
        TrainingError::WhileTraining => {
            "The training error is that of the last epoch, measured while training: on changing weights, with dropout and augmentation, so that it is \
             too large by an amount that may differ between arms."
        }
    };
    format!(
        "Test error = training error + gap, in every run, so that each difference is the sum of two. What lies in the training error is slower or \
         faster fitting, which more training may remove; what lies in the gap is worse or better generalisation. {measured} Means ± half of the \
         95\u{a0}% t interval, each for itself."
    )
}

fn name(results: &StudyResults, row: &GapRow) -> String {
    format!("{} − {}", results.arms[row.arm_index].name, results.arms[row.baseline_index].name)
}

/// `+3.82 ± 0.79`.
fn written(results: &StudyResults, part: Part) -> String {
    let mean = results.unit.signed(part.mean);
    part.interval.map_or(mean.clone(), |interval| {
        format!("{mean} ± {}", results.unit.value(0.5 * (interval.high - interval.low)))
    })
}
