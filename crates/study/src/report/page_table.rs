//! The table of arms: result, cost, and difference to the baseline.

use maud::{Markup, html};

use super::figure::arm_classes;
use super::figure_results::capitalised;
use super::number::{grouped, magnitude, p_value, share};
use super::sentence::{metric_name, signed_interval};
use crate::file::StudyFile;
use crate::results::{ArmResult, StudyResults};

/// p of equal spreads from which on arms are said to spread differently.
const UNEQUAL_FROM: f64 = 0.05;

/// The section with the table.
pub(crate) fn section(study: &StudyFile, results: &StudyResults) -> Markup {
    let symbol = results.unit.symbol();
    let difference_unit = results.unit.difference_symbol();
    html! {
        section {
            h2 { "Results" }
            div.scroll {
                table {
                    caption { "Mean ± standard deviation over seeds. Differences are arm − baseline for the same seed. Cost is per image." @if study.search.is_some() { " The learning rate of each arm was searched on the validation split." } }
                    thead {
                        tr {
                            th.text scope="col" { "Arm" }
                            th scope="col" { (capitalised(&metric_name(study))) span.unit { (symbol) } }
                            @if let Some(reference) = &study.reference { th scope="col" { (reference.label) span.unit { (symbol) } } }
                            th scope="col" { "n" }
                            th scope="col" { "Difference" span.unit { (difference_unit) } }
                            th scope="col" { "95\u{a0}% interval" span.unit { (difference_unit) } }
                            th scope="col" { "Spread of all arms" span.unit { "95\u{a0}%" } }
                            th scope="col" { "p" span.unit { (study.compare.correction.name()) } }
                            th scope="col" { "Lost" span.unit { "runs" } }
                            th scope="col" { "Parameters" }
                            th scope="col" { "MACs" }
                            @if study.search.is_some() { th scope="col" { "Learning" span.unit { "rate" } } }
                        }
                    }
                    tbody {
                        @for (index, arm) in results.arms.iter().enumerate() { (row(results, index, arm, study.reference.is_some())) }
                    }
                }
            }
            @if let Some(sentence) = pooled_sentence(results) { p.soft.small { (sentence) } }
            (matched(results))
            (costs(results))
            (robust(results))
        }
    }
}

fn row(results: &StudyResults, index: usize, arm: &ArmResult, has_reference: bool) -> Markup {
    let comparison = results.comparison(index);
    let cost = |read: fn(&allconv_record::Cost) -> String| arm.cost.as_ref().map_or("–".to_string(), read);
    html! {
        tr class=[arm.is_baseline.then_some("baseline")] {
            th scope="row" { span class=(arm_classes(index)) { span.swatch {} } (arm.name) }
            td { (mean_and_spread(results, arm)) }
            @if has_reference { td.soft { (arm.reference.map_or("–".to_string(), |value| results.unit.value(value))) } }
            td { (arm.values.len()) }
            @if let Some(comparison) = comparison {
                td { (comparison.mean_difference.map_or("–".to_string(), |mean| results.unit.signed(mean))) }
                td { @if comparison.interval.is_some() { (signed_interval(results, comparison.interval)) } @else { "–" } }
                td { @if comparison.pooled_interval.is_some() { (signed_interval(results, comparison.pooled_interval)) } @else { "–" } }
                td { @if has_p(results) { (comparison.corrected_p.map_or("–".to_string(), p_value)) } @else { "–" } }
            } @else {
                td.soft { "baseline" }
                td {}
                td {}
                td {}
            }
            td { (arm.lost) }
            td { (cost(|cost| grouped(cost.parameters))) }
            td { (cost(|cost| magnitude(cost.macs as f64))) }
            @if results.search.is_some() { td { (arm.searched_lr.map_or("–".to_string(), |lr| lr.to_string())) } }
        }
    }
}

/// Below the seeds needed for a verdict, no p is shown: it would be read as one.
pub(crate) fn has_p(results: &StudyResults) -> bool {
    results.statistics.verdict_possible
}

/// `12.34 ± 0.56`, or the mean alone where there is no spread.
pub(crate) fn mean_and_spread(results: &StudyResults, arm: &ArmResult) -> String {
    let Some(summary) = arm.summary else { return "–".to_string() };
    results.unit.mean_and_spread(summary.mean, summary.standard_deviation)
}

/// What the intervals from the spread of all arms assume, and whether that fits; `None` where there are none.
pub(crate) fn pooled_sentence(results: &StudyResults) -> Option<String> {
    let pooled = results
        .pooled
        .filter(|_| results.comparisons.iter().any(|comparison| comparison.pooled_interval.is_some()))?;
    let doubt = if pooled.equal_spread_p <= UNEQUAL_FROM {
        "they do not here, so that the intervals of single differences are the ones to read"
    } else {
        "nothing speaks against it here"
    };
    Some(format!(
        "Spread of all arms: the interval from one standard deviation of {} for all arms, with {} degrees of freedom (arm and seed as in a mixed model), so \
         that it is not wide or narrow by the luck of few seeds. It supposes that all arms spread alike (Brown and Forsythe, {}): {doubt}.",
        super::sentence::with_unit(results, results.unit.value(pooled.spread)),
        pooled.degrees_of_freedom,
        super::number::p_equation(pooled.equal_spread_p)
    ))
}

/// Which arms are matched in cost to their baselines, and how near they come.
fn matched(results: &StudyResults) -> Markup {
    let matched: Vec<_> = results.arms.iter().filter_map(|arm| Some((arm, arm.matched.as_ref()?))).collect();
    html! {
        @if !matched.is_empty() {
            details open {
                summary { "Matched in cost" }
                p { "The width of these arms was not chosen but found, so that they cost what their baseline costs." }
                ul { @for (arm, matched) in matched { li { (arm.name) ": " (matched.sentence().replace('`', "")) } } }
            }
        }
    }
}

/// What each arm costs, counted and measured.
fn costs(results: &StudyResults) -> Markup {
    let cost = |arm: &ArmResult, read: fn(&allconv_record::Cost) -> String| {
        arm.cost.as_ref().map_or("–".to_string(), read)
    };
    html! {
        details open {
            summary { "Cost of each arm" }
            div.scroll {
                table {
                    caption { "Counted: parameters, multiply-accumulates and activation bytes (all stage outputs, per image). Measured: the most memory in use at once, median over finished runs (blocks of 256 KiB and above, data set included). Times of runs are not compared: they share their machine with whatever else it does." @if results.bench.is_some() { " The forward pass was measured in turns by `study bench`, in terms of the baseline's." } }
                    thead {
                        tr {
                            th.text scope="col" { "Arm" }
                            th scope="col" { "Parameters" }
                            th scope="col" { "MACs" }
                            th scope="col" { "Activations" span.unit { "bytes" } }
                            th scope="col" { "Field" span.unit { "pixels" } }
                            th scope="col" { "Memory" span.unit { "bytes" } }
                            @if results.bench.is_some() { th scope="col" { "Forward" span.unit { "pass" } } }
                        }
                    }
                    tbody {
                        @for arm in &results.arms {
                            tr {
                                th scope="row" { (arm.name) }
                                td { (cost(arm, |cost| grouped(cost.parameters))) }
                                td { (cost(arm, |cost| magnitude(cost.macs as f64))) }
                                td { (cost(arm, |cost| magnitude(cost.activation_bytes as f64))) }
                                td { (cost(arm, |cost| cost.receptive_field.to_string())) }
                                td { (arm.peak_memory_bytes.map_or("–".to_string(), magnitude)) }
                                @if results.bench.is_some() { td { (forward_pass(arm)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// `×0.50`, or `baseline`.
pub(crate) fn forward_pass(arm: &ArmResult) -> String {
    match arm.forward_pass.map(|pass| pass.ratio) {
        Some(Some((median, ..))) => format!("×{median:.2}"),
        Some(None) => "baseline".to_owned(),
        None => "–".to_owned(),
    }
}

/// Robust summaries and the share of lost runs, for those who want more than the mean.
fn robust(results: &StudyResults) -> Markup {
    let unit = results.unit;
    let interval = |interval: Option<crate::stats::Interval>| {
        interval.map_or("–".to_string(), |ends| {
            format!("{} to {}", unit.value(ends.low), unit.value(ends.high))
        })
    };
    html! {
        details {
            summary { "More per arm: median, intervals, share of lost runs" }
            div.scroll {
                table {
                    thead {
                        tr {
                            th.text scope="col" { "Arm" }
                            th scope="col" { "Median" }
                            th scope="col" { "Interquartile" span.unit { "mean" } }
                            th scope="col" { "Range" }
                            th scope="col" { "Mean, 95\u{a0}%" span.unit { "t" } }
                            th scope="col" { "Mean, 95\u{a0}%" span.unit { "bootstrap" } }
                            th scope="col" { "Lost runs" span.unit { "95\u{a0}% Wilson" } }
                        }
                    }
                    tbody {
                        @for arm in &results.arms {
                            tr {
                                th scope="row" { (arm.name) }
                                @if let Some(summary) = arm.summary {
                                    td { (unit.value(summary.median)) }
                                    td { (unit.value(summary.interquartile_mean)) }
                                    td { (unit.value(summary.least)) " to " (unit.value(summary.most)) }
                                } @else { td { "–" } td { "–" } td { "–" } }
                                td { (interval(arm.interval)) }
                                td { (interval(arm.bootstrap)) }
                                td {
                                    (arm.lost) " of " (arm.ended)
                                    @if let Some(ends) = arm.lost_interval { ", " (share(ends.low)) " to " (share(ends.high)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
