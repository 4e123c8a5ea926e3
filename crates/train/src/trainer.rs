//! One optimiser step: forward, loss, backward, update. The loop around it lives in `session`.

use allconv_data::Batch;
use allconv_nets::{Mode, Network};
use burn::tensor::Device;

use crate::TrainSettings;
use crate::batch::{to_host, to_tensor};
use crate::loss::{cross_entropy, judge};
use crate::optimizer::Sgd;

/// A network in training with its optimiser.
#[derive(Debug)]
pub struct Trainer {
    /// The network, on a device with autodiff.
    pub network: Network,
    /// Its optimiser.
    pub optimizer: Sgd,
    device: Device,
    seed: u64,
    classes: usize,
    label_smoothing: f64,
}

/// What a step saw before it changed the weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepResult {
    /// Sum of the batch's cross-entropies in nats, without smoothing.
    pub loss_sum: f64,
    /// Images of the batch classified correctly.
    pub correct: u64,
}

/// A step whose loss or gradient is not finite; the weights are those from before it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Divergence {
    /// The loss of a batch.
    #[error("the loss of step {step} is {value}")]
    Loss {
        /// Steps made before.
        step: u64,
        /// Its value.
        value: f64,
    },
    /// The norm of a gradient.
    #[error("the gradient of step {step} has norm {value}")]
    Gradient {
        /// Steps made before.
        step: u64,
        /// Its value.
        value: f64,
    },
}

impl Trainer {
    /// Joins a network on `device` (with autodiff) and the optimiser that `settings` describe.
    pub fn new(
        network: Network,
        settings: &TrainSettings,
        classes: usize,
        seed: u64,
        device: Device,
    ) -> Trainer {
        let optimizer = Sgd::new(settings);
        Trainer { network, optimizer, device, seed, classes, label_smoothing: settings.label_smoothing }
    }

    /// Makes the step after `step` others.
    ///
    /// # Errors
    /// [`Divergence`] when the loss or the gradient is not finite.
    pub fn step(&mut self, batch: &Batch, step: u64, learning_rate: f64) -> Result<StepResult, Divergence> {
        let mode = Mode::Train { seed: self.seed, step };
        let logits = self.network.forward(to_tensor(batch, &self.device), mode);
        let values = to_host(logits.clone());
        let verdicts = judge(&values, &batch.labels, self.classes);
        let loss_sum: f64 = verdicts.iter().map(|verdict| verdict.loss).sum();
        if !loss_sum.is_finite() {
            return Err(Divergence::Loss { step, value: loss_sum });
        }
        let loss = cross_entropy(logits, &batch.labels, self.label_smoothing, &self.device);
        let mut gradients = loss.backward();
        self.optimizer
            .step(&mut self.network, &mut gradients, learning_rate)
            .map_err(|value| Divergence::Gradient { step, value })?;
        self.network.absorb_statistics();
        let right =
            verdicts.iter().zip(&batch.labels).filter(|(verdict, label)| verdict.predicted == **label);
        Ok(StepResult { loss_sum, correct: right.count() as u64 })
    }
}
