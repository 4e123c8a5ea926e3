//! The result of `allconv train`: the metrics of the run with their splits, and how to continue or repeat it.

use allconv_document::{Block, Cell, Column, Decimal, Digits, Format as Number, Table, number, terminal};
use allconv_record::{MetricPoint, Resolved, RunDirectory, RunRecord, SplitName, Status};
use allconv_study::{MetricUnit, metric_label};
use anyhow::Context;
use serde_json::{Value, json};

use crate::arguments::TrainArguments;
use crate::output;
use crate::table::Format;

/// Prints the result of the run: for people the run and a row for each metric; for programs, of a classifier a row, of a dense task a row
/// for each metric.
pub(super) fn print(
    arguments: &TrainArguments,
    resolved: &Resolved,
    directory: &RunDirectory,
    status: Status,
) -> anyhow::Result<()> {
    let metrics = directory.read_metrics()?;
    let record = directory.read_record().context("the run has no record")?;
    if arguments.format == Format::Table {
        let blocks =
            [run_facts(resolved.cost.parameters, directory, &record), Block::Table(metric_table(&metrics))];
        output::print(&terminal::blocks(&blocks, output::width()))?;
    } else {
        let table = data_table(resolved, (directory, &record), &metrics);
        output::print(&arguments.format.write(&table))?;
    }
    if let Some(reason) = &record.reason {
        output::note(format_args!("{status}: {reason}"));
    }
    if status == Status::Interrupted {
        output::note("interrupted after a good checkpoint; the same command continues the run");
    }
    output::note(format_args!("to reproduce: {}", record.command_line()));
    Ok(())
}

/// Returns the run with its state and speed.
pub(super) fn run_facts(parameters: u64, directory: &RunDirectory, record: &RunRecord) -> Block {
    let fact = |name: &str, value: String| (name.to_owned(), value.into());
    Block::Facts(vec![
        fact("Run", directory.path().display().to_string()),
        fact("Status", record.status.name().to_owned()),
        fact("Steps", number::grouped(record.step)),
        fact("Images/s", format!("{:.0}", record.timings.images_per_second)),
        fact("Parameters", number::grouped(parameters)),
    ])
}

/// Returns a row for each metric with its last value on each split.
pub(super) fn metric_table(metrics: &[MetricPoint]) -> Table {
    let value = |metric: &str, split: SplitName| {
        let unit = MetricUnit::of(metric);
        let decimal = match unit {
            MetricUnit::Plain | MetricUnit::Nats => Decimal { factor: 1.0, digits: Digits::Significant(4) },
            other => other.decimal(),
        };
        last(metrics, split, metric).map(|value| Cell::number(value, Number::Decimal(decimal)))
    };
    let name = |metric: &str| {
        let symbol = MetricUnit::of(metric).symbol();
        let label = metric_label(metric);
        if symbol.is_empty() { label } else { format!("{label} ({symbol})") }
    };
    Table::of(names(metrics.iter()))
        .column(Column::text("Metric"), |metric| Cell::plain(&name(metric)))
        .column(Column::number("Train"), |metric| value(metric, SplitName::Train))
        .column(Column::number("Validation"), |metric| value(metric, SplitName::Valid))
        .column(Column::number("Test"), |metric| value(metric, SplitName::Test))
        .table()
}

/// Returns the names of metrics in the order in which they were first recorded.
fn names<'a>(points: impl Iterator<Item = &'a MetricPoint>) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for point in points {
        if !names.contains(&point.name.as_str()) {
            names.push(&point.name);
        }
    }
    names
}

/// Returns the last value of a metric on a split.
fn last(metrics: &[MetricPoint], split: SplitName, name: &str) -> Option<f64> {
    let matches = |point: &&MetricPoint| point.split == split && point.name == name;
    metrics.iter().rfind(matches).map(|point| point.value)
}

fn data_table(
    resolved: &Resolved,
    (directory, record): (&RunDirectory, &RunRecord),
    metrics: &[MetricPoint],
) -> Table {
    let last = |split: SplitName, name: &str| json!(last(metrics, split, name));
    let run = [
        json!(directory.path().display().to_string()),
        json!(record.status.name()),
        json!(record.step),
        last(SplitName::Train, "loss"),
    ];
    let cost = [json!(record.timings.images_per_second.round()), json!(resolved.cost.parameters)];
    let row = |measured: Vec<Value>| [&run[..], &measured, &cost].concat();
    let (before, after) = (
        [("run", "Run"), ("status", "Status"), ("steps", "Steps"), ("train_loss", "Train loss")],
        [("images_per_second", "Images/s"), ("parameters", "Parameters")],
    );
    if !resolved.specification.data.contains_key("task") {
        let measured = [("valid_error", "Valid error"), ("test_error", "Test error")];
        let mut table = Table::data("allconv.run/1", &[&before[..], &measured, &after].concat());
        table.push(row(vec![last(SplitName::Valid, "error"), last(SplitName::Test, "error")]));
        return table;
    }
    let measured = [("metric", "Metric"), ("valid", "Valid"), ("test", "Test")];
    let mut table = Table::data("allconv.run_over_maps/1", &[&before[..], &measured, &after].concat());
    for name in names(metrics.iter().filter(|point| point.split != SplitName::Train)) {
        table.push(row(vec![json!(name), last(SplitName::Valid, name), last(SplitName::Test, name)]));
    }
    table
}
