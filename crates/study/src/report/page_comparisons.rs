//! Everything behind the verdicts: the tests side by side, effect sizes, agreement per test example, all arms at once.

use maud::{Markup, html};

use super::number::{p_equation, p_value, share, signed_ratio};
use super::page::badge;
use super::page_table::has_p;
use super::sentence::{correction_name, percent, test_name};
use super::{page_images, page_pairs};
use crate::check::smallest_exact_p;
use crate::file::StudyFile;
use crate::metric::{MetricUnit, metric_label};
use crate::results::{ComparisonResult, OverallResult, SequentialResult, StudyResults, Verdict};
use crate::text::counted;

/// The section; empty for a study of one arm.
pub(crate) fn section(study: &StudyFile, results: &StudyResults) -> Markup {
    html! {
        @if !results.comparisons.is_empty() {
            section {
                h2 { "Comparisons with " code { (study.compare.baseline.name()) } }
                p { (method(study, results)) }
                (tests(study, results))
                (sizes(study, results))
                (per_example(results))
                (page_images::section(study, results))
                @if let Some(overall) = &results.overall { (overall_section(study, results, overall)) }
                (page_pairs::section(results))
            }
        }
    }
}

fn method(study: &StudyFile, results: &StudyResults) -> String {
    let statistics = &results.statistics;
    let mut text = format!(
        "Fixed in the study file before the runs: {}, α = {} over {}, {}p values",
        test_name(statistics.test),
        statistics.alpha,
        counted(statistics.comparisons, "comparison"),
        correction_name(statistics.correction)
    );
    if let Some(margin) = study.compare.equivalence_margin {
        let name = results.unit.difference_name();
        text.push_str(&format!(
            "; equivalence margin ±{} {name}, by two one-sided t tests, corrected among themselves: a second family, so that the chance of any false verdict over both is at most 2α",
            results.unit.value(margin)
        ));
    }
    if let Some(sequential) = &results.sequential {
        text.push_str(&looks(sequential));
    }
    text.push_str(&format!(
        ". A verdict needs {} pairs; fewer are too few for one.",
        statistics.seeds_needed
    ));
    text
}

/// The looks of a sequential study, in words that follow a clause.
pub(crate) fn looks(sequential: &SequentialResult) -> String {
    let list: Vec<String> = sequential
        .looks
        .iter()
        .map(|look| format!("{} seeds (level {:.4})", look.seeds, look.level))
        .collect();
    let now = match (sequential.has_stopped, sequential.current()) {
        (true, Some(look)) => {
            format!("the study stopped after {} seeds, when every comparison was decided", look.seeds)
        }
        (false, Some(look)) if sequential.is_over() => format!("all {} seeds were needed", look.seeds),
        (_, Some(look)) => format!("the last look so far was after {} seeds", look.seeds),
        (_, None) => "no look was taken so far".to_string(),
    };
    format!(
        "; group-sequential: looks after {}, α spent after O'Brien and Fleming and added up by Bonferroni's inequality, so that the chance of a false claim \
         over all looks is at most α for differences, and as much for equivalences; {now}. Intervals are not adjusted for the looks: the estimates of studies that \
         stopped early are too large, by how much is unknown for small effects",
        list.join(", ")
    )
}

fn tests(study: &StudyFile, results: &StudyResults) -> Markup {
    let has_margin = study.compare.equivalence_margin.is_some();
    let p = |p: Option<f64>| {
        if has_p(results) { p.map_or("–".to_string(), p_value) } else { "–".to_string() }
    };
    html! {
        div.scroll {
            table {
                caption { "The study's own test is the one that counts. The three paired tests stand beside it uncorrected, so that a reader sees whether it matters which was chosen." (disagreement(results)) }
                thead {
                    tr {
                        th.text scope="col" { "Arm" }
                        th.text scope="col" { "Verdict" }
                        th scope="col" { "Difference" span.unit { "p, corrected" } }
                        @if has_margin { th scope="col" { "Equivalence" span.unit { "p, corrected" } } }
                        th scope="col" { "Paired t" span.unit { "p" } }
                        th scope="col" { "Sign flips" span.unit { "p, exact" } }
                        th scope="col" { "Sign flips" span.unit { "p, corrected" } }
                        th scope="col" { "Wilcoxon" span.unit { "p, exact" } }
                    }
                }
                tbody {
                    @for comparison in &results.comparisons {
                        tr {
                            th scope="row" { (comparison.arm) }
                            td.text { (badge(comparison.verdict)) }
                            td { (p(comparison.corrected_p)) }
                            @if has_margin { td { (p(comparison.corrected_equivalence_p)) } }
                            td { (p(comparison.paired_t_p)) }
                            td { (p(comparison.permutation_p)) }
                            td { (p(comparison.corrected_permutation_p)) @if comparison.tests_disagree { " !" } }
                            td { (p(comparison.wilcoxon_p)) }
                        }
                    }
                }
            }
        }
    }
}

/// Which comparisons the t test and the sign flips judge differently, in words that follow a sentence.
fn disagreement(results: &StudyResults) -> String {
    let named: Vec<&str> = results
        .comparisons
        .iter()
        .filter(|comparison| comparison.tests_disagree)
        .map(|comparison| comparison.arm.as_str())
        .collect();
    let statistics = &results.statistics;
    let smallest = smallest_exact_p(statistics.n) * statistics.comparisons as f64;
    if statistics.verdict_possible && statistics.folds.is_none() && smallest > statistics.alpha {
        return format!(
            " With {} and {} no sign flips can reach α: their smallest corrected p is {}.",
            counted(statistics.n as usize, "seed"),
            counted(statistics.comparisons, "comparison"),
            p_value(smallest.min(1.0))
        );
    }
    if named.is_empty() {
        return String::new();
    }
    format!(
        " Marked with !: t test and sign flips disagree about α for {}; differences that are skewed make the t test too sure.",
        named.join(", ")
    )
}

fn sizes(study: &StudyFile, results: &StudyResults) -> Markup {
    let has_margin = study.compare.equivalence_margin.is_some();
    html! {
        h3 { "Size of the differences" }
        div.scroll {
            table {
                caption {
                    "Effect size g: the mean difference in standard deviations of the differences (Hedges). Better run: how probably a random run of the arm is better than one of the baseline."
                    @if has_margin { " Worse, within, better: how probable each is about the margin, given these seeds and a flat prior; of many arms the most extreme looks surer than it is. Seeds needed: to show a true difference as large as the margin with 80\u{a0}% power at the spread seen, before correction." }
                }
                thead {
                    tr {
                        th.text scope="col" { "Arm" }
                        th scope="col" { "Pairs" }
                        th scope="col" { "Effect size g" }
                        th scope="col" { "95\u{a0}% interval" }
                        th scope="col" { "Better run" }
                        @if has_margin {
                            th scope="col" { "Worse" span.unit { "than the margin" } }
                            th scope="col" { "Within" span.unit { "the margin" } }
                            th scope="col" { "Better" span.unit { "than the margin" } }
                            th scope="col" { "Seeds needed" }
                        }
                    }
                }
                tbody {
                    @for comparison in &results.comparisons {
                        tr {
                            th scope="row" { (comparison.arm) }
                            td { (comparison.n()) }
                            (effect(comparison))
                            td { (comparison.probability_of_improvement.map_or("–".to_string(), share)) }
                            @if has_margin { (practical(comparison)) td { (comparison.seeds_for_margin.map_or("–".to_string(), |seeds| seeds.to_string())) } }
                        }
                    }
                }
            }
        }
    }
}

fn practical(comparison: &ComparisonResult) -> Markup {
    let decided = comparison.practical.filter(|_| comparison.verdict != Verdict::Interim);
    html! {
        @if let Some((worse, within, better)) = decided {
            @for chance in [worse, within, better] { td { (percent(chance)) } }
        } @else { td { "–" } td { "–" } td { "–" } }
    }
}

fn effect(comparison: &ComparisonResult) -> Markup {
    html! {
        @if let Some(effect) = comparison.effect {
            td { (signed_ratio(effect.value)) }
            td { (signed_ratio(effect.interval.low)) " to " (signed_ratio(effect.interval.high)) }
        } @else { td { "–" } td { "–" } }
    }
}

fn per_example(results: &StudyResults) -> Markup {
    let rows: Vec<_> = results
        .comparisons
        .iter()
        .filter_map(|comparison| comparison.examples.as_ref().map(|examples| (comparison, examples)))
        .collect();
    html! {
        @if !rows.is_empty() {
            h3 { "On the same test examples" }
            div.scroll {
                table {
                    caption { "Counts of test examples are means over seeds. The bootstrap interval is over test examples for these trained nets; it says nothing about retraining them." }
                    thead {
                        tr {
                            th.text scope="col" { "Arm" }
                            th scope="col" { "Examples" }
                            th scope="col" { "Only arm right" }
                            th scope="col" { "Only baseline right" }
                            th scope="col" { "Error difference" span.unit { "pp" } }
                            th scope="col" { "95\u{a0}% interval" span.unit { "over examples" } }
                        }
                    }
                    tbody {
                        @for (comparison, examples) in rows {
                            tr {
                                th scope="row" { (comparison.arm) }
                                td { (examples.examples) }
                                td { (format!("{:.1}", examples.only_arm_right)) }
                                td { (format!("{:.1}", examples.only_baseline_right)) }
                                td { (MetricUnit::Percent.signed(examples.difference)) }
                                td { @if let Some(ends) = examples.interval {
                                    (MetricUnit::Percent.signed(ends.low)) " to " (MetricUnit::Percent.signed(ends.high))
                                } @else { "–" } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn overall_section(study: &StudyFile, results: &StudyResults, overall: &OverallResult) -> Markup {
    let friedman = &overall.friedman;
    let mut order: Vec<usize> = (0..results.arms.len()).collect();
    order.sort_by(|&a, &b| friedman.mean_ranks[a].total_cmp(&friedman.mean_ranks[b]));
    html! {
        h3 { "All arms at once" }
        p {
            "Friedman's test over the ranks within each of " (friedman.blocks) " complete seeds: χ² = " (format!("{:.2}", friedman.statistic)) ", "
            (p_equation(friedman.p)) ". Two arms differ after Nemenyi at α = " (study.compare.alpha) " when their mean ranks lie more than "
            (format!("{:.2}", overall.critical_difference)) " apart. Rank 1 is the lowest " (metric_label(&study.primary.metric)) "."
        }
        div.scroll {
            table {
                thead { tr { th.text scope="col" { "Arm" } th scope="col" { "Mean rank" } } }
                tbody {
                    @for index in order {
                        tr { th scope="row" { (results.arms[index].name) } td { (format!("{:.2}", friedman.mean_ranks[index])) } }
                    }
                }
            }
        }
    }
}
