//! Gradients against central differences in f64.

use allconv_nets::{Mode, Network};
use allconv_operators::parameters::in_double_precision;
use allconv_operators::to_host;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{DType, Device, Gradients, Tensor, TensorData};

use crate::support::{noise, noise_tensor};

/// Step of the central differences.
const STEP: f64 = 1e-6;

/// The same where all parameters move at once: each position is then moved by thousands of values, and a larger step would carry some of them over the
/// kink of a ReLU or to another maximum. Roundings of the loss stay near 1e-6 of the difference.
const JOINT_STEP: f64 = 1e-9;

/// Returns the largest relative error of the gradients of `network` (input and every parameter), each along four random
/// directions, against central differences in f64. The loss is a fixed random mix of the logits.
///
/// `distort` changes the gradient before it is checked: the identity, or a planted error.
pub(crate) fn gradient_error(
    network: &Network,
    shape: [usize; 4],
    mode: Mode,
    distort: impl Fn(f64) -> f64,
) -> f64 {
    module_gradient_error(network, shape, |network, images| network.forward(images, mode), distort)
}

/// Returns the relative error of the gradient of `network` along a random direction in which the images and all parameters move together:
/// for large networks, whose parameters one after the other take long.
pub(crate) fn joint_gradient_error(network: &Network, shape: [usize; 4], mode: Mode) -> f64 {
    let device = Device::flex().autodiff();
    let network = in_double_precision(network.clone());
    let images = noise_tensor(1, shape, &device).require_grad();
    let loss = |network: &Network, images: Tensor<4>| {
        let logits = network.forward(images, mode);
        (logits.clone() * noise_tensor(2, logits.dims(), &device)).sum()
    };
    let mut gradients = loss(&network, images.clone()).backward();
    let mut gradient: Vec<f64> = to_host(images.grad_remove(&mut gradients).unwrap());
    let of_images = gradient.len();
    gradients_in_order(&network, gradients).into_iter().for_each(|of_one| gradient.extend(of_one));
    let size: f64 = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
    let direction = noise(10, gradient.len());
    let at = |step: f64| {
        let moved = TensorData::new(direction[..of_images].iter().map(|d| d * step).collect(), shape);
        let images = images.clone() + Tensor::from_data(moved, (&device, DType::F64));
        let mut mover = JointMover { direction: &direction[of_images..], step };
        to_host::<f64, 1, _>(loss(&network.clone().map(&mut mover), images))[0]
    };
    let analytic: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
    let numeric = (at(JOINT_STEP) - at(-JOINT_STEP)) / (2.0 * JOINT_STEP);
    (analytic - numeric).abs() / numeric.abs().max(size).max(1e-3)
}

/// Computes [`gradient_error`] of any module, whose logits `forward` computes.
pub(crate) fn module_gradient_error<M: Module>(
    module: &M,
    shape: [usize; 4],
    forward: impl Fn(&M, Tensor<4>) -> Tensor<2>,
    distort: impl Fn(f64) -> f64,
) -> f64 {
    let device = Device::flex().autodiff();
    let module = in_double_precision(module.clone());
    let images = noise_tensor(1, shape, &device).require_grad();
    let loss = |module: &M, images: Tensor<4>| {
        let logits = forward(module, images);
        let weights = noise_tensor(2, logits.dims(), &device);
        (logits * weights).sum()
    };
    let mut gradients = loss(&module, images.clone()).backward();
    let of_images: Vec<f64> = to_host(images.grad_remove(&mut gradients).unwrap());
    let of_parameters = gradients_in_order(&module, gradients);

    let value = |module: &M, images: Tensor<4>| to_host::<f64, 1, _>(loss(module, images))[0];
    let mut worst = 0.0_f64;
    let mut check = |gradient: &[f64], at: &dyn Fn(&[f64], f64) -> f64| {
        for seed in 10..14 {
            let direction = noise(seed, gradient.len());
            let analytic: f64 = gradient.iter().zip(&direction).map(|(g, d)| distort(*g) * d).sum();
            let numeric = (at(&direction, STEP) - at(&direction, -STEP)) / (2.0 * STEP);
            // Directions along which the loss hardly changes are compared relative to the size of the gradient instead.
            let size: f64 = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
            worst = worst.max((analytic - numeric).abs() / numeric.abs().max(size).max(1e-3));
        }
    };
    check(&of_images, &|direction, step| {
        let moved = TensorData::new(direction.iter().map(|d| d * step).collect(), shape);
        value(&module, images.clone() + Tensor::from_data(moved, (&device, DType::F64)))
    });
    for (index, gradient) in of_parameters.iter().enumerate() {
        check(gradient, &|direction, step| {
            let mut mover = Mover { left: index, direction, step };
            value(&module.clone().map(&mut mover), images.clone())
        });
    }
    worst
}

/// Returns the gradient of every parameter in the module's order; zeros for one that the loss does not depend on.
pub(crate) fn gradients_in_order(module: &impl Module, gradients: Gradients) -> Vec<Vec<f64>> {
    let mut collector = Collector { gradients, collected: Vec::new() };
    module.visit(&mut collector);
    collector.collected
}

struct Collector {
    gradients: Gradients,
    collected: Vec<Vec<f64>>,
}

impl ModuleVisitor for Collector {
    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        let gradient = parameter.val().grad_remove(&mut self.gradients);
        self.collected.push(to_host(gradient.unwrap_or_else(|| parameter.val().zeros_like())));
    }
}

/// Adds `step · direction` to the parameter that `left` others come before.
struct Mover<'a> {
    left: usize,
    direction: &'a [f64],
    step: f64,
}

impl ModuleMapper for Mover<'_> {
    fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let here = self.left == 0;
        self.left = self.left.wrapping_sub(1);
        parameter.map(|value| {
            let (shape, device) = (value.dims(), value.device());
            let mut values: Vec<f64> = to_host(value);
            if here {
                values.iter_mut().zip(self.direction).for_each(|(value, d)| *value += self.step * d);
            }
            Tensor::from_data(TensorData::new(values, shape), (&device, DType::F64)).require_grad()
        })
    }
}

/// Adds `step · direction` to all parameters, one after the other.
struct JointMover<'a> {
    direction: &'a [f64],
    step: f64,
}

impl ModuleMapper for JointMover<'_> {
    fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
        parameter.map(|value| {
            let (shape, device, tracked) = (value.dims(), value.device(), value.is_require_grad());
            let mut values: Vec<f64> = to_host(value);
            let (here, behind) = self.direction.split_at(values.len());
            self.direction = behind;
            values.iter_mut().zip(here).for_each(|(value, d)| *value += self.step * d);
            let value = Tensor::from_data(TensorData::new(values, shape), (&device, DType::F64));
            if tracked { value.require_grad() } else { value }
        })
    }
}
