//! SGD with momentum, its state keyed by parameter path.

use allconv_kernels::{SgdStep, sgd_momentum_step};
use allconv_nets::Network;

use super::Gradient;
use crate::TrainSettings;
use crate::tensors::{NamedTensor, NamedTensors};

/// SGD with momentum, weight decay in Caffe's units and optional clipping of the whole gradient's norm.
///
/// g ← min(1, c/‖g‖)·g + λw;  v ← μv + g;  w ← w − η·v, or with Nesterov's look-ahead w ← w − η·(g + μv): PyTorch's `SGD` with
/// dampening 0. Clipping uses the gradient of the loss alone, before weight decay.
#[derive(Clone, Debug)]
pub struct Sgd {
    momentum: f32,
    nesterov: bool,
    weight_decay: f32,
    decay_biases: bool,
    velocity: NamedTensors,
}

impl Sgd {
    /// Returns an optimiser with zero velocities.
    pub fn new(settings: &TrainSettings) -> Sgd {
        Sgd {
            momentum: settings.momentum as f32,
            nesterov: settings.nesterov,
            weight_decay: settings.weight_decay as f32,
            decay_biases: settings.decay_biases,
            velocity: NamedTensors::new(),
        }
    }

    /// Makes one step along a gradient.
    pub(super) fn step(&mut self, network: &mut Network, gradient: Gradient, learning_rate: f64) {
        let mut gradients = gradient.by_path();
        let engine = network.engine().clone();
        network.replace(|path, values| {
            let Some(gradient) = gradients.remove(path) else { return };
            let velocity = self.velocity.entry(path.to_owned()).or_insert_with(|| NamedTensor {
                shape: gradient.shape.clone(),
                values: vec![0.0; gradient.values.len()],
            });
            let decays = self.decay_biases || !path.ends_with(".bias");
            let step = SgdStep {
                learning_rate: learning_rate as f32,
                momentum: self.momentum,
                weight_decay: if decays { self.weight_decay } else { 0.0 },
                nesterov: self.nesterov,
            };
            sgd_momentum_step(&engine, values, &gradient.values, &mut velocity.values, step);
        });
    }

    /// Returns the velocities by parameter path, for a checkpoint.
    pub fn tensors(&self) -> NamedTensors {
        self.velocity.clone()
    }

    /// Restores the velocities of a checkpoint.
    pub fn restore(&mut self, velocity: NamedTensors) {
        self.velocity = velocity;
    }
}
