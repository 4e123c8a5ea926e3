//! `allconv train`: one run, with the engine and the run directory of a study's runs.

use std::sync::Arc;

use allconv_data::DataDirectory;
use allconv_document::Table;
use allconv_nets::models;
use allconv_record::{
    MetricPoint, Request, Resolve, ResolveError, Resolved, RunDirectory, SplitName, Status,
};
use allconv_study::{PlannedRun, check_room};
use allconv_train::{DataStore, Resolver, RunSettings};
use anyhow::{Context, anyhow};
use serde_json::{Value, json};

use crate::arguments::TrainArguments;
use crate::exit::{self, UsageError};
use crate::runner::Runner;
use crate::{device, interrupt, measures, output};

/// Folder inside `--out` for runs that belong to no study.
const STUDY: &str = "train";

/// Runs the command.
pub(crate) fn run(arguments: &TrainArguments) -> anyhow::Result<u8> {
    let request = request(arguments)?;
    let device = device::choose(&arguments.device)?;
    let data = Arc::new(DataStore::new(DataDirectory::new(&arguments.data.data_dir)));
    let resolved = Resolver::new(Arc::clone(&data), device.kind)
        .measuring(measures::metrics())
        .explaining(measures::methods())
        .resolve(&request)
        .map_err(refused)?;
    if let Some(start) = RunSettings::read(&resolved.specification).map_err(refused)?.train.start {
        output::note(format_args!("the run {start}"));
    }
    let arm = arguments.model.clone();
    let planned = PlannedRun { arm, arm_index: 0, seed: request.seed, request_hash: request.hash(), request };
    let folder = arguments.out.join(STUDY);
    let directory = RunDirectory::for_run(&folder, &planned.arm, &resolved.specification);
    if directory.ended()?.is_none() {
        check_room(&folder, [&resolved], 1)?;
    }
    let relatives = RunDirectory::list(&folder)?;
    let runner = Runner::new(STUDY, &arguments.machine, 1, data, device, interrupt::install()?)?;
    let status = runner.make(&planned, &resolved, &directory, &relatives)?;
    report(arguments, &resolved, &directory, status)?;
    Ok(match status {
        Status::Finished => exit::OK,
        Status::Interrupted => exit::INTERRUPTED,
        _ => exit::DIVERGED,
    })
}

/// The request that the arguments describe, as if it stood in a study file.
fn request(arguments: &TrainArguments) -> anyhow::Result<Request> {
    let spec = models::named(&arguments.model).map_err(|error| UsageError(format!("--model: {error}")))?;
    let mut net = toml::Table::try_from(spec.with_width(arguments.width))?;
    // What the paper's models leave to the architecture, a preset may decide; only the alias's own choices are kept.
    net.retain(|key, _| key == "architecture" || key == "downsample" || key == "upsample");
    let mut data = toml::Table::new();
    data.insert("dataset".into(), arguments.dataset.clone().into());
    written(&mut net, "downsample", "--down", arguments.down.as_ref())?;
    written(&mut net, "upsample", "--up", arguments.up.as_ref())?;
    written(&mut data, "task", "--task", arguments.task.as_ref())?;
    written(&mut data, "fold", "--fold", arguments.fold.as_ref())?;
    let over_maps = arguments.task.is_some();
    if !over_maps || arguments.hflip || arguments.translate > 0 {
        let mut augment = toml::Table::new();
        augment.insert("horizontal_flip".into(), arguments.hflip.into());
        augment.insert("translate".into(), arguments.translate.into());
        data.insert("augment".into(), augment.into());
    }
    let steps = if over_maps { Vec::new() } else { vec!["standardize".to_owned()] };
    data.insert("preprocess".into(), arguments.preprocess.clone().unwrap_or(steps).into());
    let mut train = toml::Table::new();
    let preset = if over_maps { "dense" } else { "springenberg2015" };
    train.insert("preset".into(), arguments.preset.clone().unwrap_or_else(|| preset.to_owned()).into());
    let put = |table: &mut toml::Table, key: &str, value: Option<toml::Value>| {
        if let Some(value) = value {
            table.insert(key.to_owned(), value);
        }
    };
    put(&mut data, "test_dataset", arguments.test_dataset.clone().map(Into::into));
    put(&mut data, "validation", arguments.validation.map(Into::into));
    put(&mut data, "train_images", arguments.train_images.map(Into::into));
    put(&mut train, "epochs", arguments.epochs.map(Into::into));
    put(&mut train, "presentations", arguments.presentations.map(Into::into));
    put(&mut train, "batch", arguments.batch_size.map(Into::into));
    put(&mut train, "learning_rate", arguments.lr.map(Into::into));
    put(&mut train, "weight_decay", arguments.weight_decay.map(Into::into));
    put(&mut train, "precision", arguments.precision.clone().map(Into::into));
    put(&mut train, "measure", arguments.measure.clone().map(Into::into));
    put(&mut train, "explain", arguments.explain.clone().map(Into::into));
    if let Some(weights) = &arguments.start {
        let mut start = toml::Table::new();
        start.insert("weights".into(), weights.display().to_string().into());
        start.insert("freeze".into(), arguments.freeze.clone().into());
        train.insert("start".into(), start.into());
    }
    Ok(Request { seed: u64::from(arguments.seed), data, net, train })
}

/// Puts the value of an argument that is written as in a study file into `table`.
fn written(
    table: &mut toml::Table,
    key: &str,
    argument: &str,
    value: Option<&String>,
) -> Result<(), UsageError> {
    if let Some(value) = value {
        let parsed: Result<toml::Table, _> = format!("{key} = {value}").parse();
        table.extend(parsed.map_err(|error| UsageError(format!("{argument} {value}: {error}")))?);
    }
    Ok(())
}

/// A request that cannot be resolved: bad data, or a wrong argument.
fn refused(error: ResolveError) -> anyhow::Error {
    let hint = error.suggestion.as_ref().map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
    let message = format!("{error}{hint}");
    if error.bad_data { anyhow!(exit::BadData(message)) } else { anyhow!(UsageError(message)) }
}

/// Prints what came of the run: for a classifier a row, for a network that returns maps a row for each metric.
fn report(
    arguments: &TrainArguments,
    resolved: &Resolved,
    directory: &RunDirectory,
    status: Status,
) -> anyhow::Result<()> {
    let metrics = directory.read_metrics()?;
    let last = |split: SplitName, name: &str| {
        let matches = |point: &&MetricPoint| point.split == split && point.name == name;
        json!(metrics.iter().rfind(matches).map(|point| point.value))
    };
    let record = directory.read_record().context("the run has no record")?;
    let run = [
        json!(directory.path().display().to_string()),
        json!(status.name()),
        json!(record.step),
        last(SplitName::Train, "loss"),
    ];
    let cost = [json!(record.timings.images_per_second.round()), json!(resolved.cost.parameters)];
    let row = |measured: Vec<Value>| [&run[..], &measured, &cost].concat();
    let (before, after) = (
        [("run", "Run"), ("status", "Status"), ("steps", "Steps"), ("train_loss", "Train loss")],
        [("images_per_second", "Images/s"), ("parameters", "Parameters")],
    );
    let table = if arguments.task.is_none() {
        let measured = [("valid_error", "Valid error"), ("test_error", "Test error")];
        let mut table = Table::data("allconv.run/1", &[&before[..], &measured, &after].concat());
        table.push(row(vec![last(SplitName::Valid, "error"), last(SplitName::Test, "error")]));
        table
    } else {
        let measured = [("metric", "Metric"), ("valid", "Valid"), ("test", "Test")];
        let mut table = Table::data("allconv.run_over_maps/1", &[&before[..], &measured, &after].concat());
        let mut names: Vec<&str> = Vec::new();
        for point in metrics.iter().filter(|point| point.split != SplitName::Train) {
            if !names.contains(&point.name.as_str()) {
                names.push(&point.name);
            }
        }
        for name in names {
            table.push(row(vec![json!(name), last(SplitName::Valid, name), last(SplitName::Test, name)]));
        }
        table
    };
    output::print(&arguments.format.write(&table))?;
    if let Some(reason) = &record.reason {
        output::note(format_args!("{status}: {reason}"));
    }
    if status == Status::Interrupted {
        output::note(format_args!("interrupted after a good checkpoint; the same command continues the run"));
    }
    output::note(format_args!("to reproduce: {}", record.command_line()));
    Ok(())
}
