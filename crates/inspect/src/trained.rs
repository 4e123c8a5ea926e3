//! A network as a run left it, with the data it was made for.

use std::path::Path;
use std::time::Instant;

use allconv_data::Picture;
use allconv_kernels::{Engine, Isa};
use allconv_nets::{Mode, Network};
use allconv_record::{RunDirectory, SplitName};
use allconv_train::{
    DataStore, Evaluated, KeptData, NamedTensors, Prediction, Predictor, RunSettings, TrainError,
    check_content, load_tensors, open_predictor, open_task, read_safetensors, write_safetensors,
};
use burn::tensor::{Device, Tensor, TensorData};

use crate::{InspectError, checkpoint_file};

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
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            CheckpointChoice::Last => "last",
            CheckpointChoice::Best => "best",
        }
    }
}

/// A trained network with what its run kept of its data.
pub struct Trained {
    settings: RunSettings,
    content_hash: String,
    classes: Vec<String>,
    weights: NamedTensors,
    network: Network,
    predictor: Box<dyn Predictor>,
    input: [usize; 3],
    device: Device,
}

impl Trained {
    /// Loads the weights of a checkpoint of `run`, or those in the file `weights`, into the network that the run's specification describes.
    ///
    /// The data set is opened for runs of versions that kept nothing of it, and for no others.
    ///
    /// # Errors
    /// [`InspectError`] when the run is incomplete, the weights belong to another network or are not finite, or the data that are needed
    /// are absent or others.
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
        let file = match weights {
            Some(file) => file.to_path_buf(),
            None => checkpoint_file(run, choice)?,
        };
        let weights = read_safetensors(&file)?;
        let content_hash = specification.dataset_hash.clone();
        let kept = KeptData::of_run(run, &settings, &content_hash, data)?;
        let predictor = open_predictor(&settings, &kept, device)?;
        let accuracy = settings.accuracy().map_err(|error| unusable(error.to_string()))?;
        let engine = Engine::new(isa, accuracy);
        let mut network = Network::initialise(
            &settings.net,
            kept.data.input,
            predictor.outputs(),
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
        let (classes, input, device) = (kept.data.classes, kept.data.input, device.clone());
        Ok(Trained { settings, content_hash, classes, weights, network, predictor, input, device })
    }

    /// The settings of the run.
    pub fn settings(&self) -> &RunSettings {
        &self.settings
    }

    /// Names of the classes; empty where the task tells none apart.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Whether its answer to a picture is a picture, rather than a class.
    pub fn returns_pictures(&self) -> bool {
        self.settings.data.task().patches().is_some()
    }

    /// Evaluates a split in evaluation mode.
    ///
    /// # Errors
    /// [`InspectError::NoSplit`] when there are no validation images; [`InspectError::Train`] when the data are absent or not those that
    /// the run was made with, an image cannot be read, or the loss is not finite.
    pub fn evaluate(&self, split: SplitName, data: &DataStore) -> Result<Evaluated, InspectError> {
        let task = open_task(&self.settings, data, &self.device)?;
        let dataset = &self.settings.data.dataset;
        check_content(dataset, task.content_hash(), &self.content_hash)?;
        let none = || InspectError::NoSplit { dataset: dataset.clone(), split: split.name() };
        let evaluated = task.evaluate(&self.network, split)?.ok_or_else(none)?;
        if !evaluated.loss.is_finite() {
            let (what, value) = (format!("the {} loss", split.name()), evaluated.loss as f32);
            return Err(TrainError::NotFinite { what, value }.into());
        }
        Ok(evaluated)
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
        Ok(self.predictor.predict(&self.network, name, picture, tile)?)
    }

    /// Times one forward pass in evaluation mode over `images` images of the size that the network was trained on, from values in host memory to
    /// answers in host memory, in seconds.
    pub fn forward_seconds(&self, images: usize) -> f64 {
        let [channels, height, width] = self.input;
        // Pixel values of all sizes; which ones does not change the work.
        let values: Vec<f32> = (0..images * channels * height * width)
            .map(|index| (index * 37 % 256) as f32 / 255.0 - 0.5)
            .collect();
        let start = Instant::now();
        let shape = [images, channels, height, width];
        let batch = Tensor::<4>::from_data(TensorData::new(values, shape), &self.device);
        // Reading the answers waits for the device.
        let answers = match self.returns_pictures() {
            true => self.network.forward_map(batch, Mode::Evaluate).into_data(),
            false => self.network.forward(batch, Mode::Evaluate).into_data(),
        };
        let seconds = start.elapsed().as_secs_f64();
        assert_eq!(answers.num_elements() % images.max(1), 0, "answers of {images} images");
        seconds
    }

    /// Writes the weights under PyTorch's tensor names, for `load_state_dict(strict=True)` on the same network.
    ///
    /// # Errors
    /// [`InspectError::Record`] when the file cannot be written.
    pub fn export_safetensors(&self, path: &Path) -> Result<(), InspectError> {
        Ok(write_safetensors(path, &self.weights)?)
    }
}
