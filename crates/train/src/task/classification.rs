//! Classification: one class per image, cross-entropy, error rate.

use std::sync::Arc;

use allconv_data::{
    Batch, Dataset, FittedPreprocess, Loader, LoaderSettings, Mixed, Position, PreparedDataset, SampleSource,
};
use allconv_nets::{Mode, Network};
use allconv_record::{RunData, RunDirectory, SplitName};
use burn::tensor::{Device, Tensor, TensorData};

use super::interface::{
    EpochSums, Evaluated, ExampleInput, ExampleRecord, MetricNames, StepError, Stream, Task,
};
use super::kept::{copies, run_data};
use crate::batch::{to_host, to_tensor};
use crate::evaluate::evaluate;
use crate::health::is_stuck;
use crate::latency::latency_seconds;
use crate::loss::{mixed_cross_entropy, weighted_cross_entropy};
use crate::trainer::{BatchLoss, Objective, StepResult, Trainer};
use crate::{ClassBalance, DataStore, RunSettings, TrainError};

/// Cross-entropy of classes, as an objective of a [`Trainer`].
#[derive(Clone, Debug, PartialEq)]
pub struct ClassObjective {
    /// Fraction of the target spread over all classes.
    pub label_smoothing: f64,
    /// The weight of each class in the loss, `[classes]`.
    pub class_weights: Vec<f64>,
}

impl ClassObjective {
    /// Makes the objective in which all classes have the weight 1.
    pub fn new(classes: usize, label_smoothing: f64) -> ClassObjective {
        ClassObjective { label_smoothing, class_weights: vec![1.0; classes] }
    }
}

impl Objective for ClassObjective {
    type Batch = Batch;

    fn batch_loss(&self, network: &Network, batch: &Batch, mode: Mode, device: &Device) -> BatchLoss {
        let logits = network.forward(to_tensor(batch, device), mode);
        let shape = logits.dims();
        let (values, smoothing, weights) =
            (to_host(logits.clone()), self.label_smoothing, &self.class_weights);
        let compared = match &batch.mixed {
            None => weighted_cross_entropy(&values, &batch.labels, smoothing, weights),
            Some(Mixed { labels, shares }) => {
                mixed_cross_entropy(&values, [&batch.labels, labels], shares, smoothing, weights)
            }
        };
        let results = compared.results;
        let labels = batch.main_labels();
        let right = results.iter().zip(&labels).filter(|(result, label)| result.predicted == **label);
        let gradient = Tensor::from_data(TensorData::new(compared.gradient, shape), device);
        BatchLoss {
            // The gradient of this sum by the logits is that of the loss; its value is not used.
            loss: (logits * gradient).sum(),
            result: StepResult {
                loss_sum: results.iter().map(|result| result.loss).sum(),
                correct: right.count() as u64,
            },
        }
    }
}

/// The metrics of the training curves and of an evaluation.
const METRICS: [&str; 2] = ["loss", "error"];

/// The same metrics of training images in evaluation mode and without augmentation, at the end of a run.
const CLEAN_METRICS: [&str; 2] = ["clean_loss", "clean_error"];

/// Number of training images that are evaluated in this way; all if there are fewer.
const CLEAN_IMAGES: usize = 5000;

/// Returns the metrics of classification.
pub(crate) fn metric_names() -> MetricNames {
    let owned = |names: [&str; 2]| names.map(str::to_owned).to_vec();
    MetricNames {
        training: owned(METRICS),
        evaluation: owned(METRICS),
        further: Vec::new(),
        clean: owned(CLEAN_METRICS),
    }
}

/// Images with one class each.
pub struct Classification {
    images: Arc<Dataset>,
    data: Arc<PreparedDataset>,
    objective: ClassObjective,
    device: Device,
    batches: Stream<Batch>,
}

impl Classification {
    /// Prepares the images that the settings name.
    ///
    /// # Errors
    /// [`TrainError::Data`] when they are absent, damaged or cannot be prepared.
    pub fn open(
        settings: &RunSettings,
        data: &DataStore,
        device: &Device,
    ) -> Result<Classification, TrainError> {
        let (images, data) = (data.dataset(&settings.data)?, data.prepared(&settings.data)?);
        let mut objective = ClassObjective::new(data.classes.len(), settings.train.label_smoothing);
        if settings.train.class_balance == Some(ClassBalance::Loss) {
            let mut counts = vec![0; data.classes.len()];
            for sample in 0..data.train.len() {
                counts[data.train.label(sample)? as usize] += 1;
            }
            objective.class_weights = ClassBalance::weights(&counts);
        }
        Ok(Classification { images, data, objective, device: device.clone(), batches: Stream(None) })
    }
}

impl Task for Classification {
    fn samples(&self) -> u64 {
        self.data.train.len() as u64
    }

    fn content_hash(&self) -> &str {
        &self.data.content_hash
    }

    fn input(&self) -> [usize; 3] {
        [self.data.shape.channels, self.data.shape.height, self.data.shape.width]
    }

    fn outputs(&self) -> usize {
        self.data.classes.len()
    }

    fn classes(&self) -> &[String] {
        &self.data.classes
    }

    fn begin(&mut self, loader: LoaderSettings, start: Position, end_epoch: u32) -> Result<(), TrainError> {
        self.batches = Stream(Some(Loader::new(self.data.train.clone(), loader)?.batches(start, end_epoch)));
        Ok(())
    }

    fn step(
        &mut self,
        trainer: &mut Trainer,
        images: usize,
        step: u64,
        learning_rate: f64,
    ) -> Result<StepResult, StepError> {
        let batch = shortened(self.batches.next(step)?, images);
        Ok(trainer.step(&self.objective, &batch, step, learning_rate)?)
    }

    fn training_metrics(&self, epoch: EpochSums) -> Vec<(&'static str, f64)> {
        let samples = epoch.samples as f64;
        let [loss, error] = METRICS;
        vec![(loss, epoch.loss / samples), (error, 1.0 - epoch.correct as f64 / samples)]
    }

    fn evaluate(&self, network: &Network, split: SplitName) -> Result<Option<Evaluated>, TrainError> {
        let images = match split {
            SplitName::Train => &self.data.train,
            SplitName::Test => &self.data.test,
            SplitName::Valid => match &self.data.validation {
                Some(images) => images,
                None => return Ok(None),
            },
        };
        let evaluation = evaluate(network, images, self.data.classes.len(), &self.device)?;
        Ok(Some(Evaluated {
            loss: evaluation.loss,
            metrics: vec![(METRICS[1].to_owned(), evaluation.error())],
            rank: evaluation.wrong,
            examples: ExampleRecord::Outcomes(evaluation.outcomes),
        }))
    }

    fn clean_training(&self, network: &Network) -> Result<Vec<(&'static str, f64)>, TrainError> {
        let images = self.data.train.spread(CLEAN_IMAGES);
        let evaluation = evaluate(network, &images, self.data.classes.len(), &self.device)?;
        let [loss, error] = CLEAN_METRICS;
        Ok(vec![(loss, evaluation.loss), (error, evaluation.error())])
    }

    fn inputs(&self, _split: SplitName, _count: usize) -> Vec<ExampleInput> {
        Vec::new()
    }

    fn is_stuck(&self, mean_epoch_loss: f64, epochs_done: u64, steps_done: u64) -> bool {
        is_stuck(mean_epoch_loss, self.data.classes.len(), epochs_done, steps_done)
    }

    fn latency_seconds(&self, network: &Network, images: usize) -> Result<Option<f64>, TrainError> {
        latency_seconds(network, &self.data.test, images, &self.device)
    }

    fn kept(&self) -> (RunData, Arc<FittedPreprocess>) {
        let data = run_data(&self.data.name, &self.data.content_hash, &self.data.classes, self.input());
        (data, Arc::clone(&self.data.fitted))
    }

    fn keep(&self, run: &RunDirectory) -> Result<(), TrainError> {
        self.data.keep_fitted(&run.preprocess_path())?;
        let copies = copies(&self.images.shared_between_splits()?);
        Ok(run.write_data(&RunData { copies, ..self.kept().0 })?)
    }
}

/// Returns the first `images` of a batch: the run's last step may need fewer than the loader gives.
fn shortened(mut batch: Batch, images: usize) -> Batch {
    batch.images.truncate(images * batch.height * batch.width * batch.channels);
    batch.labels.truncate(images);
    if let Some(mixed) = &mut batch.mixed {
        mixed.labels.truncate(images);
        mixed.shares.truncate(images);
    }
    batch.samples.truncate(images);
    batch
}
