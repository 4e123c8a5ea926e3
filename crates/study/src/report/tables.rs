//! Tables of a study for a paper and for programs: `tables.tex`, `results.csv`, `metrics.csv`.

use allconv_document::{Cell, Column, Format, Table, csv, latex};
use allconv_record::{Measured, RunRecord};

use crate::index::RunState;
use crate::results::{RunResult, StudyResults};
use crate::sections::{arms, secondary};

/// Columns of the table of arms that fit into one column of text.
const PRINTED: [&str; 9] =
    ["arm", "value", "reference", "n", "parameters", "macs", "difference", "interval", "p"];

/// The table of arms and those of the planned metrics, with `booktabs`.
pub(super) fn tex(results: &StudyResults) -> String {
    let mut table = arms::table(results).select(&PRINTED);
    table.caption = arms::caption_alone(results).as_str().into();
    let name = &results.study.name;
    let mut text = String::from("% Needs \\usepackage{booktabs}. Written by allconv; do not edit by hand.\n");
    text += &latex::float(&table, name);
    for metric in results.secondary.iter().filter(|metric| metric.is_claimed) {
        text += &latex::float(&secondary::table(results, metric), &format!("{name}-{}", metric.name));
    }
    text
}

/// One line per planned run: values as stored (errors as fractions), empty where there is none.
pub(super) fn runs(results: &StudyResults) -> String {
    let study = &results.study;
    let text = |key: &str| Column::text(key);
    let recorded = |read: fn(&RunRecord) -> Cell| move |run: &&RunResult| run.record.as_ref().map(read);
    let measured = |read: fn(&Measured) -> Option<f64>| {
        move |run: &&RunResult| run.record.as_ref()?.measured.as_ref().and_then(read).map(stored)
    };
    let table = Table::of(&results.runs)
        .column(text("study"), |_| Cell::plain(&study.name))
        .column(text("arm"), |run| Cell::plain(&run.arm))
        .column(text("seed"), |run| run.seed)
        .column(text("state"), |run| run.state.name())
        .column(text("split"), |_| study.primary.split.name())
        .column(text("metric"), |_| Cell::plain(&study.primary.metric))
        .column(text("value"), |run| run.value.map(stored))
        .column(text("step"), recorded(|record| record.step.into()))
        .column(text("total_steps"), recorded(|record| record.total_steps.into()))
        .column(text("parameters"), recorded(|record| record.cost.parameters.into()))
        .column(text("macs"), recorded(|record| record.cost.macs.into()))
        .column(text("activation_bytes"), recorded(|record| record.cost.activation_bytes.into()))
        .column(text("training_seconds"), recorded(|record| stored(record.timings.training_seconds)))
        .column(text("images_per_second"), recorded(|record| stored(record.timings.images_per_second)))
        .column(text("peak_memory_bytes"), |run| {
            run.record.as_ref().and_then(|record| record.measured.as_ref()?.peak_memory_bytes)
        })
        .column(text("latency_1_seconds"), measured(|found| found.latency_1_seconds))
        .column(text("latency_128_seconds"), measured(|found| found.latency_128_seconds))
        .column(text("specification_hash"), recorded(|record| Cell::plain(&record.specification_hash)))
        .column(text("request_hash"), recorded(|record| Cell::plain(&record.request_hash)))
        .column(text("reason"), |run| run.reason.as_deref().map(Cell::plain))
        .table();
    csv::table(&table)
}

/// One line per finished run, split and metric: the final value as stored.
pub(super) fn metrics(results: &StudyResults) -> String {
    let done = results.runs.iter().filter(|run| run.state == RunState::Done);
    let last = done.flat_map(|run| {
        run.curves
            .iter()
            .filter_map(move |((split, name), points)| Some((run, split, name, points.last()?.value)))
    });
    let table = Table::of(last)
        .column(Column::text("study"), |_| Cell::plain(&results.study.name))
        .column(Column::text("arm"), |(run, ..)| Cell::plain(&run.arm))
        .column(Column::text("seed"), |(run, ..)| run.seed)
        .column(Column::text("split"), |(_, split, ..)| split.name())
        .column(Column::text("metric"), |(_, _, name, _)| Cell::plain(name))
        .column(Column::text("value"), |(.., value)| stored(*value))
        .table();
    csv::table(&table)
}

/// A number as it is.
fn stored(value: f64) -> Cell {
    Cell::number(value, Format::Stored)
}
