//! The section on the search for learning rates: a table of rates and arms with failures and pruned rates.

use allconv_document::{Block, Cell, Column, Table, Weight};

use super::cells;
use super::sentence::capitalised;
use crate::file::Search;
use crate::metric::metric_label;
use crate::results::StudyResults;
use crate::search::{SearchCell, SearchRung};

/// A table for each round; empty unless the study searches.
pub(crate) fn blocks(results: &StudyResults) -> Vec<Block> {
    let (Some(search), Some(found)) = (&results.study.search, &results.search) else { return Vec::new() };
    let has_rounds = search.rungs() > 1;
    let mut blocks = vec![Block::heading(2, "Learning rates"), Block::paragraph(method(results, search))];
    for (round, rung) in found.rungs.iter().enumerate() {
        if has_rounds {
            blocks.push(Block::heading(3, format!("Round {} of {}", round + 1, search.rungs())));
        }
        blocks.push(Block::Table(map(results, search, rung)));
    }
    let marked = match has_rounds {
        true => "the rates of the next round, and in the last round the rate that was used",
        false => "the rate that was used",
    };
    blocks.push(Block::remark(format!(
        "Darker is better within a row. A ring, or bold print, marks {marked}."
    )));
    blocks
}

/// Returns how the rates were chosen, in sentences.
pub(crate) fn method(results: &StudyResults, search: &Search) -> String {
    let rates: Vec<String> = search.lr.iter().map(f64::to_string).collect();
    let seeds = match search.seeds.count {
        1 => format!("seed {}", search.seeds.from),
        count => format!("the {count} seeds from {}", search.seeds.from),
    };
    let mut text = format!(
        "Before the comparison, every arm was trained with each of the learning rates {} and {seeds}, which the comparison does not use, for {} of the \
         comparison's training. The rate with the best validation {} was used; the test split was not read.",
        rates.join(", "),
        share(search.length),
        results.study.primary.metric
    );
    if let Some(halving) = search.halving {
        text.push_str(&format!(
            " By successive halving: of the rates of an arm, the better {} of each round were trained again in a round {} times as long, and the others were pruned.",
            share(halving.keep),
            (100.0 / halving.keep).round() / 100.0
        ));
    }
    text
}

/// `30 %` or `all`.
fn share(share: f64) -> String {
    if share >= 1.0 { "all".to_owned() } else { format!("{}\u{a0}%", (1000.0 * share).round() / 10.0) }
}

fn map(results: &StudyResults, search: &Search, rung: &SearchRung) -> Table {
    let study = &results.study;
    let symbol = match results.unit.symbol() {
        "" => String::new(),
        symbol => format!(", {symbol}"),
    };
    let mut rows = Table::of(study.arms.iter().enumerate())
        .column(Column::text("Arm"), |(_, arm)| Cell::code(&arm.name));
    for lr in &search.lr {
        rows = rows.column(Column::number(&lr.to_string()), |(arm, _)| {
            let cell = rung.cells.iter().find(|cell| cell.arm_index == *arm && cell.lr == *lr);
            let Some(cell) = cell else { return Cell::plain("pruned").weighed(Weight::Soft) };
            let weight = if cell.survives { Weight::Chosen } else { Weight::Plain };
            let shown = content(results, cell).weighed(weight);
            let row = rung.cells.iter().filter(|other| other.arm_index == *arm).map(|other| other.value);
            cells::tinted_in_row(shown, study.primary.better, cell.value, row)
        });
    }
    let metric = capitalised(&format!("validation {}", metric_label(&study.primary.metric)));
    rows.captioned(format!("{metric}{symbol}, after {} of the comparison's training.", share(rung.length)))
}

/// Returns the value, or how the runs were lost, or that they are missing.
fn content(results: &StudyResults, cell: &SearchCell) -> Cell {
    if let Some(value) = cell.value {
        return cells::value(results.unit, Some(value));
    }
    let lost: Vec<&str> = cell
        .runs
        .iter()
        .filter(|run| run.state.is_final() && run.value.is_none())
        .map(|run| run.state.name())
        .collect();
    match (lost.first(), cell.runs.len()) {
        (Some(state), 1) => (*state).into(),
        (Some(state), runs) => format!("{} of {runs} {state}", lost.len()).into(),
        (None, _) => "to be made".into(),
    }
}
