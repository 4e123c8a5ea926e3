//! Everything else that was measured: a table for each metric, arms as rows.

use maud::{Markup, html};

use super::figure::{Figure, arm_classes};
use super::figure_results::capitalised;
use super::markdown::inline;
use super::number::p_value;
use super::sentence::split_name;
use crate::file::{Better, StudyFile};
use crate::metric::{MetricUnit, find_metric, metric_label};
use crate::results::{SecondaryMetric, StudyResults};
use crate::text::counted;

/// Metrics up to which all tables are open from the start.
const MOST_OPEN: usize = 4;

/// The section with a figure for each of the first metrics; empty when nothing but the primary metric was measured.
pub(crate) fn section(study: &StudyFile, results: &StudyResults, figures: &[Figure]) -> Markup {
    html! {
        @if !results.secondary.is_empty() {
            section {
                h2 { "Other measurements" }
                p { (method(study, results)) }
                @for (position, metric) in results.secondary.iter().enumerate() {
                    details open[metric.is_claimed || results.secondary.len() <= MOST_OPEN] {
                        summary { (heading(study, metric)) }
                        @if let Some(figure) = figures.get(position) { figure { div.scroll { (figure.inline()) } } }
                        (table(results, metric))
                    }
                }
            }
        }
    }
}

fn method(study: &StudyFile, results: &StudyResults) -> String {
    let split = split_name(study.primary.split);
    let claimed = results.secondary.iter().filter(|metric| metric.is_claimed).count();
    let mut text = format!(
        "What else was measured on the {split} split at the end of every run: means over seeds, differences arm − baseline for the same seed, 95\u{a0}% t intervals, each for itself."
    );
    if claimed > 0 {
        text.push_str(&format!(
            " The study file plans claims about {claimed} of these metrics: their p, of paired t tests, are Holm-corrected over all {} of planned metrics, a family apart from the primary metric's.",
            counted(study.secondary.len() * study.comparison_count(), "comparison")
        ));
    }
    if claimed < results.secondary.len() {
        text.push_str(" Metrics without p were not planned as claims; the most extreme of many numbers always looks like one.");
    }
    text
}

/// `Test shift agreement (%), higher is better`.
fn heading(study: &StudyFile, metric: &SecondaryMetric) -> String {
    let unit = MetricUnit::of(&metric.name);
    let symbol = match unit.symbol() {
        "" => String::new(),
        symbol => format!(" ({symbol})"),
    };
    let better = match find_metric(&metric.name).and_then(|metric| metric.better) {
        Some(Better::Lower) => ", lower is better",
        Some(Better::Higher) => ", higher is better",
        None => "",
    };
    let split = capitalised(split_name(study.primary.split));
    format!("{split} {}{symbol}{better}", metric_label(&metric.name))
}

fn table(results: &StudyResults, metric: &SecondaryMetric) -> Markup {
    let unit = MetricUnit::of(&metric.name);
    let interval = |interval: Option<crate::stats::Interval>, write: fn(MetricUnit, f64) -> String| {
        interval.map_or("–".to_string(), |ends| {
            format!("{} to {}", write(unit, ends.low), write(unit, ends.high))
        })
    };
    html! {
        div.scroll {
            table {
                @if let Some(known) = find_metric(&metric.name) { caption { (capitalised(known.meaning)) "." } }
                thead {
                    tr {
                        th.text scope="col" { "Arm" }
                        th scope="col" { "Mean ± sd" span.unit { (unit.symbol()) } }
                        th scope="col" { "n" }
                        th scope="col" { "95\u{a0}% interval" span.unit { (unit.symbol()) } }
                        th scope="col" { "Difference" span.unit { (unit.difference_symbol()) } }
                        th scope="col" { "95\u{a0}% interval" span.unit { (unit.difference_symbol()) } }
                        @if metric.is_claimed { th scope="col" { "p" span.unit { "holm" } } }
                    }
                }
                tbody {
                    @for arm in &metric.arms {
                        @let described = &results.arms[arm.arm_index];
                        tr class=[described.is_baseline.then_some("baseline")] {
                            th scope="row" { span class=(arm_classes(arm.arm_index)) { span.swatch {} } (described.name) }
                            td { (arm.summary.map_or("–".to_string(), |summary| unit.mean_and_spread(summary.mean, summary.standard_deviation))) }
                            td { (arm.values.len()) }
                            td { (interval(arm.interval, MetricUnit::value)) }
                            @if let Some(difference) = arm.difference {
                                td { (unit.signed(difference.mean)) }
                                td { (interval(difference.interval, MetricUnit::signed)) }
                                @if metric.is_claimed { td { (difference.corrected_p.map_or("–".to_string(), p_value)) } }
                            } @else {
                                td.soft { @if described.is_baseline { "baseline" } @else { "–" } }
                                td {}
                                @if metric.is_claimed { td {} }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The planned metrics as tables in Markdown; empty for a study that plans none.
pub(crate) fn markdown(study: &StudyFile, results: &StudyResults) -> String {
    let mut text = String::new();
    for metric in results.secondary.iter().filter(|metric| metric.is_claimed) {
        let unit = MetricUnit::of(&metric.name);
        text.push_str(&format!(
            "\n### {}\n\n| arm | mean ± sd | n | difference | 95 % interval | p |\n|---|---:|---:|---:|---:|---:|\n",
            inline(&heading(study, metric))
        ));
        for arm in &metric.arms {
            let mean = arm.summary.map_or("–".to_string(), |summary| {
                unit.mean_and_spread(summary.mean, summary.standard_deviation)
            });
            let (difference, interval, p) = match arm.difference {
                Some(found) => (
                    unit.signed(found.mean),
                    found.interval.map_or("–".to_string(), |ends| {
                        format!("{} to {}", unit.signed(ends.low), unit.signed(ends.high))
                    }),
                    found.corrected_p.map_or("–".to_string(), p_value),
                ),
                None => ("baseline".to_string(), String::new(), String::new()),
            };
            text.push_str(&format!(
                "| `{}` | {mean} | {} | {difference} | {interval} | {p} |\n",
                results.arms[arm.arm_index].name,
                arm.values.len()
            ));
        }
    }
    if text.is_empty() { text } else { format!("\n## Other planned measurements\n{text}") }
}
