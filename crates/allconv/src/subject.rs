//! The network and the images of `explain` and `measure`, as the command line names them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use allconv_data::{Crops, DataDirectory, Dataset, Filter, PreparedDataset, View};
use allconv_inspect::{
    Blueprint, ModelFolder, OutputType, Pictures, RunWeights, Subject, TrainedNetwork, picture_files,
};
use allconv_kernels::Accuracy;
use allconv_nets::{DownsampleConfig, OutputKind, models};
use allconv_record::{MetricPoint, RunDirectory};
use allconv_train::{DataRequest, DataStore};
use burn::tensor::Device;

use crate::arguments::{SubjectArguments, Weights};
use crate::exit::UsageError;
use crate::{machine, output};

/// A loaded network with its images.
pub(crate) struct Loaded {
    /// The network.
    pub(crate) subject: Subject,
    /// Names of its classes; empty if they are not known.
    pub(crate) classes: Vec<String>,
    /// The images.
    pub(crate) pictures: Pictures,
    /// The run, if it was named.
    pub(crate) run: Option<RunDirectory>,
    /// What the run recorded.
    pub(crate) history: Vec<MetricPoint>,
}

/// Loads what the arguments name, with up to `count` images.
///
/// # Errors
/// [`UsageError`] for arguments that do not fit together; [`allconv_inspect::InspectError`].
pub(crate) fn load(arguments: &SubjectArguments, count: usize) -> anyhow::Result<Loaded> {
    let store = DataStore::new(DataDirectory::new(&arguments.data.data_dir));
    match &arguments.subject {
        Some(path) if path.is_dir() => of_trained(arguments, &store, path.clone(), count),
        weights => of_model(arguments, &store, weights.clone(), count),
    }
}

fn of_trained(
    arguments: &SubjectArguments,
    store: &DataStore,
    path: PathBuf,
    count: usize,
) -> anyhow::Result<Loaded> {
    for (given, name) in [
        (arguments.model.is_some(), "--model"),
        (arguments.width.is_some(), "--width"),
        (arguments.classes.is_some(), "--classes"),
        (arguments.dataset.is_some(), "--dataset"),
        (arguments.preprocess.is_some(), "--preprocess"),
        (arguments.view.is_some(), "--view"),
        (arguments.seed.is_some(), "--seed"),
    ] {
        if given {
            return Err(UsageError(format!(
                "{name} belongs to a network without a run; {} is a trained network",
                path.display()
            ))
            .into());
        }
    }
    let weights = match arguments.untrained {
        true => RunWeights::Untrained,
        false => RunWeights::Checkpoint(arguments.checkpoint.into()),
    };
    let isa = machine::isa(arguments.isa.as_deref())?;
    let trained = TrainedNetwork::open(&path, &weights, store, isa, &Device::flex())?;
    let run = (!ModelFolder::is_at(&path)).then(|| RunDirectory::at(path));
    let pictures = match arguments.images.is_empty() {
        true => trained.pictures_of_split(arguments.split.into(), count, store)?,
        // The data that the run kept suffice: the data set may be absent or changed.
        false => trained.pictures_of_files(&arguments.images)?.spread(count),
    };
    let history = run.as_ref().and_then(|run| run.read_metrics().ok()).unwrap_or_default();
    let classes = trained.classes().to_vec();
    Ok(Loaded { subject: trained.into_subject(), classes, pictures, run, history })
}

fn of_model(
    arguments: &SubjectArguments,
    store: &DataStore,
    weights: Option<PathBuf>,
    count: usize,
) -> anyhow::Result<Loaded> {
    let model = named_model(arguments, weights.as_deref())?;
    let mut spec = model.spec().with_width(arguments.width.unwrap_or(1.0));
    if let Some(down) = &arguments.down {
        let table = format!("down = {down}");
        let parsed: BTreeMap<String, DownsampleConfig> =
            toml::from_str(&table).map_err(|error| UsageError(format!("--down {down}: {error}")))?;
        spec.downsample = parsed.into_values().next();
    }
    let data = arguments.dataset.as_ref().map(|name| opened(name, arguments, store)).transpose()?;
    let (input, classes) = match &data {
        Some((set, _)) => ([set.channels, set.height, set.width], set.classes.len()),
        None => (model.input, model.classes),
    };
    let output_type = match spec.output() {
        OutputKind::Logits => OutputType::Class,
        OutputKind::Map { .. } => OutputType::Picture,
    };
    let blueprint = Blueprint {
        name: model.name.to_owned(),
        spec: spec.resolved(),
        input,
        classes: arguments.classes.unwrap_or(classes),
        output_type,
        seed: u64::from(arguments.seed.unwrap_or(0)),
        accuracy: Accuracy::F32,
    };
    let isa = machine::isa(arguments.isa.as_deref())?;
    let subject = Subject::new(blueprint, weights.as_deref(), isa, &Device::flex())?;
    if let Some(file) = &weights {
        output::note(format_args!("{}: {}", file.display(), subject.weight_notes().join("; ")));
    }
    let pictures = match (&data, arguments.images.is_empty()) {
        (Some((set, prepared)), true) => Pictures::of_split(set, prepared, arguments.split.into(), count)?,
        (None, true) => {
            return Err(UsageError("name the images: --images FILE…, or --dataset NAME".to_owned()).into());
        }
        (data, false) => {
            let fitted = data.as_ref().map(|(_, prepared)| Arc::clone(&prepared.fitted));
            let files = picture_files(&arguments.images)?;
            Pictures::of_files(&files, input, fitted, view(arguments))?.spread(count)
        }
    };
    let classes = data.map_or_else(Vec::new, |(set, _)| set.classes.clone());
    Ok(Loaded { subject, classes, pictures, run: None, history: Vec::new() })
}

/// The model that `--model` names.
///
/// # Errors
/// [`UsageError`] without a name, and for arguments that need a run or exclude each other.
fn named_model(
    arguments: &SubjectArguments,
    weights: Option<&Path>,
) -> Result<&'static models::Model, UsageError> {
    let Some(name) = &arguments.model else {
        return Err(UsageError(match weights {
            None => "name a run directory, or a network with --model".to_owned(),
            Some(file) => format!(
                "{} is not a run directory; for a file of weights, name the network with --model",
                file.display()
            ),
        }));
    };
    if arguments.untrained && weights.is_some() {
        return Err(UsageError("--untrained excludes a file of weights".to_owned()));
    }
    if matches!(arguments.checkpoint, Weights::Best) {
        return Err(UsageError("--checkpoint best belongs to a run".to_owned()));
    }
    models::find(name).map_err(|error| UsageError(format!("--model: {error}")))
}

/// The data set called `name`, with nothing held out, since nothing was trained here.
fn opened(
    name: &str,
    arguments: &SubjectArguments,
    store: &DataStore,
) -> anyhow::Result<(Arc<Dataset>, Arc<PreparedDataset>)> {
    let request = DataRequest {
        dataset: name.to_owned(),
        preprocess: arguments.preprocess.as_ref().map(|steps| parsed_steps(steps)).transpose()?,
        augment: None,
        validation: Some(0),
        train_images: None,
        view: view(arguments),
        synthetic: None,
        task: None,
        test_dataset: None,
        fold: None,
    };
    let settings = request.resolve(0, None);
    Ok((store.dataset(&settings)?, store.prepared(&settings)?))
}

/// The view that the arguments name.
fn view(arguments: &SubjectArguments) -> Option<View> {
    arguments.view.map(|size| View { size, resize: None, filter: Filter::default(), crops: Crops::default() })
}

fn parsed_steps(steps: &[String]) -> Result<Vec<allconv_data::Preprocess>, UsageError> {
    let list = steps.iter().map(|step| toml::Value::String(step.clone())).collect();
    toml::Value::Array(list).try_into().map_err(|error| UsageError(format!("--preprocess: {error}")))
}

/// The name of a class, or its number where names are not known.
pub(crate) fn class_name(classes: &[String], class: usize) -> String {
    classes.get(class).cloned().unwrap_or_else(|| format!("class {class}"))
}
