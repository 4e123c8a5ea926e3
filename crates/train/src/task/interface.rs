//! The interface of a task: the data it brings, a training step, an evaluation, and what an evaluation gives.

use std::sync::Arc;

use allconv_data::{BatchIterator, FittedPreprocess, ImageShape, LoaderSettings, Picture, Position};
use allconv_nets::Network;
use allconv_record::{ArtefactPicture, Outcomes, RunData, RunDirectory, Scores, SplitName};

use crate::TrainError;
use crate::trainer::{Divergence, StepResult, Trainer};

/// A task with its data, as the training loop and those who ask a trained network know it.
pub trait Task {
    /// Samples of an epoch.
    fn samples(&self) -> u64;
    /// Hash of the content of the data.
    fn content_hash(&self) -> &str;
    /// Channels, rows and columns of what the network sees in training.
    fn input(&self) -> [usize; 3];
    /// Classes that the network tells apart, or channels of the map that it returns.
    fn outputs(&self) -> usize;
    /// Names of the classes; empty where none are told apart.
    fn classes(&self) -> &[String];
    /// Opens the stream of training batches.
    ///
    /// # Errors
    /// [`TrainError::Data`] when the loader's settings are impossible.
    fn begin(&mut self, loader: LoaderSettings, start: Position, end_epoch: u32) -> Result<(), TrainError>;
    /// Takes the next batch, of which it uses the first `images`, and makes the optimiser's step after `step` others.
    ///
    /// # Errors
    /// [`StepError`] when there is no batch, or loss or gradient is not finite.
    fn step(
        &mut self,
        trainer: &mut Trainer,
        images: usize,
        step: u64,
        learning_rate: f64,
    ) -> Result<StepResult, StepError>;
    /// What the training curves show of an epoch, by metric.
    fn training_metrics(&self, epoch: EpochSums) -> Vec<(&'static str, f64)>;
    /// Evaluates a split in evaluation mode, every example once; `None` if nothing was held out for it.
    ///
    /// # Errors
    /// [`TrainError::Data`] when an example cannot be read.
    fn evaluate(&self, network: &Network, split: SplitName) -> Result<Option<Evaluated>, TrainError>;
    /// Evaluates the sets that are tested on beside the test split: their metrics, `loss` included, each with the set's name behind its own.
    ///
    /// # Errors
    /// [`TrainError::Data`] when an example cannot be read.
    fn evaluate_further(&self, _network: &Network) -> Result<Vec<(String, f64)>, TrainError> {
        Ok(Vec::new())
    }
    /// What the network says of some of the training examples in evaluation mode and without augmentation, by metric; empty where that is
    /// not measured.
    ///
    /// # Errors
    /// [`TrainError::Data`] when an example cannot be read.
    fn clean_training(&self, _network: &Network) -> Result<Vec<(&'static str, f64)>, TrainError> {
        Ok(Vec::new())
    }
    /// What the network sees of `count` whole examples of a split at even distances (all of them if there are fewer); empty where
    /// classes are told apart, since all images have one size there.
    fn inputs(&self, split: SplitName, count: usize) -> Vec<SeenExample>;
    /// Whether the network only guesses after these epochs and steps and will not recover.
    fn is_stuck(&self, mean_epoch_loss: f64, epochs_done: u64, steps_done: u64) -> bool;
    /// Median seconds of a forward pass of `images` test images together; `None` where that cannot be measured.
    ///
    /// # Errors
    /// [`TrainError::Data`] when an image cannot be read.
    fn latency_seconds(&self, network: &Network, images: usize) -> Result<Option<f64>, TrainError>;
    /// What a network needs of the data when they are not at hand.
    fn kept(&self) -> (RunData, Arc<FittedPreprocess>);
    /// Writes it into the directory of a run.
    ///
    /// # Errors
    /// [`TrainError`] when a file cannot be written.
    fn keep(&self, run: &RunDirectory) -> Result<(), TrainError>;
}

/// Names of the metrics of a task, `loss` included: what its training curves show, and what an evaluation of a split measures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MetricNames {
    /// Of every epoch, on the training split.
    pub(crate) training: Vec<String>,
    /// Of the validation and the test split.
    pub(crate) evaluation: Vec<String>,
    /// Of further sets that are tested on, at the end of a run.
    pub(crate) further: Vec<String>,
    /// Of training examples without augmentation, at the end of a run.
    pub(crate) clean: Vec<String>,
}

/// The name under which a metric of a further set is recorded.
pub(crate) fn further_name(metric: &str, set: &str) -> String {
    format!("{metric}_{set}")
}

/// An example as the network sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct SeenExample {
    /// Its name.
    pub name: String,
    /// Centred pixels (value/255 − 1/2), `[height, width, channels]`.
    pub values: Vec<f32>,
    /// Their shape.
    pub shape: ImageShape,
}

/// Sums over the samples shown in an epoch, taken before each step's update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochSums {
    /// Sum of the losses.
    pub loss: f64,
    /// Images classified correctly; 0 in tasks that classify none.
    pub correct: u64,
    /// Samples shown.
    pub samples: u64,
}

/// Why a step was not made.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The weights have diverged.
    #[error(transparent)]
    Divergence(#[from] Divergence),
    /// The data.
    #[error(transparent)]
    Train(#[from] TrainError),
}

/// What a network says of a split.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated {
    /// Mean loss; not finite when any example's is not.
    pub loss: f64,
    /// The metrics of the task, `loss` excepted.
    pub metrics: Vec<(String, f64)>,
    /// A number that is lower for a better network, by which `best` is chosen.
    pub rank: u64,
    /// What is recorded of every example.
    pub examples: ExampleRecord,
}

/// What is recorded of the examples of a split.
#[derive(Clone, Debug, PartialEq)]
pub enum ExampleRecord {
    /// Classes.
    Outcomes(Outcomes),
    /// Numbers, and a few pictures with their PNG files.
    Scores {
        /// The metrics of every example.
        scores: Scores,
        /// The pictures.
        pictures: Vec<(ArtefactPicture, Vec<u8>)>,
    },
}

/// What a network says of one picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Prediction {
    /// Classes with their probabilities, the most probable first.
    Classes(Vec<(String, f64)>),
    /// A picture.
    Picture(Picture),
    /// A class for every pixel.
    Regions {
        /// The classes, painted.
        picture: Picture,
        /// Share of the pixels of each class.
        shares: Vec<(String, f64)>,
    },
}

/// A stream of batches that begins when the loop does.
pub(super) struct Stream<B>(pub(super) Option<BatchIterator<B>>);

impl<B: Send + 'static> Stream<B> {
    /// The next batch.
    pub(super) fn next(&mut self, step: u64) -> Result<B, TrainError> {
        match self.0.as_mut().and_then(Iterator::next) {
            Some(batch) => Ok(batch?),
            None => Err(TrainError::Specification(format!("the loader ended before step {step}"))),
        }
    }
}
