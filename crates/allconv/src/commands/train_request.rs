//! The request of `allconv train`: from its arguments, or from the specification of another run, with single settings changed.

use std::path::Path;

use allconv_nets::models;
use allconv_record::{Request, RunDirectory, RunSpecification};
use allconv_study::with_settings;
use allconv_train::request_again;
use anyhow::Context;

use crate::arguments::TrainArguments;
use crate::exit::UsageError;

/// Returns the name of the run and its request.
pub(super) fn read(arguments: &TrainArguments) -> anyhow::Result<(String, Request)> {
    let (name, request) = match (&arguments.from, &arguments.model) {
        (Some(run), _) => {
            let (name, mut request) = of_run(run)?;
            request.seed = arguments.seed.map_or(request.seed, u64::from);
            remove_replaced(&mut request.train, &arguments.settings);
            (name, request)
        }
        (None, Some(model)) => (model.clone(), described(arguments, model)?),
        (None, None) => return Err(UsageError("--model or --from is needed".to_owned()).into()),
    };
    Ok((name, changed(request, &arguments.settings)?))
}

/// Returns the name and the request of a run that was made before, from its folder or from its `spec.toml`.
fn of_run(path: &Path) -> anyhow::Result<(String, Request)> {
    let file = if path.is_dir() { path.join("spec.toml") } else { path.to_path_buf() };
    let shown = file.display();
    let text = std::fs::read_to_string(&file).with_context(|| {
        format!("--from: cannot read {shown}; name the folder of a run, RUNS/STUDY/ARM-sSEED-HASH, or its spec.toml")
    })?;
    let specification: RunSpecification = toml::from_str(&text).map_err(|error| {
        UsageError(format!(
            "--from {shown}: no specification of a run: {}; name the `spec.toml` that a run has written",
            error.message()
        ))
    })?;
    let record = file.parent().and_then(|folder| RunDirectory::at(folder).read_record().ok());
    let name = record.map_or_else(|| "run".to_owned(), |record| record.arm);
    Ok((name, request_again(&specification)))
}

/// Returns the request with settings such as `train.learning_rate=0.1` changed or added.
fn changed(request: Request, settings: &[String]) -> anyhow::Result<Request> {
    if settings.is_empty() {
        return Ok(request);
    }
    let text = with_settings(&toml::to_string(&request)?, settings).map_err(UsageError)?;
    let read = toml::from_str(&text).map_err(|error| {
        let reason = error.message().replace('\n', ", ");
        UsageError(format!("--set: {reason}; a key begins with `data.`, `net.` or `train.`"))
    });
    Ok(read?)
}

/// Removes the settings of a run that cannot stand beside those that are written: its length in the other unit, and what belongs to SGD
/// where another optimiser is chosen.
fn remove_replaced(train: &mut toml::Table, settings: &[String]) {
    let written = |key: &str| {
        settings.iter().filter_map(|setting| setting.split_once('=')).any(|(name, _)| name.trim() == key)
    };
    let replaces_sgd =
        settings.iter().any(|setting| setting.starts_with("train.optimizer") && !setting.contains("sgd"));
    for (key, is_replaced) in [
        ("epochs", written("train.presentations")),
        ("presentations", written("train.epochs")),
        ("momentum", replaces_sgd),
        ("nesterov", replaces_sgd),
    ] {
        if is_replaced {
            train.remove(key);
        }
    }
}

/// Inserts a value that was given.
fn put(table: &mut toml::Table, key: &str, value: Option<toml::Value>) {
    if let Some(value) = value {
        table.insert(key.to_owned(), value);
    }
}

/// The request that the arguments describe, as if it stood in a study file.
fn described(arguments: &TrainArguments, model: &str) -> anyhow::Result<Request> {
    let spec = models::named(model).map_err(|error| UsageError(format!("--model: {error}")))?;
    let mut net = toml::Table::try_from(spec.with_width(arguments.width))?;
    // A preset may decide what the paper's models leave to the architecture; only the alias's own choices are kept.
    net.retain(|key, _| key == "architecture" || key == "downsample" || key == "upsample");
    let mut data = toml::Table::new();
    put(&mut data, "dataset", arguments.dataset.clone().map(Into::into));
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
    put(&mut data, "test_dataset", arguments.test_dataset.clone().map(Into::into));
    let view = |size: u32| toml::Table::from_iter([("size".to_owned(), toml::Value::from(size))]);
    put(&mut data, "view", arguments.view.map(view).map(Into::into));
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
    Ok(Request { seed: u64::from(arguments.seed.unwrap_or(0)), data, net, train })
}

/// Puts the value of an argument that is written as in a study file into `table`.
pub(super) fn written(
    table: &mut toml::Table,
    key: &str,
    argument: &str,
    value: Option<&String>,
) -> Result<(), UsageError> {
    if let Some(value) = value {
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        if value.starts_with(|letter: char| letter.is_ascii_alphabetic()) && value.chars().all(is_name) {
            table.insert(key.to_owned(), value.clone().into());
            return Ok(());
        }
        let parsed: Result<toml::Table, toml::de::Error> = format!("{key} = {value}").parse();
        table.extend(parsed.map_err(|error| {
            let reason = error.message().replace('\n', ", ");
            UsageError(format!(
                "{argument} {value}: {reason}; write a name such as `max_pool`, or a table such as `{{ max_pool = {{ kernel = 3 }} }}`"
            ))
        })?);
    }
    Ok(())
}
