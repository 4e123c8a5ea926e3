//! Evaluation of a classifier on a split.

use allconv_data::{Augmentation, Batch, Loader, LoaderSettings, Order, Position, PreparedSplit};
use allconv_nets::{Mode, Network};
use allconv_random::elementary::{exp, ln};
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

/// Evaluates `network` on `split` in evaluation mode: no dropout, no augmentation, every image once. Where the view of the images has ten crops, the
/// class probabilities are the mean of those of the crops.
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
    let loaders: Vec<Loader> =
        split.crops().into_iter().map(|crop| Loader::new(crop, settings)).collect::<Result<_, _>>()?;
    let [loader, further @ ..] = loaders.as_slice() else { panic!("a split without any crop") };
    let mut outcomes = Vec::with_capacity(split.len());
    let mut loss_sum = 0.0;
    for number in 0..loader.batches_per_epoch() {
        let position = Position { epoch: 0, batch: number };
        let batch = loader.batch(position)?;
        let mut values = logits(network, &batch, device);
        if !further.is_empty() {
            let mut sum = probabilities(&values, classes);
            for crop in further {
                let crop = probabilities(&logits(network, &crop.batch(position)?, device), classes);
                sum.iter_mut().zip(crop).for_each(|(sum, probability)| *sum += probability);
            }
            // Logarithms of probabilities are logits that give these probabilities.
            let count = loaders.len() as f64;
            values = sum.into_iter().map(|sum| ln((sum / count).max(f64::MIN_POSITIVE)) as f32).collect();
        }
        let results = sample_results(&values, &batch.labels, classes);
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

/// Returns the softmax of the logits of each image.
fn probabilities(logits: &[f32], classes: usize) -> Vec<f64> {
    let mut values = Vec::with_capacity(logits.len());
    for image in logits.chunks_exact(classes) {
        let largest = image.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let start = values.len();
        values.extend(image.iter().map(|logit| exp(f64::from(*logit) - f64::from(largest))));
        let sum: f64 = values[start..].iter().sum();
        values[start..].iter_mut().for_each(|value| *value /= sum);
    }
    values
}

fn logits(network: &Network, batch: &Batch, device: &Device) -> Vec<f32> {
    to_host(network.forward(to_tensor(batch, device), Mode::Evaluate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_sum_to_1_and_their_logarithms_give_them_again() {
        let found = probabilities(&[0.0, 0.0, 1000.0, 998.0], 2);
        let share = 1.0 / (1.0 + exp(-2.0));
        for (found, expected) in found.iter().zip([0.5, 0.5, share, 1.0 - share]) {
            assert!((found - expected).abs() < 1e-15, "{found} beside {expected}");
        }
        let logits: Vec<f32> = found.iter().map(|probability| ln(*probability) as f32).collect();
        for (found, expected) in probabilities(&logits, 2).iter().zip(found) {
            assert!((found - expected).abs() < 1e-7, "{found} beside {expected}");
        }
    }
}
