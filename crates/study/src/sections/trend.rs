//! The section on trends of differences along a numeric factor such as the length of training.

use allconv_document::number::magnitude;
use allconv_document::{Block, Cell, Column, Table};

use super::sentence::metric_name;
use super::{cells, figure_trend};
use crate::results::{NumericFactor, StudyResults, TrendResult, TrendTable};

/// The table; empty for a study without a numeric factor.
pub(crate) fn blocks(results: &StudyResults) -> Vec<Block> {
    let Some(trend) = &results.trend else { return Vec::new() };
    let (unit, symbol) = (results.unit, results.unit.difference_symbol());
    let mut rows =
        Table::of(&trend.rows).column(Column::text("Arm − baseline"), |row| Cell::code(&row.name));
    for (level, number) in trend.factor.numbers().into_iter().enumerate() {
        let column = Column::number(&magnitude(number)).unit(trend.factor.quantity);
        rows = rows.column(column, |row| cells::signed(unit, row.points.get(level).map(|point| point.mean)));
    }
    let table = rows
        .column(Column::number("Each doubling").unit(symbol), |row| cells::signed(unit, Some(row.slope)))
        .column(Column::number("95\u{a0}% interval").unit(symbol), |row| {
            cells::signed_interval(unit, row.slope_interval)
        })
        .column(Column::number("p").unit("holm"), |row| cells::p(row.corrected_p))
        .column(Column::prose("Crosses zero"), |row| crossing(&trend.factor, row))
        .column(Column::number("n"), |row| row.n)
        .table();
    vec![
        Block::heading(2, "Along the length of training"),
        Block::paragraph(explanation(results, trend)),
        Block::Figures {
            figures: vec![figure_trend::figure(results, trend)],
            caption: figure_trend::CAPTION.into(),
            is_chosen: false,
        },
        Block::Table(table),
    ]
}

fn explanation(results: &StudyResults, table: &TrendTable) -> String {
    format!(
        "Differences in {} at each number of {}, and the change of the difference with every doubling of it: a least-squares line over log₂ within \
         each seed, a t interval over the seeds, p Holm-corrected over the lines. The place at which the mean line crosses zero has Fieller's interval. \
         A line describes the numbers that were measured; what lies beyond them is not known.",
        metric_name(&results.study),
        table.factor.quantity
    )
}

/// Returns the text of the zero crossing.
fn crossing(factor: &NumericFactor, row: &TrendResult) -> String {
    let numbers = factor.numbers();
    let (Some(least), Some(most)) = (numbers.first(), numbers.last()) else { return "–".to_owned() };
    let Some((place, interval)) = row.crossing.and_then(|found| Some((found.place?, found.interval?))) else {
        return "not shown to".to_owned();
    };
    // Far outside, the power of two is not a meaningful number of epochs.
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
