//! The section that decomposes each difference in test error into training error and generalisation gap.

use allconv_document::{Block, Column, Content, Table, Text};

use crate::results::{GapRow, GapTable, Part, StudyResults, TrainingError};

/// The table; empty for studies of other metrics than the error, and where no training error was recorded.
pub(crate) fn blocks(results: &StudyResults) -> Vec<Block> {
    let Some(gap) = &results.gap else { return Vec::new() };
    let column = |heading: &str| Column::number(heading).unit(results.unit.difference_symbol());
    let part = |part: Part| {
        let half = part.interval.map(|interval| 0.5 * (interval.high - interval.low));
        Content::PlusMinus(part.mean, half, results.unit.decimal())
    };
    let name = |arm: usize| Text::code(&results.arms[arm].name);
    let table = Table::of(&gap.rows)
        .column(Column::text("Arm − baseline"), |row: &&GapRow| {
            name(row.arm_index) + Text::plain(" − ") + name(row.baseline_index)
        })
        .column(column("Test error"), |row| part(row.test))
        .column(column("= training error"), |row| part(row.training))
        .column(column("+ gap"), |row| part(row.gap))
        .column(Column::number("n"), |row| row.n)
        .table();
    vec![
        Block::heading(2, "Where the differences come from"),
        Block::paragraph(explanation(gap)),
        Block::Table(table),
    ]
}

/// Whether the study shows of an arm that its training error, or its gap, differs from the baseline's: what the interval excludes, without
/// correction.
pub(crate) fn excludes_zero(part: Part) -> bool {
    part.interval.is_some_and(|interval| interval.low > 0.0 || interval.high < 0.0)
}

fn explanation(table: &GapTable) -> String {
    let measured = match table.source {
        TrainingError::Clean => {
            "The training error is measured at the end, in evaluation mode, on training images without augmentation."
        }
        TrainingError::WhileTraining => {
            "The training error is that of the last epoch, measured while training: on changing weights, with dropout and augmentation, so that it is \
             too large by an amount that may differ between arms."
        }
    };
    format!(
        "Test error = training error + gap, in every run, so that each difference is the sum of two. A difference in the training error is slower or \
         faster fitting, which more training may remove; a difference in the gap is worse or better generalisation. {measured} Means ± half of the \
         95\u{a0}% t interval, each for itself."
    )
}
