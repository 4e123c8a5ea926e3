//! Evaluation of a classifier on a split.

use allconv_data::{Augmentation, Batch, Loader, LoaderSettings, Order, Position, PreparedSplit};
use allconv_nets::{Mode, Network};
use allconv_record::{Outcome, Outcomes};
use burn::tensor::Device;

use crate::batch::{to_host, to_tensor};
use crate::error::TrainError;
use crate::loss::sample_results;

/// Images evaluated together; large enough to keep the kernels busy, small enough for any network here.
const BATCH: usize = 250;

/// The results of a network on a split.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The result of every image, in the stored order.
    pub outcomes: Outcomes,
    /// Mean cross-entropy in nats; not finite when any image's is not.
    pub loss: f64,
    /// Images classified wrongly.
    pub wrong: u64,
}

impl Evaluation {
    /// Returns the fraction of the images classified wrongly, in [0, 1].
    pub fn error(&self) -> f64 {
        self.wrong as f64 / self.outcomes.0.len() as f64
    }
}

/// Evaluates `network` on `split` in evaluation mode: no dropout, no augmentation, every image once.
///
/// # Errors
/// [`TrainError::Data`] when an image cannot be read.
pub fn evaluate(
    network: &Network,
    split: &PreparedSplit,
    classes: usize,
    device: &Device,
) -> Result<Evaluation, TrainError> {
    let settings = LoaderSettings {
        batch_size: BATCH,
        seed: 0,
        order: Order::Stored,
        augmentation: Augmentation::default(),
        workers: 0,
        prefetch: 0,
    };
    let loader = Loader::new(split.clone(), settings)?;
    let mut outcomes = Vec::with_capacity(split.len());
    let mut loss_sum = 0.0;
    for batch in loader.batches(Position { epoch: 0, batch: 0 }, 1) {
        let batch = batch?;
        let results = sample_results(&logits(network, &batch, device), &batch.labels, classes);
        for ((sample, label), result) in batch.samples.iter().zip(&batch.labels).zip(results) {
            loss_sum += result.loss;
            let (label, predicted) = (*label as u16, result.predicted as u16);
            outcomes.push(Outcome { sample: *sample, label, predicted, loss: result.loss as f32 });
        }
    }
    let wrong = outcomes.iter().filter(|outcome| outcome.label != outcome.predicted).count() as u64;
    let loss = loss_sum / outcomes.len() as f64;
    Ok(Evaluation { outcomes: Outcomes(outcomes), loss, wrong })
}

fn logits(network: &Network, batch: &Batch, device: &Device) -> Vec<f32> {
    to_host(network.forward(to_tensor(batch, device), Mode::Evaluate))
}
