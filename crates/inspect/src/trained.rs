//! The trained network of a run with the description of its data: for evaluation, prediction, explanation, measurement, timing and
//! export.

use std::path::{Path, PathBuf};
use std::time::Instant;

use allconv_data::Picture;
use allconv_kernels::Isa;
use allconv_nets::Mode;
use allconv_record::{RunDirectory, SplitName};
use allconv_train::{
    DataStore, Evaluated, KeptData, Prediction, Predictor, RunSettings, TaskSettings, TrainError,
    check_content, network_tensors, open_predictor, open_task, write_safetensors,
};
use burn::tensor::{Device, Tensor, TensorData};

use crate::{Blueprint, CheckpointChoice, InspectError, OutputType, Pictures, Subject, checkpoint_file};

/// The weights of a run's network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunWeights {
    /// Those of a checkpoint.
    Checkpoint(CheckpointChoice),
    /// Those in a safetensors file.
    File(PathBuf),
    /// Those that the run started from.
    Untrained,
}

/// The network of a run with the description of its data.
pub struct TrainedNetwork {
    settings: RunSettings,
    content_hash: String,
    kept: KeptData,
    predictor: Box<dyn Predictor>,
    subject: Subject,
    device: Device,
}

impl TrainedNetwork {
    /// Builds the network that the specification of `run` describes, on `device`.
    ///
    /// The data set is opened only for runs of versions that kept no description of it.
    ///
    /// # Errors
    /// [`InspectError`] when the run is incomplete, the weights belong to another network or are not finite, or the data that are needed
    /// are absent or differ.
    pub fn of_run(
        run: &RunDirectory,
        weights: &RunWeights,
        data: &DataStore,
        isa: Isa,
        device: &Device,
    ) -> Result<TrainedNetwork, InspectError> {
        let specification = run.read_specification()?;
        let unusable = |reason: String| InspectError::Train(TrainError::Specification(reason));
        let settings = RunSettings::read(&specification)
            .map_err(|error| unusable(format!("{}: {error}", run.path().display())))?;
        let kept = KeptData::of_run(run, &settings, &specification.dataset_hash, data)?;
        let predictor = open_predictor(&settings, &kept, device)?;
        let name = run.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let blueprint = Blueprint {
            name,
            spec: settings.net.clone(),
            input: kept.data.input,
            classes: predictor.outputs(),
            output_type: output_type_of(&settings),
            seed: specification.seed,
            accuracy: settings.accuracy().map_err(|error| unusable(error.to_string()))?,
        };
        let file = match weights {
            RunWeights::Checkpoint(choice) => Some(checkpoint_file(run, *choice)?),
            RunWeights::File(file) => Some(file.clone()),
            RunWeights::Untrained => None,
        };
        let subject = Subject::new(blueprint, file.as_deref(), isa, device)?;
        let content_hash = specification.dataset_hash;
        Ok(TrainedNetwork { settings, content_hash, kept, predictor, subject, device: device.clone() })
    }

    /// Returns the network itself, to be explained and measured.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Returns the network itself.
    pub fn into_subject(self) -> Subject {
        self.subject
    }

    /// Returns the settings of the run.
    pub fn settings(&self) -> &RunSettings {
        &self.settings
    }

    /// Returns the names of the classes; empty for tasks without classes.
    pub fn classes(&self) -> &[String] {
        &self.kept.data.classes
    }

    /// Returns whether its output is a picture rather than a class.
    pub fn returns_pictures(&self) -> bool {
        self.subject.output_type() != OutputType::Class
    }

    /// Evaluates a split in evaluation mode.
    ///
    /// # Errors
    /// [`InspectError::NoSplit`] when there are no validation images; [`InspectError::Train`] when the data are absent or not those that
    /// the run was made with, an image cannot be read, or the loss is not finite.
    pub fn evaluate(&self, split: SplitName, data: &DataStore) -> Result<Evaluated, InspectError> {
        let task = open_task(&self.settings, data, &self.device)?;
        self.check_content(task.content_hash())?;
        let evaluated = task.evaluate(self.subject.plain(), split)?.ok_or_else(|| self.no_split(split))?;
        if !evaluated.loss.is_finite() {
            let (what, value) = (format!("the {} loss", split.name()), evaluated.loss as f32);
            return Err(TrainError::NotFinite { what, value }.into());
        }
        Ok(evaluated)
    }

    /// Returns up to `count` pictures of a split: whole images for classifiers, else the middle of each, as large as the training patches.
    ///
    /// # Errors
    /// [`InspectError::NoSplit`]; [`InspectError::Train`] when the data are absent or not those that the run was made with;
    /// [`InspectError::Image`] for a picture that is too small.
    pub fn pictures_of_split(
        &self,
        split: SplitName,
        count: usize,
        data: &DataStore,
    ) -> Result<Pictures, InspectError> {
        if self.settings.data.task() == (TaskSettings::Classification {}) {
            let dataset = data.dataset(&self.settings.data)?;
            self.check_content(&dataset.content_hash)?;
            return Pictures::of_split(&dataset, &*data.prepared(&self.settings.data)?, split, count);
        }
        let task = open_task(&self.settings, data, &self.device)?;
        self.check_content(task.content_hash())?;
        let examples = task.inputs(split, count);
        if examples.is_empty() {
            return Err(self.no_split(split));
        }
        Pictures::of_examples(examples, task.input()[1])
    }

    /// Returns the pictures of files, prepared as the run prepared its images; for networks that name a class.
    ///
    /// # Errors
    /// [`InspectError::Request`] for networks that return maps; [`InspectError::Image`] for a file that is not an image or has another
    /// size.
    pub fn pictures_of_files(&self, files: &[PathBuf]) -> Result<Pictures, InspectError> {
        if self.returns_pictures() {
            return Err(InspectError::Request(
                "--images works with networks that name a class; this run uses the pictures of its data set"
                    .to_owned(),
            ));
        }
        Pictures::of_files(files, self.kept.data.input, Some(self.kept.fitted.clone()))
    }

    /// Predicts a picture outside the data set: classes, an enlarged or restored picture, or regions.
    ///
    /// `name` is the picture's name in errors; with `tile` it is cut into square tiles of that many input pixels in height and width.
    ///
    /// # Errors
    /// [`InspectError::Train`] when the picture is not of the kind that the network was trained on, or cannot be cut into such tiles.
    pub fn predict(
        &self,
        name: &str,
        picture: &Picture,
        tile: Option<usize>,
    ) -> Result<Prediction, InspectError> {
        Ok(self.predictor.predict(self.subject.plain(), name, picture, tile)?)
    }

    /// Times one forward pass in evaluation mode over `images` images of the size that the network was trained on, from values in host memory to
    /// outputs in host memory, in seconds.
    pub fn forward_seconds(&self, images: usize) -> f64 {
        let [channels, height, width] = self.kept.data.input;
        // Pixel values of all sizes; which ones does not change the work.
        let values: Vec<f32> = (0..images * channels * height * width)
            .map(|index| (index * 37 % 256) as f32 / 255.0 - 0.5)
            .collect();
        let start = Instant::now();
        let shape = [images, channels, height, width];
        let batch = Tensor::<4>::from_data(TensorData::new(values, shape), &self.device);
        // Reading the outputs waits for the device.
        let outputs = match self.returns_pictures() {
            true => self.subject.plain().forward_map(batch, Mode::Evaluate).into_data(),
            false => self.subject.plain().forward(batch, Mode::Evaluate).into_data(),
        };
        let seconds = start.elapsed().as_secs_f64();
        assert_eq!(outputs.num_elements() % images.max(1), 0, "outputs of {images} images");
        seconds
    }

    /// Writes the weights under PyTorch's tensor names, for `load_state_dict(strict=True)` on the same network.
    ///
    /// # Errors
    /// [`InspectError::Record`] when the file cannot be written.
    pub fn export_safetensors(&self, path: &Path) -> Result<(), InspectError> {
        Ok(write_safetensors(path, &network_tensors(self.subject.plain()))?)
    }

    fn check_content(&self, found: &str) -> Result<(), InspectError> {
        Ok(check_content(&self.settings.data.dataset, found, &self.content_hash)?)
    }

    fn no_split(&self, split: SplitName) -> InspectError {
        InspectError::NoSplit { dataset: self.settings.data.dataset.clone(), split: split.name() }
    }
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
