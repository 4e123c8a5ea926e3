//! Adam, its state keyed by parameter path.

use std::collections::BTreeMap;

use allconv_nets::{Network, Parameter};
use allconv_random::elementary::pow;

use super::Gradient;
use crate::settings::AdamSettings;
use crate::tensors::{NamedTensor, NamedTensors};

/// Name of the count of steps in a checkpoint; no parameter path begins so.
const STEPS: &str = "adam.steps";
/// Endings of the two moments' names.
const FIRST: &str = ".first_moment";
const SECOND: &str = ".second_moment";

/// The decay of the weights towards 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WeightDecay {
    /// λ: the gradient grows by λ times the weight.
    pub rate: f64,
    /// Whether biases decay too.
    pub biases: bool,
}

/// Adam with weight decay as a term of the gradient and optional clipping of the whole gradient's norm.
///
/// g ← min(1, c/‖g‖)·g + λw;  m ← m + (1 − β₁)(g − m);  v ← β₂v + (1 − β₂)g²;
/// w ← w − η/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε), t counted from 1: PyTorch's `Adam`.
///
/// Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 1.
#[derive(Clone, Debug)]
pub struct Adam {
    /// β₁, β₂ and ε.
    settings: AdamSettings,
    decay: WeightDecay,
    /// Steps made.
    steps: u32,
    first: NamedTensors,
    second: NamedTensors,
}

impl Adam {
    /// Returns an optimiser with zero moments.
    pub fn new(settings: AdamSettings, decay: WeightDecay) -> Adam {
        Adam { settings, decay, steps: 0, first: NamedTensors::new(), second: NamedTensors::new() }
    }

    /// Makes one step along a gradient.
    pub(super) fn step(&mut self, network: &mut Network, gradient: Gradient, learning_rate: f64) {
        self.steps += 1;
        let mut gradients: BTreeMap<String, Parameter> = gradient.by_path();
        network.replace(|path, values| {
            let Some(gradient) = gradients.remove(path) else { return };
            let decays = self.decay.biases || !path.ends_with(".bias");
            let decay = if decays { self.decay.rate as f32 } else { 0.0 };
            let rest =
                || NamedTensor { shape: gradient.shape.clone(), values: vec![0.0; gradient.values.len()] };
            let first = &mut self.first.entry(path.to_owned()).or_insert_with(rest).values;
            let second = &mut self.second.entry(path.to_owned()).or_insert_with(rest).values;
            update(
                Update { settings: self.settings, step: self.steps, learning_rate, weight_decay: decay },
                values,
                &gradient.values,
                first,
                second,
            );
        });
    }

    /// Returns both moments and the number of steps, for a checkpoint.
    pub fn tensors(&self) -> NamedTensors {
        let named = |tensors: &NamedTensors, ending: &str| -> Vec<(String, NamedTensor)> {
            tensors.iter().map(|(path, tensor)| (format!("{path}{ending}"), tensor.clone())).collect()
        };
        let mut tensors: NamedTensors =
            named(&self.first, FIRST).into_iter().chain(named(&self.second, SECOND)).collect();
        // A whole number below 2²⁴ is exact in f32; no run here is longer.
        tensors.insert(STEPS.to_owned(), NamedTensor { shape: vec![1], values: vec![self.steps as f32] });
        tensors
    }

    /// Restores the state of a checkpoint.
    pub fn restore(&mut self, tensors: NamedTensors) {
        (self.first, self.second) = (NamedTensors::new(), NamedTensors::new());
        for (name, tensor) in tensors {
            if name == STEPS {
                self.steps = tensor.values.first().map_or(0, |steps| *steps as u32);
            } else if let Some(path) = name.strip_suffix(FIRST) {
                self.first.insert(path.to_owned(), tensor);
            } else if let Some(path) = name.strip_suffix(SECOND) {
                self.second.insert(path.to_owned(), tensor);
            }
        }
    }
}

/// The coefficients of one step.
struct Update {
    settings: AdamSettings,
    step: u32,
    learning_rate: f64,
    weight_decay: f32,
}

/// Makes one parameter's step; the bias corrections are taken in f64 and rounded, as PyTorch does.
fn update(update: Update, weights: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32]) {
    let AdamSettings { beta1, beta2, epsilon } = update.settings;
    let step = f64::from(update.step);
    let step_size = (update.learning_rate / (1.0 - pow(beta1, step))) as f32;
    let root_correction = (1.0 - pow(beta2, step)).sqrt() as f32;
    let (fresh_first, kept_second, fresh_second) = ((1.0 - beta1) as f32, beta2 as f32, (1.0 - beta2) as f32);
    let epsilon = epsilon as f32;
    let moments = first.iter_mut().zip(second);
    for ((weight, gradient), (first, second)) in weights.iter_mut().zip(gradient).zip(moments) {
        let gradient = gradient + update.weight_decay * *weight;
        *first += fresh_first * (gradient - *first);
        *second = kept_second * *second + fresh_second * gradient * gradient;
        *weight -= step_size * *first / (second.sqrt() / root_correction + epsilon);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use allconv_random::elementary::sin;
    use serde_json::Value;

    /// Five steps of f32 arithmetic in another order of operations, on weights of about 1.
    const BOUND: f64 = 1e-6;

    fn wave(count: usize, step: f64, scale: f64) -> Vec<f32> {
        (0..count).map(|index| (scale * sin(step * index as f64 + 0.3)) as f32).collect()
    }

    #[test]
    fn five_steps_are_those_of_pytorch() {
        let golden: Value = serde_json::from_str(include_str!("../../tests/fixtures/dense.json")).unwrap();
        for run in golden["adam"].as_array().unwrap() {
            let (mut weights, mut first, mut second) = (wave(6, 2.3, 1.0), vec![0.0; 6], vec![0.0; 6]);
            for (step, expected) in run["weights"].as_array().unwrap().iter().enumerate() {
                let gradient = wave(6, 0.7 + step as f64, 0.5);
                let settings = AdamSettings::default();
                let weight_decay = run["weight_decay"].as_f64().unwrap() as f32;
                let one = Update { settings, step: step as u32 + 1, learning_rate: 0.01, weight_decay };
                update(one, &mut weights, &gradient, &mut first, &mut second);
                for (found, expected) in weights.iter().zip(expected.as_array().unwrap()) {
                    let expected = expected.as_f64().unwrap();
                    assert!((f64::from(*found) - expected).abs() < BOUND, "{found} against {expected}");
                }
            }
        }
    }

    #[test]
    fn the_state_is_restored_from_a_checkpoint() {
        let mut adam = Adam::new(AdamSettings::default(), WeightDecay::default());
        let tensor = |value| NamedTensor { shape: vec![1], values: vec![value] };
        adam.steps = 7;
        adam.first.insert("features.0.weight".into(), tensor(0.5));
        adam.second.insert("features.0.weight".into(), tensor(0.25));
        let mut restored = Adam::new(AdamSettings::default(), WeightDecay::default());
        restored.restore(adam.tensors());
        assert_eq!(restored.tensors(), adam.tensors());
        assert_eq!((restored.steps, restored.second.len()), (7, 1));
    }
}
