//! How differences to the baseline change along a numeric factor such as the length of training, and where they cross zero.

use maud::{Markup, html};

use super::figure::Figure;
use super::figure_trend;
use super::number::{magnitude, p_value};
use super::sentence::{metric_name, signed_interval, with_unit};
use crate::file::StudyFile;
use crate::results::{NumericFactor, StudyResults, TrendResult, TrendTable};

const HEADING: &str = "Along the length of training";

/// The section with its figure; empty for a study without a numeric factor.
pub(crate) fn section(study: &StudyFile, results: &StudyResults, figure: Option<&Figure>) -> Markup {
    let symbol = results.unit.difference_symbol();
    html! {
        @if let Some(table) = &results.trend {
            section {
                h2 { (HEADING) }
                p { (explanation(study, table)) }
                @if let Some(figure) = figure {
                    figure {
                        div.scroll { (figure.inline()) }
                        figcaption { (figure_trend::CAPTION) }
                    }
                }
                div.scroll {
                    table {
                        thead {
                            tr {
                                th.text scope="col" { "Arm − baseline" }
                                @for number in table.factor.numbers() { th scope="col" { (magnitude(number)) span.unit { (table.factor.quantity) } } }
                                th scope="col" { "Each doubling" span.unit { (symbol) } }
                                th scope="col" { "95\u{a0}% interval" span.unit { (symbol) } }
                                th scope="col" { "p" span.unit { "holm" } }
                                th.text scope="col" { "Crosses zero" }
                                th scope="col" { "n" }
                            }
                        }
                        tbody {
                            @for row in &table.rows {
                                tr {
                                    th scope="row" { (row.name) }
                                    @for (_, mean, _) in &row.points { td { (results.unit.signed(*mean)) } }
                                    td { (results.unit.signed(row.slope)) }
                                    td { (signed_interval(results, row.slope_interval)) }
                                    td { (row.corrected_p.map_or("–".to_string(), p_value)) }
                                    td.text.wrap { (crossing(&table.factor, row)) }
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

/// The same in Markdown; empty for a study without a numeric factor.
pub(crate) fn markdown(study: &StudyFile, results: &StudyResults) -> String {
    let Some(table) = &results.trend else { return String::new() };
    let symbol = match results.unit.difference_symbol() {
        "" => String::new(),
        symbol => format!(" ({symbol})"),
    };
    let heads: Vec<String> = table
        .factor
        .numbers()
        .into_iter()
        .map(|number| format!(" {} {} |", magnitude(number), table.factor.quantity))
        .collect();
    let mut text = format!(
        "\n## {HEADING}\n\n{}\n\n![{}](figures/{}.svg)\n\n{}\n\n| arm − baseline |{} each doubling{symbol} | 95 % interval{symbol} | p | crosses zero | n |\n|---|{}---:|---:|---:|---|---:|\n",
        explanation(study, table),
        figure_trend::DESCRIPTION,
        figure_trend::NAME,
        figure_trend::CAPTION,
        heads.concat(),
        "---:|".repeat(heads.len())
    );
    for row in &table.rows {
        let means: Vec<String> =
            row.points.iter().map(|(_, mean, _)| format!(" {} |", results.unit.signed(*mean))).collect();
        text.push_str(&format!(
            "| `{}` |{} {} | {} | {} | {} | {} |\n",
            row.name,
            means.concat(),
            with_unit(results, results.unit.signed(row.slope)),
            signed_interval(results, row.slope_interval),
            row.corrected_p.map_or("–".to_string(), p_value),
            crossing(&table.factor, row),
            row.n
        ));
    }
    text
}

fn explanation(study: &StudyFile, table: &TrendTable) -> String {
    format!(
        "Differences in {} at each number of {}, and the change of the difference with every doubling of it: a least-squares line over log₂ within \
         each seed, a t interval over the seeds, p Holm-corrected over the lines. The place at which the mean line crosses zero has Fieller's interval. \
         A line describes the numbers that were measured; what lies beyond them is not known.",
        metric_name(study),
        table.factor.quantity
    )
}

/// Where the line crosses zero, in words.
fn crossing(factor: &NumericFactor, row: &TrendResult) -> String {
    let numbers = factor.numbers();
    let (Some(least), Some(most)) = (numbers.first(), numbers.last()) else { return "–".to_owned() };
    let Some((place, interval)) = row.crossing.and_then(|found| Some((found.place?, found.interval?))) else {
        return "not shown to".to_owned();
    };
    // Far outside, a power of two is no number of epochs.
    let number = |log: f64| {
        if log > 60.0 { "beyond all lengths".to_owned() } else { magnitude(log.exp2()) }
    };
    let ends = format!("{} to {}", number(interval.low), number(interval.high));
    if interval.high < least.log2() || interval.low > most.log2() {
        return format!("not within what was measured (line goes on to {}; 95\u{a0}% {ends})", number(place));
    }
    if place < least.log2() || place > most.log2() {
        return format!(
            "perhaps, at the edge of what was measured: {} {} (95\u{a0}% {ends})",
            number(place),
            factor.quantity
        );
    }
    format!("at {} {} (95\u{a0}% {ends})", number(place), factor.quantity)
}
