//! Training and evaluation of the tasks whose output is a map.

use std::sync::Arc;

use allconv_data::pairs::PatchSettings;
use allconv_data::{
    BatchIterator, FittedPreprocess, ImageShape, Loader, LoaderSettings, PairBatch, Patches, PictureDataset,
    PictureExample, Position, Targets,
};
use allconv_nets::{Mode, Network, OutputKind, Walk, images_to_tensor, walk};
use allconv_record::{ArtefactPicture, ExampleScores, RunData, RunDirectory, Scores, SplitName};
use burn::tensor::Device;

use super::dense_kind::{DenseKind, Shown, WholeInput};
use super::interface::{
    EpochSums, Evaluated, ExampleInput, ExampleRecord, MetricNames, StepError, Stream, Task, further_name,
};
use super::kept::{copies, run_data};
use super::sizes::check_examples;
use crate::dense_loss::{DenseLoss, LossValue, class_loss, picture_loss};
use crate::latency::median_seconds;
use crate::metrics::Confusion;
use crate::tiles::{DenseMap, Tiling, channels_last_values, run_map};
use crate::trainer::{BatchLoss, Objective, StepResult, Trainer};
use crate::{RunSettings, TrainError};

/// Test examples of which pictures are kept.
const SHOWN_EXAMPLES: usize = 3;

/// The metrics of the training curves of a task over maps.
const TRAINING_METRIC: &str = "loss";

/// Returns the metrics of a task over maps.
pub(crate) fn metric_names(kind: &dyn DenseKind, data: &PictureDataset) -> MetricNames {
    let of_examples = kind.metrics(data.channels).into_iter().map(str::to_owned);
    let evaluation: Vec<String> =
        ["loss".to_owned()].into_iter().chain(of_examples).chain(kind.total_names()).collect();
    let of_set =
        |(set, _): &(String, _)| evaluation.iter().map(|name| further_name(name, set)).collect::<Vec<_>>();
    MetricNames {
        training: vec![TRAINING_METRIC.to_owned()],
        further: data.further_tests.iter().flat_map(of_set).collect(),
        evaluation,
        clean: Vec::new(),
    }
}

/// A task over maps with its pictures.
pub(super) struct Dense {
    kind: Box<dyn DenseKind>,
    data: Arc<PictureDataset>,
    patches: PatchSettings,
    objective: MapObjective,
    walk: Walk,
    device: Device,
    batches: Stream<PairBatch>,
}

/// The comparison of maps with pictures or classes, as an objective of a [`Trainer`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MapObjective {
    /// The loss.
    pub loss: DenseLoss,
}

impl MapObjective {
    /// Returns the loss of maps `[n, height, width, outputs]`, mean over all values or pixels.
    ///
    /// # Panics
    /// If maps and targets have different sizes, or the loss does not fit the targets.
    pub fn compare(&self, maps: &[f32], targets: &Targets, outputs: usize) -> LossValue {
        match targets {
            Targets::Pictures { values, .. } => picture_loss(self.loss, maps, values),
            Targets::Classes(classes) => class_loss(self.loss, maps, classes, outputs),
        }
    }
}

impl Objective for MapObjective {
    type Batch = PairBatch;

    fn batch_loss(&self, network: &Network, batch: &PairBatch, mode: Mode, device: &Device) -> BatchLoss {
        let ImageShape { height, width, channels } = batch.input;
        let inputs = images_to_tensor(batch.inputs.clone(), [batch.len(), height, width, channels], device);
        let maps = network.forward_map(inputs, mode);
        let [count, outputs, rows, columns] = maps.dims();
        let compared = self.compare(&channels_last_values(maps.clone()), &batch.targets, outputs);
        let gradient = images_to_tensor(compared.gradient, [count, rows, columns, outputs], device);
        BatchLoss {
            // The gradient of this sum by the maps is that of the loss; its value is not used.
            loss: (maps * gradient).sum(),
            result: StepResult { loss_sum: compared.value * count as f64, correct: 0 },
        }
    }
}

impl Dense {
    /// Joins a task, its pictures and the network that the settings describe.
    ///
    /// # Errors
    /// [`TrainError`] when the pictures are too small or without what the task needs, or the network's output is not that of the task.
    pub(super) fn open(
        kind: Box<dyn DenseKind>,
        data: Arc<PictureDataset>,
        patches: PatchSettings,
        settings: &RunSettings,
        device: &Device,
    ) -> Result<Dense, TrainError> {
        kind.check(&data)?;
        Patches::check(&data.name, &data.train, patches)?;
        let input = [data.channels, patches.size, patches.size];
        let outputs = kind.outputs(data.channels);
        let invalid = |error: String| TrainError::Specification(error);
        let walk = walk(&settings.net, input, outputs).map_err(|error| invalid(error.to_string()))?;
        check_network(settings.net.output(), patches.pairing.factor()).map_err(invalid)?;
        check_examples(&settings.net, &walk, kind.as_ref(), &data)?;
        let Some(loss) = settings.train.loss else {
            return Err(invalid(format!(
                "train.loss is missing for the task {}",
                settings.data.task().name()
            )));
        };
        let (batches, device) = (Stream(None), device.clone());
        Ok(Dense { kind, data, patches, objective: MapObjective { loss }, walk, device, batches })
    }

    fn map(&self, network: &Network, input: &WholeInput) -> DenseMap {
        run_map(
            network,
            &input.values,
            input.shape,
            Tiling::by_default(&self.walk, input.shape),
            &self.device,
        )
    }

    /// Evaluates each of `examples` once, and keeps pictures of the first `shown` of them.
    fn evaluate_examples(
        &self,
        network: &Network,
        examples: &[PictureExample],
        shown: usize,
    ) -> Result<Evaluated, TrainError> {
        let names = self.kind.metrics(self.data.channels);
        let mut loss = 0.0;
        let mut scores = Vec::with_capacity(examples.len());
        let mut confusion: Option<Confusion> = None;
        let mut pictures = Vec::new();
        for (index, example) in examples.iter().enumerate() {
            let map = self.map(network, &self.kind.input(example, index));
            let compared =
                self.objective.compare(&map.values, &self.kind.target(example), map.shape.channels);
            loss += compared.value;
            if !compared.value.is_finite() {
                // Metrics of such a map are meaningless; the caller sees the loss.
                let examples =
                    ExampleRecord::Scores { scores: Scores::new(Vec::new(), Vec::new()), pictures };
                return Ok(Evaluated { loss, metrics: Vec::new(), rank: u64::MAX, examples });
            }
            let result = self.kind.score(example, index, &map)?;
            if index < shown {
                for picture in self.kind.show(example, index, &map) {
                    pictures.push(artefact(&example.name, picture, &names, &result.values)?);
                }
            }
            match (&mut confusion, result.confusion) {
                (Some(sum), Some(one)) => sum.add(&one),
                (None, one) => confusion = one,
                (Some(_), None) => {}
            }
            scores.push(ExampleScores { name: example.name.clone(), values: result.values });
        }
        let scores = Scores::new(names.iter().map(ToString::to_string).collect(), scores);
        let mean = |name: &&str| Some(((*name).to_owned(), scores.mean(name)?));
        let mut metrics: Vec<(String, f64)> = names.iter().filter_map(mean).collect();
        metrics.extend(self.kind.totals(confusion.as_ref()));
        let loss = loss / examples.len() as f64;
        // Losses are not negative, so that the order of their bits is theirs.
        let (rank, examples) = (loss.to_bits(), ExampleRecord::Scores { scores, pictures });
        Ok(Evaluated { loss, metrics, rank, examples })
    }

    fn split(&self, split: SplitName) -> &Arc<Vec<PictureExample>> {
        match split {
            SplitName::Train => &self.data.train,
            SplitName::Valid => &self.data.validation,
            SplitName::Test => &self.data.test,
        }
    }
}

/// Refuses networks whose output is not that of the task.
///
/// # Errors
/// Checks the network's output against the scale of the task.
pub(crate) fn check_network(output: OutputKind, scale: usize) -> Result<(), String> {
    match output {
        OutputKind::Logits => Err(
            "the network returns one class for an image, the task needs a map; choose an architecture such as u_net".to_owned()
        ),
        OutputKind::Map { scale: found } if found != scale => {
            Err(format!("the network enlarges {found} times, the task needs {scale} times; give both the same scale"))
        }
        OutputKind::Map { .. } => Ok(()),
    }
}

impl Task for Dense {
    fn samples(&self) -> u64 {
        (self.data.train.len() * self.patches.per_picture) as u64
    }

    fn content_hash(&self) -> &str {
        &self.data.content_hash
    }

    fn input(&self) -> [usize; 3] {
        [self.data.channels, self.patches.size, self.patches.size]
    }

    fn outputs(&self) -> usize {
        self.kind.outputs(self.data.channels)
    }

    fn classes(&self) -> &[String] {
        &self.data.classes
    }

    fn begin(&mut self, loader: LoaderSettings, start: Position, end_epoch: u32) -> Result<(), TrainError> {
        let patches = Patches::new(&self.data.name, Arc::clone(&self.data.train), self.patches)?;
        let batches: BatchIterator<PairBatch> = Loader::over(patches, loader)?.batches(start, end_epoch);
        self.batches = Stream(Some(batches));
        Ok(())
    }

    fn step(
        &mut self,
        trainer: &mut Trainer,
        images: usize,
        step: u64,
        learning_rate: f64,
    ) -> Result<StepResult, StepError> {
        let mut batch = self.batches.next(step)?;
        batch.truncate(images);
        Ok(trainer.step(&self.objective, &batch, step, learning_rate)?)
    }

    fn training_metrics(&self, epoch: EpochSums) -> Vec<(&'static str, f64)> {
        vec![(TRAINING_METRIC, epoch.loss / epoch.samples as f64)]
    }

    fn evaluate(&self, network: &Network, split: SplitName) -> Result<Option<Evaluated>, TrainError> {
        let examples = self.split(split);
        if examples.is_empty() {
            return Ok(None);
        }
        let shown = if split == SplitName::Test { SHOWN_EXAMPLES } else { 0 };
        self.evaluate_examples(network, examples, shown).map(Some)
    }

    fn evaluate_further(&self, network: &Network) -> Result<Vec<(String, f64)>, TrainError> {
        let mut metrics = Vec::new();
        for (set, examples) in &self.data.further_tests {
            let evaluated = self.evaluate_examples(network, examples, 0)?;
            let values = [("loss".to_owned(), evaluated.loss)].into_iter().chain(evaluated.metrics);
            metrics.extend(values.map(|(name, value)| (further_name(&name, set), value)));
        }
        Ok(metrics)
    }

    fn inputs(&self, split: SplitName, count: usize) -> Vec<ExampleInput> {
        let examples = self.split(split);
        let count = count.min(examples.len());
        let seen = |place: usize| {
            let index = place * examples.len() / count;
            let WholeInput { values, shape } = self.kind.input(&examples[index], index);
            ExampleInput { name: examples[index].name.clone(), values, shape }
        };
        (0..count).map(seen).collect()
    }

    fn is_stuck(&self, _mean_epoch_loss: f64, _epochs_done: u64, _steps_done: u64) -> bool {
        false
    }

    fn latency_seconds(&self, network: &Network, images: usize) -> Result<Option<f64>, TrainError> {
        // Pictures have different sizes and go through one by one.
        let Some(example) = self.data.test.first().filter(|_| images == 1) else { return Ok(None) };
        let input = self.kind.input(example, 0);
        Ok(median_seconds(|| drop(self.map(network, &input))))
    }

    fn kept(&self) -> (RunData, Arc<FittedPreprocess>) {
        let data = run_data(&self.data.name, &self.data.content_hash, &self.data.classes, self.input());
        let [channels, height, width] = self.input();
        (data, Arc::new(FittedPreprocess::nothing(ImageShape { height, width, channels })))
    }

    fn keep(&self, run: &RunDirectory) -> Result<(), TrainError> {
        let copies = copies(&self.data.shared_between_splits());
        Ok(run.write_data(&RunData { copies, ..self.kept().0 })?)
    }
}

/// Returns a picture for display with its entry in the index.
fn artefact(
    example: &str,
    shown: Shown,
    names: &[&'static str],
    values: &[f64],
) -> Result<(ArtefactPicture, Vec<u8>), TrainError> {
    let value = |metric: &str| names.iter().position(|name| *name == metric).map(|place| values[place]);
    let metrics =
        shown.metrics.iter().filter_map(|(name, metric)| Some(((*name).to_owned(), value(metric)?)));
    let picture = ArtefactPicture {
        file: format!("{example}-{}.png", shown.role.name()),
        example: example.to_owned(),
        role: shown.role,
        caption: None,
        metrics: metrics.collect(),
    };
    Ok((picture, shown.picture.png()?))
}
