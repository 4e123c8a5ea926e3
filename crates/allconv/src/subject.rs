//! The network and the images that `explain` and `measure` ask, as the command line names them.

use std::path::PathBuf;
use std::sync::Arc;

use allconv_data::DataDirectory;
use allconv_inspect::{
    Answer, Blueprint, CheckpointChoice, InspectError, Pictures, Subject, checkpoint_file,
};
use allconv_kernels::Accuracy;
use allconv_nets::{OutputKind, models};
use allconv_record::{MetricPoint, RunDirectory, SplitName};
use allconv_train::{DataRequest, DataStore, KeptData, RunSettings, TaskSettings, check_content, open_task};
use burn::tensor::Device;

use crate::arguments::{SplitArgument, SubjectArguments, Weights};
use crate::exit::UsageError;
use crate::machine;

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
        Some(path) if path.is_dir() => of_run(arguments, &store, path.clone(), count),
        weights => of_model(arguments, &store, weights.clone(), count),
    }
}

fn of_run(
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
        (arguments.seed.is_some(), "--seed"),
    ] {
        if given {
            return Err(UsageError(format!(
                "{name} belongs to a network without a run; {} is a run",
                path.display()
            ))
            .into());
        }
    }
    let run = RunDirectory::at(path);
    let settings = settings_of(&run)?;
    let choice = match arguments.checkpoint {
        Weights::Last => CheckpointChoice::Last,
        Weights::Best => CheckpointChoice::Best,
    };
    let weights = match arguments.untrained {
        true => None,
        false => Some(checkpoint_file(&run, choice)?),
    };
    let isa = machine::isa(arguments.isa.as_deref())?;
    let (subject, pictures, classes) = if arguments.images.is_empty() {
        let Pool { blueprint, pictures, classes } =
            Pool::of_run(&run, &settings, store, split(arguments.split), count)?;
        (Subject::new(blueprint, weights.as_deref(), isa)?, pictures, classes)
    } else {
        if settings.data.task().patches().is_some() {
            return Err(UsageError(
                "--images belongs to networks that name a class; this run's own pictures serve here"
                    .to_owned(),
            )
            .into());
        }
        // What the run kept is enough: the data set may be absent here, or another by now.
        let content_hash = run.read_specification()?.dataset_hash;
        let KeptData { data, fitted } = KeptData::of_run(&run, &settings, &content_hash, store)?;
        let (blueprint, _) = Blueprint::of_run(&run, data.input, data.classes.len())?;
        let subject = Subject::new(blueprint, weights.as_deref(), isa)?;
        let pictures = Pictures::of_files(&arguments.images, subject.walk().input, Some(fitted))?;
        (subject, pictures.spread(count), data.classes)
    };
    let history = run.read_metrics().unwrap_or_default();
    Ok(Loaded { subject, classes, pictures, run: Some(run), history })
}

/// The network that a run trained, before it has weights, and pictures of its data.
pub(crate) struct Pool {
    /// The network.
    pub(crate) blueprint: Blueprint,
    /// The pictures.
    pub(crate) pictures: Pictures,
    /// Names of the classes.
    classes: Vec<String>,
}

impl Pool {
    /// Up to `count` pictures of a split: whole images where classes are told apart, else the middle of each, as large as the patches
    /// that were trained on.
    ///
    /// # Errors
    /// [`InspectError`] when the data are absent or not those that the run was made with, or the specification cannot be read.
    pub(crate) fn of_run(
        run: &RunDirectory,
        settings: &RunSettings,
        store: &DataStore,
        split: SplitName,
        count: usize,
    ) -> Result<Pool, InspectError> {
        let recorded = run.read_specification()?.dataset_hash;
        if settings.data.task() == (TaskSettings::Classification {}) {
            let (dataset, prepared) = (store.dataset(&settings.data)?, store.prepared(&settings.data)?);
            check_content(&settings.data.dataset, &dataset.content_hash, &recorded)?;
            let input = [dataset.channels, dataset.height, dataset.width];
            let (blueprint, _) = Blueprint::of_run(run, input, dataset.classes.len())?;
            return Ok(Pool {
                blueprint,
                pictures: Pictures::of_split(&dataset, &prepared, split, count)?,
                classes: dataset.classes.clone(),
            });
        }
        let task = open_task(settings, store, &Device::flex())?;
        check_content(&settings.data.dataset, task.content_hash(), &recorded)?;
        let examples = task.inputs(split, count);
        if examples.is_empty() {
            return Err(InspectError::NoSplit {
                dataset: settings.data.dataset.clone(),
                split: split.name(),
            });
        }
        let (blueprint, _) = Blueprint::of_run(run, task.input(), task.outputs())?;
        let pictures = Pictures::of_examples(examples, task.input()[1])?;
        Ok(Pool { blueprint, pictures, classes: task.classes().to_vec() })
    }
}

/// The settings of a run.
fn settings_of(run: &RunDirectory) -> anyhow::Result<RunSettings> {
    let specification = run.read_specification().map_err(InspectError::from)?;
    let settings = RunSettings::read(&specification);
    Ok(settings.map_err(|error| UsageError(format!("{}: {error}", run.path().display())))?)
}

fn of_model(
    arguments: &SubjectArguments,
    store: &DataStore,
    weights: Option<PathBuf>,
    count: usize,
) -> anyhow::Result<Loaded> {
    let Some(name) = &arguments.model else {
        let what = weights.map_or_else(
            || "name a run directory, or a network with --model".to_owned(),
            |file| {
                format!(
                    "{} is no run directory; for a file of weights, name the network with --model",
                    file.display()
                )
            },
        );
        return Err(UsageError(what).into());
    };
    if arguments.untrained && weights.is_some() {
        return Err(UsageError("--untrained excludes a file of weights".to_owned()).into());
    }
    if matches!(arguments.checkpoint, Weights::Best) {
        return Err(UsageError("--checkpoint best belongs to a run".to_owned()).into());
    }
    let model = models::find(name).map_err(|error| UsageError(format!("--model: {error}")))?;
    let mut spec = model.spec().with_width(arguments.width.unwrap_or(1.0));
    if let Some(down) = &arguments.down {
        let table = format!("down = {down}");
        let parsed: std::collections::BTreeMap<String, allconv_nets::DownsampleConfig> =
            toml::from_str(&table).map_err(|error| UsageError(format!("--down {down}: {error}")))?;
        spec.downsample = parsed.into_values().next();
    }
    let (dataset, prepared) = match &arguments.dataset {
        None => (None, None),
        Some(dataset) => {
            let request = DataRequest {
                dataset: dataset.clone(),
                preprocess: arguments.preprocess.as_ref().map(|steps| parsed_steps(steps)).transpose()?,
                augment: None,
                // Nothing was trained here, so nothing is held out.
                validation: Some(0),
                train_images: None,
                synthetic: None,
                task: None,
                test_dataset: None,
                fold: None,
            };
            let settings = request.resolve(0);
            (Some(store.dataset(&settings)?), Some(store.prepared(&settings)?))
        }
    };
    let (input, classes) = match &dataset {
        Some(dataset) => ([dataset.channels, dataset.height, dataset.width], dataset.classes.len()),
        None => (model.input, model.classes),
    };
    let classes = arguments.classes.unwrap_or(classes);
    let answer = match spec.output() {
        OutputKind::Logits => Answer::Class,
        OutputKind::Map { .. } => Answer::Picture,
    };
    let blueprint = Blueprint {
        name: name.clone(),
        spec: spec.resolved(),
        input,
        classes,
        answer,
        seed: u64::from(arguments.seed.unwrap_or(0)),
        accuracy: Accuracy::F32,
    };
    let subject = Subject::new(blueprint, weights.as_deref(), machine::isa(arguments.isa.as_deref())?)?;
    let pictures = match (&dataset, &prepared, arguments.images.is_empty()) {
        (Some(dataset), Some(prepared), true) => {
            Pictures::of_split(dataset, prepared, split(arguments.split), count)?
        }
        (_, _, true) => {
            return Err(UsageError("name the images: --images FILE…, or --dataset NAME".to_owned()).into());
        }
        (_, prepared, false) => {
            let fitted = prepared.as_ref().map(|prepared| Arc::clone(&prepared.fitted));
            Pictures::of_files(&arguments.images, input, fitted)?.spread(count)
        }
    };
    let names = dataset.map_or_else(Vec::new, |dataset| dataset.classes.clone());
    Ok(Loaded { subject, classes: names, pictures, run: None, history: Vec::new() })
}

fn parsed_steps(steps: &[String]) -> Result<Vec<allconv_data::Preprocess>, UsageError> {
    let list = steps.iter().map(|step| toml::Value::String(step.clone())).collect();
    toml::Value::Array(list).try_into().map_err(|error| UsageError(format!("--preprocess: {error}")))
}

fn split(argument: SplitArgument) -> SplitName {
    match argument {
        SplitArgument::Train => SplitName::Train,
        SplitArgument::Valid => SplitName::Valid,
        SplitArgument::Test => SplitName::Test,
    }
}

/// The name of a class, or its number where names are not known.
pub(crate) fn class_name(classes: &[String], class: usize) -> String {
    classes.get(class).cloned().unwrap_or_else(|| format!("class {class}"))
}
