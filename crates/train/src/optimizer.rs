//! SGD with momentum, its state keyed by parameter path.

use std::collections::BTreeMap;

use allconv_kernels::{SgdStep, sgd_momentum_step};
use allconv_nets::{Network, Parameter, ParameterError};
use burn::tensor::Gradients;

use crate::TrainSettings;
use crate::tensors::{NamedTensor, NamedTensors};

/// SGD with momentum, weight decay in Caffe's units and optional clipping of the whole gradient's norm.
///
/// g ← min(1, c/‖g‖)·g + λw;  v ← μv + g;  w ← w − η·v, or with Nesterov's look-ahead w ← w − η·(g + μv): PyTorch's `SGD` with
/// dampening 0. Clipping looks at the gradient of the loss alone, before weight decay.
#[derive(Clone, Debug)]
pub struct Sgd {
    momentum: f32,
    nesterov: bool,
    weight_decay: f32,
    decay_biases: bool,
    clip_gradient_norm: Option<f64>,
    velocity: NamedTensors,
}

impl Sgd {
    /// An optimiser at rest.
    pub fn new(settings: &TrainSettings) -> Sgd {
        Sgd {
            momentum: settings.momentum as f32,
            nesterov: settings.nesterov,
            weight_decay: settings.weight_decay as f32,
            decay_biases: settings.decay_biases,
            clip_gradient_norm: settings.clip_gradient_norm,
            velocity: NamedTensors::new(),
        }
    }

    /// Makes one step.
    ///
    /// # Errors
    /// The norm of the gradient when it is not finite; nothing has then changed.
    pub fn step(
        &mut self,
        network: &mut Network,
        gradients: &mut Gradients,
        learning_rate: f64,
    ) -> Result<(), f64> {
        let gradients = network.gradients(gradients);
        let norm = norm(&gradients);
        if !norm.is_finite() {
            return Err(norm);
        }
        let shrink = self.clip_gradient_norm.map_or(1.0, |limit| (limit / norm).min(1.0)) as f32;
        let mut gradients: BTreeMap<String, Parameter> =
            gradients.into_iter().map(|gradient| (gradient.path.clone(), gradient)).collect();
        let engine = network.engine().clone();
        network.replace(|path, values| {
            let Some(mut gradient) = gradients.remove(path) else { return };
            if shrink < 1.0 {
                gradient.values.iter_mut().for_each(|value| *value *= shrink);
            }
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
        Ok(())
    }

    /// The velocities by parameter path, for a checkpoint.
    pub fn tensors(&self) -> NamedTensors {
        self.velocity.clone()
    }

    /// Takes the velocities of a checkpoint up again.
    pub fn restore(&mut self, velocity: NamedTensors) {
        self.velocity = velocity;
    }
}

/// L2 norm of the whole gradient, summed in double precision in the order of the parameters.
fn norm(gradients: &[Parameter]) -> f64 {
    let squares =
        |gradient: &Parameter| gradient.values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>();
    gradients.iter().map(squares).sum::<f64>().sqrt()
}

/// The weights of a network by path, for a checkpoint.
pub fn network_tensors(network: &Network) -> NamedTensors {
    let named = |parameter: Parameter| {
        (parameter.path, NamedTensor { shape: parameter.shape, values: parameter.values })
    };
    network.parameters().into_iter().map(named).collect()
}

/// Puts weights into a network.
///
/// # Errors
/// [`ParameterError`] when a name or shape does not fit; nothing has then changed.
pub fn load_tensors(network: &mut Network, tensors: &NamedTensors) -> Result<(), ParameterError> {
    let parameter = |(path, tensor): (&String, &NamedTensor)| Parameter {
        path: path.clone(),
        shape: tensor.shape.clone(),
        values: tensor.values.clone(),
    };
    network.load_parameters(tensors.iter().map(parameter).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TrainRequest;
    use allconv_nets::{Engine, Mode, images_to_tensor, models};
    use burn::tensor::Device;

    fn network(device: &Device) -> Network {
        let spec = models::named("all_cnn_c").unwrap().with_width(0.05);
        Network::initialise(&spec, [3, 32, 32], 10, 1, Engine::detect(), device).unwrap()
    }

    fn gradients(network: &Network, device: &Device, scale: f64) -> Gradients {
        let images = images_to_tensor(vec![0.5; 32 * 32 * 3], [1, 32, 32, 3], device);
        network.forward(images, Mode::Evaluate).sum().mul_scalar(scale).backward()
    }

    fn largest_change(before: &NamedTensors, after: &NamedTensors) -> f64 {
        let squares = before.iter().flat_map(|(path, tensor)| {
            tensor.values.iter().zip(&after[path].values).map(|(old, new)| f64::from(new - old).powi(2))
        });
        squares.sum::<f64>().sqrt()
    }

    fn request(text: &str) -> TrainSettings {
        toml::from_str::<TrainRequest>(text).unwrap().resolve().unwrap()
    }

    #[test]
    fn a_clipped_step_is_as_long_as_the_limit_times_the_learning_rate() {
        let device = Device::flex().autodiff();
        let mut network = network(&device);
        let before = network_tensors(&network);
        let mut gradients = gradients(&network, &device, 1e3);
        let mut sgd = Sgd::new(&request("clip_gradient_norm = 2.0\nweight_decay = 0.0"));
        sgd.step(&mut network, &mut gradients, 0.1).unwrap();
        let change = largest_change(&before, &network_tensors(&network));
        assert!((change - 0.2).abs() < 1e-3, "{change}");
    }

    #[test]
    fn biases_decay_only_when_told_to() {
        let device = Device::flex().autodiff();
        for (decay_biases, expected) in [(true, 0.9), (false, 1.0)] {
            let mut network = network(&device);
            network.replace(|path, values| {
                if path.ends_with(".bias") {
                    values.fill(1.0);
                }
            });
            let settings =
                request(&format!("weight_decay = 1.0\nmomentum = 0.0\ndecay_biases = {decay_biases}"));
            let mut gradients = gradients(&network, &device, 0.0);
            Sgd::new(&settings).step(&mut network, &mut gradients, 0.1).unwrap();
            let tensors = network_tensors(&network);
            let (_, bias) = tensors.iter().find(|(path, _)| path.ends_with(".bias")).unwrap();
            assert!((bias.values[0] - expected).abs() < 1e-6, "{}", bias.values[0]);
        }
    }

    #[test]
    fn a_gradient_that_is_not_finite_changes_nothing() {
        let device = Device::flex().autodiff();
        let mut network = network(&device);
        let before = network_tensors(&network);
        let mut gradients = gradients(&network, &device, f64::INFINITY);
        assert!(Sgd::new(&request("")).step(&mut network, &mut gradients, 0.1).is_err());
        assert_eq!(network_tensors(&network), before);
    }
}
