//! Where the errors lie: each class's difference to the baseline, and what is taken for what.

use maud::{Markup, html};

use super::figure::arm_classes;
use super::number::share;
use super::page_table::has_p;
use crate::metric::MetricUnit;
use crate::results::{ClassDifference, ClassResult, StudyResults};
use crate::text::counted;

/// More classes than this make tables that nobody reads.
const MOST_CLASSES: usize = 20;

/// Level of the corrected p from which on a difference is set in bold.
const SHOWN_AT: f64 = 0.05;

/// The section; empty without outcomes, and for data sets of very many classes.
pub(crate) fn section(results: &StudyResults, names: &[String]) -> Markup {
    let classes = results.classes.first().map_or(0, |result| result.confusion.len());
    html! {
        @if (2..=MOST_CLASSES).contains(&classes) {
            section {
                h2 { "Classes" }
                (differences(results, names, classes))
                h3 { "Confusion" }
                p { "Rows are true classes, columns what the network said; mean counts of test examples over the finished runs." }
                @for result in &results.classes { (confusion(results, result, names)) }
            }
        }
    }
}

/// The name of a class, or its number where no names are at hand.
pub(crate) fn class_name(names: &[String], class: usize) -> String {
    names.get(class).cloned().unwrap_or_else(|| class.to_string())
}

fn differences(results: &StudyResults, names: &[String], classes: usize) -> Markup {
    let rows: Vec<&ClassResult> =
        results.classes.iter().filter(|result| !result.differences.is_empty()).collect();
    let unit = MetricUnit::Percent;
    let largest = rows
        .iter()
        .flat_map(|result| result.differences.iter().flatten())
        .fold(0.0_f64, |largest, difference| largest.max(difference.mean.abs()));
    html! {
        @if !rows.is_empty() {
            div.scroll {
                table.map {
                    caption {
                        "Difference of the error within each class to the baseline, percentage points, mean over the seeds of both. " @if has_p(results) { "Bold: p ≤ 0.05 after Holm's correction over the classes of the arm. " } "First rows: error of the baselines."
                    }
                    thead { tr { th.text scope="col" { "Arm" } @for class in 0..classes { th scope="col" { (class_name(names, class)) } } } }
                    tbody {
                        @for result in results.classes.iter().filter(|result| result.differences.is_empty()) {
                            tr.baseline {
                                th scope="row" { (results.arms[result.arm_index].name) ", error" }
                                @for class in 0..classes { td { (result.error(class).map_or("–".to_string(), |error| unit.value(error))) } }
                            }
                        }
                        @for result in rows {
                            tr {
                                th scope="row" { (results.arms[result.arm_index].name) }
                                @for difference in &result.differences { (cell(results, difference.as_ref(), largest)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The difference within one class, tinted by its share of the largest; `–` for a class without examples.
fn cell(results: &StudyResults, difference: Option<&ClassDifference>, largest: f64) -> Markup {
    let Some(difference) = difference else { return html! { td { "–" } } };
    let sign = if difference.mean > 0.0 { "bad" } else { "good" };
    let tint = if largest > 0.0 { 40.0 * difference.mean.abs() / largest } else { 0.0 };
    html! {
        td class=[difference.corrected_p.is_some_and(|p| has_p(results) && p <= SHOWN_AT).then_some("strong")]
            style={ "--tint:var(--" (sign) ");--tint-share:" (format!("{tint:.0}")) "%" } {
            (MetricUnit::Percent.signed(difference.mean))
        }
    }
}

fn confusion(results: &StudyResults, result: &ClassResult, names: &[String]) -> Markup {
    let arm = &results.arms[result.arm_index];
    html! {
        details {
            summary { span class=(arm_classes(result.arm_index)) { span.swatch {} } (arm.name) " (" (counted(result.runs, "run")) ")" }
            div.scroll {
                table.map {
                    thead {
                        tr {
                            th.text scope="col" { "True" }
                            @for class in 0..result.confusion.len() { th scope="col" { (class_name(names, class)) } }
                            th scope="col" { "Error" }
                        }
                    }
                    tbody {
                        @for (class, counts) in result.confusion.iter().enumerate() {
                            @let total: f64 = counts.iter().sum();
                            tr {
                                th scope="row" { (class_name(names, class)) }
                                @for (other, count) in counts.iter().enumerate() {
                                    @let sign = if other == class { "good" } else { "bad" };
                                    @let tint = if total > 0.0 { 60.0 * count / total } else { 0.0 };
                                    td style={ "--tint:var(--" (sign) ");--tint-share:" (format!("{tint:.0}")) "%" } { (format!("{count:.0}")) }
                                }
                                td { (result.error(class).map_or("–".to_string(), share)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
