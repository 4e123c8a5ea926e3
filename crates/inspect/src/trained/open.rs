//! Opens trained networks: from a run directory, or from a model folder.

use std::path::{Path, PathBuf};

use allconv_kernels::Isa;
use allconv_record::{Provenance, RunDirectory, RunSpecification};
use allconv_train::{
    CheckpointStore, DataStore, KeptData, RunSettings, TaskSettings, TrainError, open_predictor,
};
use burn::tensor::Device;

use super::{Origin, RunWeights, TrainedNetwork};
use crate::{Blueprint, CheckpointChoice, InspectError, ModelFolder, OutputType, Subject, checkpoint_step};

/// What a network is built from.
struct Source {
    name: String,
    specification: RunSpecification,
    settings: RunSettings,
    kept: KeptData,
    origin: Origin,
    weights: Option<PathBuf>,
}

impl TrainedNetwork {
    /// Builds the network in `path` on `device`: that of a model folder, or of a run directory.
    ///
    /// # Errors
    /// As [`of_run`](Self::of_run) and [`of_folder`](Self::of_folder).
    pub fn open(
        path: &Path,
        weights: &RunWeights,
        data: &DataStore,
        isa: Isa,
        device: &Device,
    ) -> Result<TrainedNetwork, InspectError> {
        match ModelFolder::is_at(path) {
            true => TrainedNetwork::of_folder(&ModelFolder::at(path), weights, isa, device),
            false => TrainedNetwork::of_run(&RunDirectory::at(path), weights, data, isa, device),
        }
    }

    /// Builds the network that the specification of `run` describes, on `device`.
    ///
    /// The data set is opened for runs of versions that kept nothing of it, and for no others.
    ///
    /// # Errors
    /// [`InspectError`] when the run is incomplete, the weights belong to another network or are not finite, or the data that are needed
    /// are absent or others.
    pub fn of_run(
        run: &RunDirectory,
        weights: &RunWeights,
        data: &DataStore,
        isa: Isa,
        device: &Device,
    ) -> Result<TrainedNetwork, InspectError> {
        let specification = run.read_specification()?;
        let settings = read_settings(&specification, run.path())?;
        let kept = KeptData::of_run(run, &settings, &specification.dataset_hash, data)?;
        let (step, file) = match weights {
            RunWeights::Checkpoint(choice) => {
                let step = checkpoint_step(run, *choice)?;
                (Some(step), Some(CheckpointStore::at(run.checkpoints()).weights_of(step)))
            }
            RunWeights::File(file) => (None, Some(file.clone())),
            RunWeights::Untrained => (None, None),
        };
        let origin = Origin::Run { run: run.clone(), weights: weights.clone(), step };
        let source = Source { name: run.name(), specification, settings, kept, origin, weights: file };
        build(source, isa, device)
    }

    /// Builds the network of a model folder on `device`; no other file is read.
    ///
    /// # Errors
    /// [`InspectError`] when a file of the folder is missing, damaged or contradicts another, or other weights than its own are asked for
    /// that it does not hold.
    pub fn of_folder(
        folder: &ModelFolder,
        weights: &RunWeights,
        isa: Isa,
        device: &Device,
    ) -> Result<TrainedNetwork, InspectError> {
        let config = folder.read_config()?;
        let settings = read_settings(&config.specification, &folder.config_path())?;
        let kept = folder.read_kept(&config, &settings)?;
        let mut provenance = config.provenance;
        let file = match weights {
            RunWeights::Untrained => None,
            RunWeights::File(file) => {
                provenance =
                    Provenance { weights: weights.name().to_owned(), results: Vec::new(), ..provenance };
                Some(file.clone())
            }
            RunWeights::Checkpoint(CheckpointChoice::Best) if provenance.weights != weights.name() => {
                return Err(InspectError::Request(format!(
                    "{} holds the weights `{}` alone; leave --checkpoint out, or name the run",
                    folder.path().display(),
                    provenance.weights
                )));
            }
            RunWeights::Checkpoint(_) => Some(folder.weights_path()),
        };
        let (name, origin) = (provenance.run.clone(), Origin::Folder(Box::new(provenance)));
        let specification = config.specification;
        build(Source { name, specification, settings, kept, origin, weights: file }, isa, device)
    }

    /// Where the weights come from.
    ///
    /// # Errors
    /// [`InspectError::Record`] when the record or the metrics of the run are missing or damaged.
    pub fn provenance(&self) -> Result<Provenance, InspectError> {
        Ok(match &self.origin {
            Origin::Folder(provenance) => (**provenance).clone(),
            Origin::Run { run, weights, step: Some(step) } => Provenance::of_run(run, weights.name(), *step)?,
            Origin::Run { run, weights, step: None } => Provenance::of_other_weights(run, weights.name())?,
        })
    }
}

fn read_settings(specification: &RunSpecification, file: &Path) -> Result<RunSettings, InspectError> {
    RunSettings::read(specification).map_err(|error| unusable(format!("{}: {error}", file.display())))
}

fn unusable(reason: String) -> InspectError {
    InspectError::Train(TrainError::Specification(reason))
}

fn build(source: Source, isa: Isa, device: &Device) -> Result<TrainedNetwork, InspectError> {
    let Source { name, specification, settings, kept, origin, weights } = source;
    let predictor = open_predictor(&settings, &kept, device)?;
    let blueprint = Blueprint {
        name,
        spec: settings.net.clone(),
        input: kept.data.input,
        classes: predictor.outputs(),
        output_type: output_type_of(&settings),
        seed: specification.seed,
        accuracy: settings.accuracy().map_err(|error| unusable(error.to_string()))?,
    };
    let subject = Subject::new(blueprint, weights.as_deref(), isa, device)?;
    let device = device.clone();
    Ok(TrainedNetwork { specification, settings, kept, predictor, subject, origin, device })
}

fn output_type_of(settings: &RunSettings) -> OutputType {
    match settings.data.task() {
        TaskSettings::Classification {} => OutputType::Class,
        TaskSettings::Segmentation(_) => OutputType::Regions,
        TaskSettings::SuperResolution(_) | TaskSettings::Denoising(_) | TaskSettings::Autoencoding(_) => {
            OutputType::Picture
        }
    }
}
