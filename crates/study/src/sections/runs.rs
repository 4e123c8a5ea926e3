//! Every run: those that did not finish first and with their reason, then all of them.

use allconv_document::{Block, Cell, Column, Rows, Table, Text};

use super::cells;
use super::sentence::{capitalised, metric_name};
use crate::index::RunState;
use crate::results::{RunResult, StudyResults};
use crate::text::counted;

/// Runs up to which the full list is open from the start, and so printed.
const MOST_OPEN: usize = 60;

/// Both lists.
pub(crate) fn blocks(results: &StudyResults) -> Vec<Block> {
    let mut blocks = vec![Block::heading(2, "Runs")];
    blocks.push(match lost(results) {
        Some(lost) => lost,
        None => Block::paragraph(format!(
            "All {} finished; none diverged, got stuck or failed.",
            counted(results.runs.len(), "run")
        )),
    });
    let (is_open, all) = (results.runs.len() <= MOST_OPEN, vec![Block::Table(all(results))]);
    blocks.push(Block::Details { summary: "All runs".into(), is_open, blocks: all });
    blocks
}

/// The runs without a result; `None` if there are none.
pub(crate) fn lost(results: &StudyResults) -> Option<Block> {
    let lost: Vec<&RunResult> = results.runs.iter().filter(|run| run.state != RunState::Done).collect();
    let table = rows(&lost)
        .column(Column::number("Step"), |run| steps(run))
        .column(Column::prose("Reason"), |run| run.reason.as_deref().map(Cell::plain))
        .captioned("Runs without a result. They are part of the study: none was repeated with other settings or left out.");
    (!lost.is_empty()).then_some(Block::Table(table))
}

fn all(results: &StudyResults) -> Table {
    let all: Vec<&RunResult> = results.runs.iter().collect();
    let metric = Column::number(&capitalised(&metric_name(&results.study))).unit(results.unit.symbol());
    rows(&all)
        .column(metric, |run| cells::value(results.unit, run.value))
        .column(Column::number("Step"), |run| steps(run))
        .column(Column::number("Resumed"), |run| run.record.as_ref().map(|record| record.resumptions.len()))
        .column(Column::text("Specification"), |run| {
            let hash = |text: &str| Text::code(&text.chars().take(8).collect::<String>());
            run.record.as_ref().map(|record| hash(&record.specification_hash))
        })
        .table()
}

fn rows<'a>(runs: &[&'a RunResult]) -> Rows<&'a RunResult> {
    Table::of(runs.iter().copied())
        .column(Column::text("Arm"), |run| Cell::code(&run.arm))
        .column(Column::number("Seed"), |run| Cell::plain(&run.seed.to_string()))
        .column(Column::text("State"), |run| run.state.name())
}

fn steps(run: &RunResult) -> Option<String> {
    run.record.as_ref().map(|record| format!("{} / {}", record.step, record.total_steps))
}
