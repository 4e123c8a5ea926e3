//! Every pair of arms in one table, corrected for all of them.

use allconv_document::{Block, Cell, Column, Decimal, Format, Table};

use super::cells;
use crate::results::{PairResult, StudyResults};
use crate::text::counted;

/// The table; empty below three arms, whose pairs are the comparisons.
pub(crate) fn blocks(results: &StudyResults) -> Vec<Block> {
    if results.arms.len() <= 2 || results.pairs.is_empty() {
        return Vec::new();
    }
    let (unit, symbol) = (results.unit, results.unit.difference_symbol());
    let ranked =
        |column: fn(&str) -> Column, heading: &str| results.overall.as_ref().map(|_| column(heading));
    let ranks = if results.overall.is_some() {
        " Ranks: difference of the mean ranks; marked where it exceeds Nemenyi's critical difference."
    } else {
        ""
    };
    let name = |arm: usize| cells::arm(results, arm);
    let table = Table::of(&results.pairs)
        .column(Column::text("Arm"), |pair: &&PairResult| name(pair.arm_index))
        .column(Column::text("Other"), |pair| name(pair.other_index))
        .column(Column::number("n"), |pair| pair.n)
        .column(Column::number("Difference").unit(symbol), |pair| cells::signed(unit, Some(pair.mean)))
        .column(Column::number("95\u{a0}% interval").unit(symbol), |pair| {
            cells::signed_interval(unit, pair.interval)
        })
        .column(Column::number("p").unit("all pairs"), |pair| cells::verdict_p(results, pair.corrected_p))
        .column(ranked(Column::number, "Ranks"), |pair| {
            pair.ranks.map(|(gap, _)| Cell::number(gap, Format::Decimal(Decimal::after(2))))
        })
        .column(ranked(Column::text, "Nemenyi"), |pair| {
            pair.ranks.filter(|(_, differs)| *differs).map(|_| "differ")
        })
        .captioned(format!(
            "Not planned by the study, for looking up: differences are arm − other for the same seed, p of the paired t test is Holm-corrected over \
             all pairs.{ranks}"
        ));
    let summary = format!("All {} of arms", counted(results.pairs.len(), "pair"));
    vec![Block::closed(summary, vec![Block::Table(table)])]
}
