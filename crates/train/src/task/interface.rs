//! The interface of a task: its data, a training step, an evaluation and its results.

use std::sync::Arc;

use allconv_data::{
    BatchIterator, FittedPreprocess, ImageShape, LoaderSettings, Photograph, Picture, Position,
};
use allconv_nets::Network;
use allconv_record::{ArtefactPicture, Outcomes, RunData, RunDirectory, Scores, SplitName};

use crate::TrainError;
use crate::trainer::{Divergence, StepResult, Trainer};

/// A task with its data, for the training loop and the use of trained networks.
pub trait Task {
    /// Returns the number of samples of an epoch.
    fn samples(&self) -> u64;
    /// Returns the hash of the content of the data.
    fn content_hash(&self) -> &str;
    /// Returns the channels, rows and columns of the network's input in training.
    fn input(&self) -> [usize; 3];
    /// Returns the number of classes, or of channels of the map that the network returns.
    fn outputs(&self) -> usize;
    /// Returns the names of the classes; empty for tasks without classes.
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
    /// Returns the metrics of the training curves of an epoch.
    fn training_metrics(&self, epoch: EpochSums) -> Vec<(&'static str, f64)>;
    /// Evaluates a split in evaluation mode, every example once; `None` if nothing was held out for it.
    ///
    /// # Errors
    /// [`TrainError::Data`] when an example cannot be read.
    fn evaluate(&self, network: &Network, split: SplitName) -> Result<Option<Evaluated>, TrainError>;
    /// Evaluates the further test sets: their metrics, `loss` included, each with the set's name appended.
    ///
    /// # Errors
    /// [`TrainError::Data`] when an example cannot be read.
    fn evaluate_further(&self, _network: &Network) -> Result<Vec<(String, f64)>, TrainError> {
        Ok(Vec::new())
    }
    /// Returns the metrics of some of the training examples in evaluation mode and without augmentation; empty where
    /// that is not measured.
    ///
    /// # Errors
    /// [`TrainError::Data`] when an example cannot be read.
    fn clean_training(&self, _network: &Network) -> Result<Vec<(&'static str, f64)>, TrainError> {
        Ok(Vec::new())
    }
    /// Returns the network's inputs for `count` whole examples of a split at even distances (all of them if there are fewer); empty where
    /// the task is classification, since all images have one size there.
    fn inputs(&self, split: SplitName, count: usize) -> Vec<ExampleInput>;
    /// Returns whether the network is stuck at guessing after these epochs and steps.
    fn is_stuck(&self, mean_epoch_loss: f64, epochs_done: u64, steps_done: u64) -> bool;
    /// Returns the median seconds of a forward pass of `images` test images together; `None` where that cannot be measured.
    ///
    /// # Errors
    /// [`TrainError::Data`] when an image cannot be read.
    fn latency_seconds(&self, network: &Network, images: usize) -> Result<Option<f64>, TrainError>;
    /// Returns the description of the data that predictions need without the data.
    fn kept(&self) -> (RunData, Arc<FittedPreprocess>);
    /// Writes it into the directory of a run.
    ///
    /// # Errors
    /// [`TrainError`] when a file cannot be written.
    fn keep(&self, run: &RunDirectory) -> Result<(), TrainError>;
}

/// Names of the metrics of a task, `loss` included, for its training curves and for evaluations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MetricNames {
    /// Of every epoch, on the training split.
    pub(crate) training: Vec<String>,
    /// Of the validation and the test split.
    pub(crate) evaluation: Vec<String>,
    /// Of further test sets, at the end of a run.
    pub(crate) further: Vec<String>,
    /// Of training examples without augmentation, at the end of a run.
    pub(crate) clean: Vec<String>,
}

/// Returns the name under which a metric of a further set is recorded.
pub(crate) fn further_name(metric: &str, set: &str) -> String {
    format!("{metric}_{set}")
}

/// The network's input for an example.
#[derive(Clone, Debug, PartialEq)]
pub struct ExampleInput {
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

/// The reason why a step was not made.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The weights have diverged.
    #[error(transparent)]
    Divergence(#[from] Divergence),
    /// The data.
    #[error(transparent)]
    Train(#[from] TrainError),
}

/// The results of a network on a split.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated {
    /// Mean loss; not finite when any example's is not.
    pub loss: f64,
    /// The metrics of the task, `loss` excepted.
    pub metrics: Vec<(String, f64)>,
    /// A number that is lower for a better network, by which `best` is chosen.
    pub rank: u64,
    /// The record of every example.
    pub examples: ExampleRecord,
}

/// The record of the examples of a split.
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

/// The prediction of a network for one picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Prediction {
    /// Classes with their probabilities, the most probable first.
    Classes(Vec<(String, f64)>),
    /// A picture, with the opacity and the profile of that which was predicted from.
    Picture(Photograph),
    /// A class for every pixel.
    Regions {
        /// The classes, painted.
        picture: Picture,
        /// Fraction of the pixels of each class.
        fractions: Vec<(String, f64)>,
    },
}

/// A stream of batches that begins with the training loop.
pub(super) struct Stream<B>(pub(super) Option<BatchIterator<B>>);

impl<B: Send + 'static> Stream<B> {
    /// Returns the next batch.
    pub(super) fn next(&mut self, step: u64) -> Result<B, TrainError> {
        match self.0.as_mut().and_then(Iterator::next) {
            Some(batch) => Ok(batch?),
            None => Err(TrainError::Specification(format!("the loader ended before step {step}"))),
        }
    }
}
