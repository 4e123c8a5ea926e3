//! The optimisers, chosen by `train.optimizer`: one registry, their states keyed by parameter path.

mod adam;
mod sgd;

use std::collections::BTreeMap;

use allconv_nets::{Network, Parameter, ParameterError};
use allconv_random::elementary::square;
use burn::tensor::Gradients;

use crate::settings::{OptimizerSettings, TrainSettings};
use crate::start::is_frozen;
use crate::tensors::{NamedTensor, NamedTensors};
pub use adam::{Adam, WeightDecay};
pub use sgd::Sgd;

/// An optimiser with its state.
#[derive(Clone, Debug)]
pub struct Optimizer {
    clip_gradient_norm: Option<f64>,
    frozen: Vec<String>,
    rule: Rule,
}

#[derive(Clone, Debug)]
enum Rule {
    Sgd(Sgd),
    Adam(Adam),
}

impl Optimizer {
    /// Returns the optimiser that the settings describe, with zero state.
    pub fn new(settings: &TrainSettings) -> Optimizer {
        let rule = match settings.optimizer {
            None | Some(OptimizerSettings::Sgd {}) => Rule::Sgd(Sgd::new(settings)),
            Some(OptimizerSettings::Adam(adam)) => {
                let decay = WeightDecay { rate: settings.weight_decay, biases: settings.decay_biases };
                Rule::Adam(Adam::new(adam, decay))
            }
        };
        let frozen = settings.start.as_ref().map(|start| start.freeze.clone()).unwrap_or_default();
        Optimizer { clip_gradient_norm: settings.clip_gradient_norm, frozen, rule }
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
        let mut gradients = network.gradients(gradients);
        gradients.retain(|gradient| !is_frozen(&self.frozen, &gradient.path));
        let norm = norm(&gradients);
        if !norm.is_finite() {
            return Err(norm);
        }
        let shrink = self.clip_gradient_norm.map_or(1.0, |limit| (limit / norm).min(1.0)) as f32;
        let gradient = Gradient { parameters: gradients, shrink };
        match &mut self.rule {
            Rule::Sgd(sgd) => sgd.step(network, gradient, learning_rate),
            Rule::Adam(adam) => adam.step(network, gradient, learning_rate),
        }
        Ok(())
    }

    /// Returns the state, for a checkpoint.
    pub fn tensors(&self) -> NamedTensors {
        match &self.rule {
            Rule::Sgd(sgd) => sgd.tensors(),
            Rule::Adam(adam) => adam.tensors(),
        }
    }

    /// Restores the state of a checkpoint.
    pub fn restore(&mut self, tensors: NamedTensors) {
        match &mut self.rule {
            Rule::Sgd(sgd) => sgd.restore(tensors),
            Rule::Adam(adam) => adam.restore(tensors),
        }
    }
}

/// The gradient of the loss by every parameter, and the factor that clipping puts on it.
struct Gradient {
    parameters: Vec<Parameter>,
    shrink: f32,
}

impl Gradient {
    /// Returns the clipped gradients by parameter path.
    fn by_path(self) -> BTreeMap<String, Parameter> {
        let shrink = self.shrink;
        let clipped = |mut gradient: Parameter| {
            if shrink < 1.0 {
                gradient.values.iter_mut().for_each(|value| *value *= shrink);
            }
            (gradient.path.clone(), gradient)
        };
        self.parameters.into_iter().map(clipped).collect()
    }
}

/// Returns the L2 norm of the whole gradient, summed in double precision in the order of the parameters.
fn norm(gradients: &[Parameter]) -> f64 {
    let squares =
        |gradient: &Parameter| gradient.values.iter().map(|value| square(f64::from(*value))).sum::<f64>();
    gradients.iter().map(squares).sum::<f64>().sqrt()
}

/// Returns the weights of a network by path, for a checkpoint.
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
            tensor.values.iter().zip(&after[path].values).map(|(old, new)| square(f64::from(new - old)))
        });
        squares.sum::<f64>().sqrt()
    }

    fn request(text: &str) -> TrainSettings {
        toml::from_str::<TrainRequest>(text).unwrap().resolve().unwrap()
    }

    #[test]
    fn a_clipped_step_has_the_norm_of_the_limit_times_the_learning_rate() {
        let device = Device::flex().autodiff();
        let mut network = network(&device);
        let before = network_tensors(&network);
        let mut gradients = gradients(&network, &device, 1e3);
        let mut optimizer = Optimizer::new(&request("clip_gradient_norm = 2.0\nweight_decay = 0.0"));
        optimizer.step(&mut network, &mut gradients, 0.1).unwrap();
        let change = largest_change(&before, &network_tensors(&network));
        assert!((change - 0.2).abs() < 1e-3, "{change}");
    }

    #[test]
    fn biases_decay_only_if_set() {
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
            Optimizer::new(&settings).step(&mut network, &mut gradients, 0.1).unwrap();
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
        assert!(Optimizer::new(&request("")).step(&mut network, &mut gradients, 0.1).is_err());
        assert_eq!(network_tensors(&network), before);
    }
}
