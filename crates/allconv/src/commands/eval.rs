//! `allconv eval`: the metrics of a trained network on a split.

use allconv_data::DataDirectory;
use allconv_document::{Cell, Format as Number, Table};
use allconv_inspect::{RunWeights, TrainedNetwork};
use allconv_record::{Outcomes, Scores, SplitName};
use allconv_study::MetricUnit;
use allconv_train::{DataStore, ExampleRecord};
use serde_json::json;

use crate::arguments::{EvalArguments, TrainedArguments};
use crate::{device, exit, machine, output};

/// Runs the command.
pub(crate) fn run(arguments: &EvalArguments) -> anyhow::Result<u8> {
    let data = store(&arguments.trained);
    let mut trained = load(&arguments.trained, &data)?;
    if let Some(crops) = arguments.crops {
        trained.look_at(crops.into())?;
    }
    let split = SplitName::from(arguments.split);
    let (evaluated, of) = match arguments.images.is_empty() {
        true => (trained.evaluate(split, &data)?, split.name()),
        false => (trained.evaluate_pictures(&trained.pictures_of_files(&arguments.images)?)?, "the pictures"),
    };
    let table = match &evaluated.examples {
        ExampleRecord::Outcomes(outcomes) => class_table(trained.classes(), outcomes),
        ExampleRecord::Scores { scores, .. } => score_table(scores, &evaluated.metrics),
    };
    output::print(&arguments.format.write(&table))?;
    match &evaluated.examples {
        ExampleRecord::Outcomes(outcomes) => {
            let wrong = outcomes.0.iter().filter(|outcome| outcome.label != outcome.predicted).count();
            let error = 100.0 * wrong as f64 / outcomes.0.len().max(1) as f64;
            output::note(format_args!(
                "{of} error {error:.2} %, {of} loss {:.4} nats (mean cross-entropy)",
                evaluated.loss
            ));
        }
        ExampleRecord::Scores { .. } => {
            output::note(format_args!("mean loss on {of}: {:.6}", evaluated.loss))
        }
    }
    Ok(exit::OK)
}

/// Returns the table of wrong answers by class.
fn class_table(classes: &[String], outcomes: &Outcomes) -> Table {
    let columns = [("class", "Class"), ("images", "Images"), ("wrong", "Wrong"), ("error", "Error")];
    let mut table = Table::data("allconv.evaluation/1", &columns);
    if let Some(error) = table.columns.last_mut() {
        error.unit = MetricUnit::Percent.symbol().to_owned();
    }
    let mut row = |name: &str, class: Option<usize>| {
        let of_class = outcomes.0.iter().filter(|o| class.is_none_or(|class| usize::from(o.label) == class));
        let (images, wrong) =
            of_class.fold((0u64, 0u64), |(n, wrong), o| (n + 1, wrong + u64::from(o.label != o.predicted)));
        let error = rounded(wrong as f64 / images.max(1) as f64);
        let error = Cell::number(error, Number::Decimal(MetricUnit::Percent.decimal()));
        table.push([Cell::plain(name), images.into(), wrong.into(), error]);
    };
    for (class, name) in classes.iter().enumerate() {
        row(name, Some(class));
    }
    row("all", None);
    table
}

/// Metrics of every example and of the split.
fn score_table(scores: &Scores, metrics: &[(String, f64)]) -> Table {
    let columns = [("example", "Example"), ("metric", "Metric"), ("value", "Value")];
    let mut table = Table::data("allconv.scores_table/1", &columns);
    for example in &scores.examples {
        for (metric, value) in scores.metrics.iter().zip(&example.values) {
            table.push(vec![json!(example.name), json!(metric), json!(rounded(*value))]);
        }
    }
    for (metric, value) in metrics {
        table.push(vec![json!("all"), json!(metric), json!(rounded(*value))]);
    }
    table
}

/// The data sets that the arguments name.
pub(crate) fn store(arguments: &TrainedArguments) -> DataStore {
    DataStore::new(DataDirectory::new(&arguments.data.data_dir))
}

/// Loads the network that the arguments name.
pub(crate) fn load(arguments: &TrainedArguments, data: &DataStore) -> anyhow::Result<TrainedNetwork> {
    let weights = match &arguments.weights {
        Some(file) => RunWeights::File(file.clone()),
        None => RunWeights::Checkpoint(arguments.checkpoint.into()),
    };
    let isa = machine::isa(arguments.isa.as_deref())?;
    let device = device::choose("cpu")?.device;
    let trained = TrainedNetwork::open(&arguments.run, &weights, data, isa, &device)?;
    if let RunWeights::File(file) = &weights {
        let notes = trained.subject().weight_notes().join("; ");
        output::note(format_args!("{}: {notes}", file.display()));
    }
    Ok(trained)
}

fn rounded(share: f64) -> f64 {
    (share * 1e6).round() / 1e6
}
