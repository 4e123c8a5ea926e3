//! Properties of every network that returns a map: fused and traced runs agree, gradients are derivatives, threads change nothing.

use allconv_nets::{Mode, SignalRules, walk};
use burn::module::Module;
use burn::tensor::{DType, Device, Tensor};

use super::{TRAIN, moved, network, read, small_networks};
use crate::gradient_check::gradient_error;
use crate::support::{noise_images, values};

/// Bound on the relative error of gradients in f64. Gradients that are 0, as of a bias before normalisation, are compared as if they
/// were 1e-3, of which the roundings of the loss over twice the step of 1e-6 are 5e-5.
const GRADIENT_BOUND: f64 = 1e-4;

fn largest_difference(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).map(|(left, right)| (left - right).abs()).fold(0.0, f32::max)
}

#[test]
fn fused_and_traced_runs_give_the_same_map_and_gradients() {
    let device = Device::flex().autodiff();
    for (spec, outputs) in small_networks() {
        let network = moved(network(&spec, outputs, [9, 11], &device));
        let x = noise_images(1, [2, 3, 9, 11], &device);
        for mode in [Mode::Evaluate, TRAIN] {
            let fused = network.forward_map(x.clone(), mode);
            let traced = network.forward_traced(x.clone(), mode, SignalRules::GRADIENT);
            assert_eq!(traced.stages.len(), network.stages().len());
            let scale = values(fused.clone().abs().max())[0].max(1.0);
            let of_fused = network.gradients(&mut fused.clone().square().sum().backward());
            let of_traced = network.gradients(&mut traced.logits.clone().square().sum().backward());
            // The same arithmetic in another order of passes: a few roundings apart.
            let difference = largest_difference(&values(fused.flatten::<2>(1, 3)), &values(traced.logits));
            assert!(difference < 1e-5 * scale, "{spec:?}: {difference}");
            assert_eq!(of_fused.len(), of_traced.len());
            for (left, right) in of_fused.iter().zip(&of_traced) {
                let scale = right.values.iter().fold(1e-3_f32, |scale, value| scale.max(value.abs()));
                let difference = largest_difference(&left.values, &right.values);
                assert!(difference < 2e-4 * scale, "{spec:?} {}: {difference}", left.path);
            }
        }
    }
}

#[test]
fn gradients_agree_with_central_differences() {
    for (spec, outputs) in small_networks() {
        let network = moved(network(&spec, outputs, [12, 10], &Device::flex().autodiff()));
        let error = gradient_error(&network, [2, 3, 12, 10], TRAIN, |gradient| gradient);
        assert!(error < GRADIENT_BOUND, "{spec:?}: {error:e}");
        let planted = gradient_error(&network, [2, 3, 12, 10], TRAIN, |gradient| 1.001 * gradient);
        assert!(planted > 5.0 * GRADIENT_BOUND, "{spec:?}: a planted error passes: {planted:e}");
    }
}

#[test]
fn maps_and_gradients_are_the_same_bits_on_one_and_on_two_threads() {
    let device = Device::flex().autodiff();
    for (spec, outputs) in small_networks() {
        let network = moved(network(&spec, outputs, [33, 30], &device));
        let pass = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let y = network.forward_map(noise_images(1, [5, 3, 33, 30], &device), TRAIN);
                let gradients = network.gradients(&mut y.clone().square().mean().backward());
                (values(y), gradients)
            })
        };
        assert_eq!(pass(1), pass(2), "{spec:?}");
    }
}

#[test]
fn images_that_go_through_a_few_at_a_time_get_the_same_map_to_the_last_bit() {
    // Where a graph is kept, all go through at once.
    let device = Device::flex().autodiff();
    for (spec, outputs) in small_networks() {
        let network = moved(network(&spec, outputs, [12, 10], &device));
        let x = noise_images(3, [37, 3, 12, 10], &device);
        let together = values(network.forward_map(x.clone(), Mode::Evaluate));
        let apart = network.valid().forward_map(x.inner(), Mode::Evaluate);
        assert_eq!(values(apart), together, "{spec:?}");
    }
}

#[test]
fn an_untrained_network_over_bicubic_is_the_bicubic_enlargement() {
    let device = Device::flex();
    for architecture in
        ["edsr = { scale = 2, channels = 8", "super_resolution_u_net = { scale = 3, channels = 8"]
    {
        let spec = read(&format!("architecture = {{ {architecture}, residual = \"bicubic\" }} }}"));
        // On a ramp inside the map a cubic is exact: each enlarged value is its own position.
        let scale = if architecture.contains("= 2") { 2 } else { 3 };
        let ramp: Vec<f32> = (0..3 * 12 * 12).map(|index| (index % 12) as f32).collect();
        let x = Tensor::<4>::from_data(burn::tensor::TensorData::new(ramp, [1, 3, 12, 12]), &device);
        let y = network(&spec, 3, [12, 12], &device).valid().forward_map(x, Mode::Evaluate);
        let columns = 12 * scale;
        for (index, found) in values(y).into_iter().enumerate() {
            let column = index % columns;
            let position = (column as f32 + 0.5) / scale as f32 - 0.5;
            if (2 * scale..columns - 2 * scale).contains(&column) {
                assert!((found - position).abs() < 1e-4, "{found}, expected {position}");
            }
        }
    }
}

#[test]
fn dropout_acts_in_training_alone() {
    let device = Device::flex();
    let spec = read("architecture = { u_net = { depth = 1, channels = 4 } }\ndropout = 0.5");
    let network = network(&spec, 2, [8, 8], &device);
    let map = |mode| values(network.forward_map(noise_images(1, [1, 3, 8, 8], &device), mode));
    assert_eq!(map(TRAIN), map(TRAIN));
    assert_ne!(map(TRAIN), map(Mode::Train { seed: 3, step: 8 }));
    assert_ne!(map(TRAIN), map(Mode::Evaluate));
}

#[test]
fn receptive_fields_reach_as_far_as_gradients_do() {
    let device = Device::flex().autodiff();
    for text in [
        "architecture = { u_net = { depth = 1, channels = 2, convolutions = 1 } }\ndownsample = { average_pool = { kernel = 2 } }",
        "architecture = { u_net = { depth = 2, channels = 2 } }\ndownsample = { blur_pool = {} }\nupsample = { resize_conv = {} }",
        "architecture = { edsr = { scale = 2, blocks = 2, channels = 2 } }",
        "architecture = { edsr = { scale = 3, blocks = 1, channels = 2 } }\nupsample = { transposed_conv = { kernel = 4, stride = 3 } }",
    ] {
        let spec = read(text);
        let mut network = network(&spec, 1, [64, 64], &device);
        // Positive weights on positive images: nothing cancels, no ReLU is shut.
        network.replace(|_, values| values.fill(0.1));
        // In f64, since transforms of f32 leave rounding errors at positions that an output does not depend on.
        let network = network.in_double_precision();
        let x = Tensor::<4>::ones([1, 3, 64, 64], (&device, DType::F64)).require_grad();
        let declared = walk(&spec, [3, 64, 64], 1).unwrap().receptive_field();
        let mut widest = 0;
        for place in 0..12 {
            let y = network.forward_map(x.clone(), Mode::Evaluate);
            let middle = y.dims()[2] / 2 + place;
            let one = y.slice([0..1, 0..1, middle..middle + 1, middle..middle + 1]);
            let gradient = values(x.grad_remove(&mut one.sum().backward()).unwrap());
            let seen: Vec<usize> = (0..64)
                .filter(|row| gradient[row * 64..(row + 1) * 64].iter().any(|derivative| *derivative > 0.0))
                .collect();
            widest = widest.max(seen[seen.len() - 1] + 1 - seen[0]);
        }
        // The least favourable places of all levels need not coincide: at most one position of the coarsest map is missing.
        assert!(widest <= declared && widest + 4 > declared, "{text}: {widest} pixels, declared {declared}");
    }
}
