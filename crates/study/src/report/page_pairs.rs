//! Every pair of arms in one table, corrected for all of them.

use maud::{Markup, html};

use super::number::p_value;
use super::page_table::has_p;
use super::sentence::signed_interval;
use crate::results::{PairResult, StudyResults};
use crate::text::counted;

/// The table inside of a box that opens; empty below three arms, whose pairs are the comparisons.
pub(crate) fn section(results: &StudyResults) -> Markup {
    let unit = results.unit.difference_symbol();
    let has_ranks = results.overall.is_some();
    html! {
        @if results.arms.len() > 2 && !results.pairs.is_empty() {
            details {
                summary { "All " (counted(results.pairs.len(), "pair")) " of arms" }
                div.scroll {
                    table {
                        caption {
                            "Not planned by the study, for looking up: differences are arm − other for the same seed, p of the paired t test is Holm-corrected over all pairs."
                            @if has_ranks { " Ranks: difference of the mean ranks; marked where it exceeds Nemenyi's critical difference." }
                        }
                        thead {
                            tr {
                                th.text scope="col" { "Arm" }
                                th.text scope="col" { "Other" }
                                th scope="col" { "n" }
                                th scope="col" { "Difference" span.unit { (unit) } }
                                th scope="col" { "95\u{a0}% interval" span.unit { (unit) } }
                                th scope="col" { "p" span.unit { "all pairs" } }
                                @if has_ranks { th scope="col" { "Ranks" } th.text scope="col" { "Nemenyi" } }
                            }
                        }
                        tbody { @for pair in &results.pairs { (row(results, pair)) } }
                    }
                }
            }
        }
    }
}

fn row(results: &StudyResults, pair: &PairResult) -> Markup {
    html! {
        tr {
            th scope="row" { (results.arms[pair.arm_index].name) }
            td.text { (results.arms[pair.other_index].name) }
            td { (pair.n) }
            td { (results.unit.signed(pair.mean)) }
            td { @if pair.interval.is_some() { (signed_interval(results, pair.interval)) } @else { "–" } }
            td { (pair.corrected_p.filter(|_| has_p(results)).map_or("–".to_string(), p_value)) }
            @if let Some((gap, differs)) = pair.ranks {
                td { (super::number::signed_ratio(gap)) }
                td.text { @if differs { "differ" } @else { "–" } }
            }
        }
    }
}
