//! One optimiser step: forward, loss, backward, update. The loop around it is in `session`.

use allconv_nets::{Mode, Network};
use burn::tensor::{Device, Tensor};

use crate::TrainSettings;
use crate::optimizer::{Optimizer, network_tensors};

/// A network in training with its optimiser.
#[derive(Debug)]
pub struct Trainer {
    /// The network, on a device with autodiff.
    pub network: Network,
    /// Its optimiser.
    pub optimizer: Optimizer,
    device: Device,
    seed: u64,
    /// Whether the network has parameters; a pair of operators without weights has none.
    is_trainable: bool,
}

/// A training objective.
pub trait Objective {
    /// The batches.
    type Batch;
    /// Runs the network on a batch and computes the loss of its output.
    fn batch_loss(&self, network: &Network, batch: &Self::Batch, mode: Mode, device: &Device) -> BatchLoss;
}

/// The loss of a batch.
#[derive(Debug)]
pub struct BatchLoss {
    /// The loss whose gradient is taken.
    pub loss: Tensor<1>,
    /// The recorded results.
    pub result: StepResult,
}

/// The results of a batch before the update of the weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepResult {
    /// Sum of the samples' losses; for classes cross-entropy in nats, without smoothing.
    pub loss_sum: f64,
    /// Images of the batch classified correctly; 0 in tasks that classify none.
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
    /// Combines a network on `device` (with autodiff) and the optimiser that `settings` describe.
    pub fn new(network: Network, settings: &TrainSettings, seed: u64, device: Device) -> Trainer {
        let optimizer = Optimizer::new(settings);
        let is_trainable = !network_tensors(&network).is_empty();
        Trainer { network, optimizer, device, seed, is_trainable }
    }

    /// Makes the step after `step` others. A network without parameters is evaluated only.
    ///
    /// # Errors
    /// [`Divergence`] when the loss or the gradient is not finite.
    pub fn step<O: Objective>(
        &mut self,
        objective: &O,
        batch: &O::Batch,
        step: u64,
        learning_rate: f64,
    ) -> Result<StepResult, Divergence> {
        let mode = Mode::Train { seed: self.seed, step };
        let BatchLoss { loss, result } = objective.batch_loss(&self.network, batch, mode, &self.device);
        if !result.loss_sum.is_finite() {
            return Err(Divergence::Loss { step, value: result.loss_sum });
        }
        if !self.is_trainable {
            return Ok(result);
        }
        let mut gradients = loss.backward();
        self.optimizer
            .step(&mut self.network, &mut gradients, learning_rate)
            .map_err(|value| Divergence::Gradient { step, value })?;
        self.network.absorb_statistics();
        Ok(result)
    }
}
