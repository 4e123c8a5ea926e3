//! A network as a run left it, with the data it was made for.

use std::path::{Path, PathBuf};

use allconv_data::Picture;
use allconv_kernels::{Engine, Isa};
use allconv_nets::Network;
use allconv_record::{RunDirectory, SplitName};
use allconv_train::{
    DataStore, Evaluated, NamedTensors, Prediction, RunSettings, Task, TrainError, load_tensors, open_task,
    read_safetensors, write_safetensors,
};
use burn::tensor::Device;

use crate::InspectError;

/// Which weights of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CheckpointChoice {
    /// Those of the last step, which the test split judges.
    #[default]
    Last,
    /// Those with the lowest validation error.
    Best,
}

impl CheckpointChoice {
    /// The name of the link in the run's `checkpoints` folder.
    pub fn name(self) -> &'static str {
        match self {
            CheckpointChoice::Last => "last",
            CheckpointChoice::Best => "best",
        }
    }
}

/// A trained network and its data.
pub struct Trained {
    settings: RunSettings,
    weights: NamedTensors,
    network: Network,
    task: Box<dyn Task>,
}

impl Trained {
    /// Loads the weights of a checkpoint of `run`, or those in the file `weights`, into the network that the run's specification describes.
    ///
    /// # Errors
    /// [`InspectError`] when the run is incomplete, the data are absent, or the weights belong to another network.
    pub fn load(
        run: &RunDirectory,
        choice: CheckpointChoice,
        weights: Option<&Path>,
        data: &DataStore,
        isa: Isa,
        device: &Device,
    ) -> Result<Trained, InspectError> {
        let specification = run.read_specification()?;
        let unusable = |reason: String| InspectError::Train(TrainError::Specification(reason));
        let settings = RunSettings::read(&specification).map_err(|error| unusable(error.to_string()))?;
        let file = weights.map_or_else(|| default_weights(run, choice), PathBuf::from);
        if weights.is_none() && !file.is_file() {
            return Err(InspectError::NoCheckpoint { run: run.path().to_path_buf(), choice: choice.name() });
        }
        let weights = read_safetensors(&file)?;
        let task = open_task(&settings, data, device)?;
        let accuracy = settings.accuracy().map_err(|error| unusable(error.to_string()))?;
        let engine = Engine::new(isa, accuracy);
        let mut network = Network::initialise(
            &settings.net,
            task.input(),
            task.outputs(),
            specification.seed,
            engine,
            device,
        )
        .map_err(|error| unusable(error.to_string()))?;
        load_tensors(&mut network, &weights).map_err(|error| InspectError::Weights {
            weights: file,
            network: run.path().display().to_string(),
            reason: error.to_string(),
        })?;
        Ok(Trained { settings, weights, network, task })
    }

    /// The settings of the run.
    pub fn settings(&self) -> &RunSettings {
        &self.settings
    }

    /// Names of the classes; empty where the task tells none apart.
    pub fn classes(&self) -> &[String] {
        self.task.classes()
    }

    /// Evaluates a split in evaluation mode.
    ///
    /// # Errors
    /// [`InspectError::NoSplit`] when there are no validation images; [`InspectError::Train`] when an image cannot be read.
    pub fn evaluate(&self, split: SplitName) -> Result<Evaluated, InspectError> {
        self.task.evaluate(&self.network, split)?.ok_or_else(|| InspectError::NoSplit {
            dataset: self.settings.data.dataset.clone(),
            split: split.name(),
        })
    }

    /// What the network says of a picture that belongs to no split: classes, an enlarged or restored picture, or regions.
    ///
    /// `name` is what an error calls the picture; with `tile` it is cut into tiles of so many input pixels a side.
    ///
    /// # Errors
    /// [`InspectError::Train`] when the picture is not of the kind that the network was made for, or cannot be cut so.
    pub fn predict(
        &self,
        name: &str,
        picture: &Picture,
        tile: Option<usize>,
    ) -> Result<Prediction, InspectError> {
        Ok(self.task.predict(&self.network, name, picture, tile)?)
    }

    /// Writes the weights under PyTorch's tensor names, for `load_state_dict(strict=True)` on the same network.
    ///
    /// # Errors
    /// [`InspectError::Record`] when the file cannot be written.
    pub fn export_safetensors(&self, path: &Path) -> Result<(), InspectError> {
        Ok(write_safetensors(path, &self.weights)?)
    }
}

fn default_weights(run: &RunDirectory, choice: CheckpointChoice) -> PathBuf {
    run.checkpoints().join(choice.name()).join("model.safetensors")
}
