//! The trained network of a run or model folder with the description of its data: for evaluation, prediction, explanation, measurement,
//! timing and export.

mod open;

use std::path::{Path, PathBuf};
use std::time::Instant;

use allconv_data::{Crops, DataError};
use allconv_nets::Mode;
use allconv_record::{Outcome, Outcomes, Provenance, RunDirectory, RunSpecification, SplitName};
use allconv_train::{
    DataStore, Evaluated, ExampleRecord, KeptData, NamedTensors, Prediction, Predictor, RunSettings,
    TaskSettings, TrainError, check_content, network_tensors, open_task, sample_results, write_safetensors,
};
use burn::tensor::{Device, Tensor, TensorData};

use crate::picture_files::{folder_labels, picture_files, seen_pictures};
use crate::tensors::host;
use crate::{CheckpointChoice, InspectError, OutputType, Pictures, Subject};

/// Images that are evaluated together.
const PICTURES_TOGETHER: usize = 250;

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

impl RunWeights {
    /// Returns their name.
    pub fn name(&self) -> &'static str {
        match self {
            RunWeights::Checkpoint(choice) => choice.name(),
            RunWeights::File(_) => "file",
            RunWeights::Untrained => "untrained",
        }
    }
}

/// Where the weights were read.
enum Origin {
    /// In a run directory; the step is known for those of a checkpoint.
    Run { run: RunDirectory, weights: RunWeights, step: Option<u64> },
    /// In a model folder.
    Folder(Box<Provenance>),
}

/// A trained network with the description of its data.
pub struct TrainedNetwork {
    specification: RunSpecification,
    settings: RunSettings,
    kept: KeptData,
    predictor: Box<dyn Predictor>,
    subject: Subject,
    origin: Origin,
    device: Device,
}

impl TrainedNetwork {
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

    /// Returns the specification of the run.
    pub fn specification(&self) -> &RunSpecification {
        &self.specification
    }

    /// Returns the description of the data that the network needs besides its weights.
    pub fn kept(&self) -> &KeptData {
        &self.kept
    }

    /// Returns the weights under PyTorch's tensor names.
    pub fn weights(&self) -> NamedTensors {
        network_tensors(self.subject.plain())
    }

    /// Returns the names of the classes; empty for tasks without classes.
    pub fn classes(&self) -> &[String] {
        &self.kept.data.classes
    }

    /// Returns whether its output is a picture rather than a class.
    pub fn returns_pictures(&self) -> bool {
        self.subject.output_type() != OutputType::Class
    }

    /// Has evaluations look at these crops of each image, whatever the run's own did.
    ///
    /// # Errors
    /// [`InspectError::Data`] for a network whose images have no view.
    pub fn look_at(&mut self, crops: Crops) -> Result<(), InspectError> {
        match &mut self.settings.data.view {
            Some(view) => view.crops = crops,
            None => {
                let error = DataError::BadOption {
                    field: "crops",
                    value: format!("{crops:?}").to_lowercase(),
                    limit: "the images of this network are seen whole, without a view".to_owned(),
                    fix: "leave --crops out, or train with a view such as { size = 64 }".to_owned(),
                };
                return Err(error.into());
            }
        }
        Ok(())
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
        check_loss(evaluated.loss, split.name())?;
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

    /// Returns the images of files, folders and the folders below them, prepared as the run prepared its images: whole ones of the input size for
    /// classifiers, else the middle of each, as large as the training patches.
    ///
    /// Images in folders with the names of classes have these classes as labels.
    ///
    /// # Errors
    /// [`InspectError::Image`] for a file that is not an image, or has another size or kind; [`InspectError::Request`] for a folder without
    /// images.
    pub fn pictures_of_files(&self, files: &[PathBuf]) -> Result<Pictures, InspectError> {
        let files = picture_files(files)?;
        let input = self.kept.data.input;
        if self.returns_pictures() {
            return Pictures::of_examples(seen_pictures(&files, input[0])?, input[1]);
        }
        let view = self.settings.data.view;
        let pictures = Pictures::of_files(&files, input, Some(self.kept.fitted.clone()), view)?;
        Ok(pictures.labelled(folder_labels(&files, self.classes())))
    }

    /// Evaluates pictures with known classes in evaluation mode.
    ///
    /// # Errors
    /// [`InspectError::Request`] for pictures without classes and networks that name none; [`InspectError::Train`] when the loss is not
    /// finite.
    pub fn evaluate_pictures(&self, pictures: &Pictures) -> Result<Evaluated, InspectError> {
        let Some(labels) = pictures.labels().filter(|_| !self.returns_pictures()) else {
            return Err(InspectError::Request(format!(
                "pictures are evaluated where each lies in a folder with the name of its class ({}), by a network that names classes; \
                 import other data with `allconv data import`",
                self.classes().join(", ")
            )));
        };
        let mut outcomes = Vec::with_capacity(pictures.len());
        for start in (0..pictures.len()).step_by(PICTURES_TOGETHER) {
            let end = (start + PICTURES_TOGETHER).min(pictures.len());
            let images = pictures.tensor(start, end, &self.device);
            let logits: Vec<f32> = host(self.subject.plain().forward(images, Mode::Evaluate))
                .into_iter()
                .map(|v| v as f32)
                .collect();
            let results = sample_results(&logits, &labels[start..end], self.classes().len());
            for ((sample, label), result) in (start..end).zip(&labels[start..end]).zip(results) {
                let (label, predicted) = (*label as u16, result.predicted as u16);
                outcomes.push((
                    result.loss,
                    Outcome { sample: sample as u32, label, predicted, loss: result.loss as f32 },
                ));
            }
        }
        let images = outcomes.len().max(1) as f64;
        let loss = outcomes.iter().map(|(loss, _)| loss).sum::<f64>() / images;
        check_loss(loss, "pictures")?;
        let outcomes: Vec<Outcome> = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
        let wrong = outcomes.iter().filter(|outcome| outcome.label != outcome.predicted).count() as u64;
        Ok(Evaluated {
            loss,
            metrics: vec![("error".to_owned(), wrong as f64 / images)],
            rank: wrong,
            examples: ExampleRecord::Outcomes(Outcomes(outcomes)),
        })
    }

    /// Predicts a picture outside the data set from the bytes of its file: classes, an enlarged or restored picture, or regions.
    ///
    /// `name` is the picture's name in errors; with `tile` it is cut into square tiles of that many input pixels in height and width.
    ///
    /// # Errors
    /// [`InspectError::Train`] when the file is no picture, the picture is not of the kind that the network was trained on, or cannot be cut into such tiles.
    pub fn predict(&self, name: &str, bytes: &[u8], tile: Option<usize>) -> Result<Prediction, InspectError> {
        Ok(self.predictor.predict(self.subject.plain(), name, bytes, tile)?)
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
        Ok(write_safetensors(path, &self.weights())?)
    }

    fn check_content(&self, found: &str) -> Result<(), InspectError> {
        Ok(check_content(&self.settings.data.dataset, found, &self.specification.dataset_hash)?)
    }

    fn no_split(&self, split: SplitName) -> InspectError {
        InspectError::NoSplit { dataset: self.settings.data.dataset.clone(), split: split.name() }
    }
}

/// Refuses a loss that is not a number, as damaged weights give it.
fn check_loss(loss: f64, of: &str) -> Result<(), TrainError> {
    match loss.is_finite() {
        true => Ok(()),
        false => Err(TrainError::NotFinite { what: format!("the {of} loss"), value: loss as f32 }),
    }
}
