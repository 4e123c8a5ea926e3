//! Errors by class: each class's difference to the baseline, and confusion matrices.

use allconv_document::{Block, Cell, Column, Content, Format, Rows, Table, Text, Tone, Weight};

use super::cells;
use crate::metric::MetricUnit;
use crate::results::{ClassDifference, ClassResult, StudyResults};
use crate::text::counted;

/// Largest number of classes with tables.
const MOST_CLASSES: usize = 20;

/// Level of the corrected p from which on a difference is set in bold.
const SHOWN_AT: f64 = 0.05;

/// The shade of a cell of the confusion matrix that holds all examples of its class.
const STRONGEST: f64 = 0.6;

/// Both tables; empty without outcomes, and for data sets of very many classes.
pub(crate) fn blocks(results: &StudyResults, names: &[String]) -> Vec<Block> {
    let classes = results.classes.first().map_or(0, |result| result.confusion.len());
    if !(2..=MOST_CLASSES).contains(&classes) {
        return Vec::new();
    }
    let names: Vec<String> = (0..classes).map(|class| class_name(names, class)).collect();
    let mut blocks = vec![Block::heading(2, "Classes")];
    if results.classes.iter().any(|result| !result.differences.is_empty()) {
        blocks.push(Block::Table(differences(results, &names)));
    }
    blocks.push(Block::heading(3, "Confusion"));
    blocks.push(Block::paragraph(
        "Rows are true classes, columns what the network said; mean counts of test examples over the finished runs.",
    ));
    blocks.extend(results.classes.iter().map(|result| confusion(results, result, &names)));
    blocks
}

/// The name of a class, or its number where no names are at hand.
pub(super) fn class_name(names: &[String], class: usize) -> String {
    names.get(class).cloned().unwrap_or_else(|| class.to_string())
}

/// A row for each arm: the error of baselines, the differences of the others.
fn differences(results: &StudyResults, names: &[String]) -> Table {
    let (baselines, others): (Vec<&ClassResult>, Vec<&ClassResult>) =
        results.classes.iter().partition(|result| result.differences.is_empty());
    let largest = others
        .iter()
        .flat_map(|result| result.differences.iter().flatten())
        .fold(0.0_f64, |largest, difference| largest.max(difference.mean.abs()));
    let mut rows: Rows<&ClassResult> = Table::of(baselines.into_iter().chain(others))
        .column(Column::text("Arm"), |result| {
            let suffix = if result.differences.is_empty() { ", error" } else { "" };
            Text::series(result.arm_index, &results.arms[result.arm_index].name) + Text::plain(suffix)
        })
        .baseline(|result| result.differences.is_empty());
    for (class, name) in names.iter().enumerate() {
        rows = rows.column(Column::number(name), |result| match result.differences.get(class) {
            None => cells::value(MetricUnit::Percent, result.error(class)),
            Some(difference) => difference_cell(results, difference.as_ref(), largest),
        });
    }
    let bold = if results.statistics.verdict_possible {
        " Bold: p ≤ 0.05 after Holm's correction over the classes of the arm."
    } else {
        ""
    };
    rows.captioned(format!(
        "Difference of the error within each class to the baseline, percentage points, mean over the seeds of both.{bold} First rows: error of the \
         baselines."
    ))
}

/// The difference within one class, tinted by its fraction of the largest; a dash for a class without examples.
fn difference_cell(results: &StudyResults, difference: Option<&ClassDifference>, largest: f64) -> Cell {
    let Some(difference) = difference else { return Cell::missing() };
    let is_shown =
        results.statistics.verdict_possible && difference.corrected_p.is_some_and(|p| p <= SHOWN_AT);
    let cell = cells::signed(MetricUnit::Percent, Some(difference.mean)).weighed(if is_shown {
        Weight::Strong
    } else {
        Weight::Plain
    });
    cells::tinted(cell, difference.mean <= 0.0, (difference.mean, largest))
}

fn confusion(results: &StudyResults, result: &ClassResult, names: &[String]) -> Block {
    let mut rows =
        Table::of(0..names.len()).column(Column::text("True"), |class: &usize| Cell::plain(&names[*class]));
    for (other, name) in names.iter().enumerate() {
        rows = rows.column(Column::number(name), |class| {
            let (count, total) =
                (result.confusion[*class][other], result.confusion[*class].iter().sum::<f64>());
            let tone = if other == *class { Tone::Good } else { Tone::Bad };
            let share = if total > 0.0 { STRONGEST * count / total } else { 0.0 };
            Cell::from(Content::Whole(count.round_ties_even() as i64)).tinted(tone, share)
        });
    }
    let table = rows
        .column(Column::number("Error"), |class| {
            result.error(*class).map(|error| Cell::number(error, Format::Fraction))
        })
        .table();
    let name = Text::series(result.arm_index, &results.arms[result.arm_index].name);
    let summary = name + format!(" ({})", counted(result.runs, "run"));
    Block::closed(summary, vec![Block::Table(table)])
}
