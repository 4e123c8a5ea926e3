//! Whole networks on the kernels: gradients of every accuracy class against f64, and properties of inference.

use allconv_kernels::{Accuracy, Isa};
use allconv_nets::layers::Stage;
use allconv_nets::{Engine, Mode, Network, SignalRules, models};
use burn::module::Module;
use burn::tensor::{Bool, DType, Device, Tensor, TensorData};

use crate::gradient_check::gradients_in_order;
use crate::support::{noise, values};

const BATCH: usize = 4;

/// For a class, the largest rms error that the median weight tensor of All-CNN-C may have relative to its gradient, and any of them.
///
/// PyTorch's f32 errs by up to 1.1e-6, F(4x4, 3x3) adds to that; PyTorch's bfloat16 by 3e-2 to 1.6e-1. Where rounding turns the sign of
/// one value before a ReLU, that value's gradient is switched on or off, for this layer and those before it: one of the 1e5 values of
/// four images in a layer is 3e-3 of the norm. The second bound leaves room for a few of those, and holds only where such a sign is
/// found: in the classes that do not round their operands, a tensor with no changed sign after it must keep to the first.
const BOUNDS: [(Accuracy, f64, f64); 4] = [
    (Accuracy::Exact, 3e-6, 1e-2),
    (Accuracy::F32, 1e-5, 1e-2),
    (Accuracy::Bf16, 0.2, 0.35),
    (Accuracy::Bf16Fast, 0.3, 0.5),
];

fn network(width: f64, engine: Engine, device: &Device) -> Network {
    let spec = models::named("all_cnn_c").unwrap().with_width(width);
    Network::initialise(&spec, [3, 32, 32], 10, 3, engine, device).unwrap()
}

fn images(count: usize, dtype: DType, device: &Device) -> Tensor<4> {
    let shape = [count, 3, 32, 32];
    Tensor::from_data(TensorData::new(noise(5, shape.iter().product()), shape), (device, dtype))
}

/// Returns the gradient of a fixed random mix of the logits with respect to every weight.
fn weight_gradients(network: &Network, dtype: DType, device: &Device) -> Vec<(String, Vec<f64>)> {
    let logits = network.forward(images(BATCH, dtype, device), Mode::Evaluate);
    let mix = TensorData::new(noise(6, BATCH * 10), [BATCH, 10]);
    let gradients = (logits * Tensor::from_data(mix, (device, dtype))).sum().backward();
    let paths = network.parameters().into_iter().map(|parameter| parameter.path);
    let gradients = paths.zip(gradients_in_order(network, gradients));
    gradients.filter(|(path, _)| path.ends_with(".weight")).collect()
}

/// Returns the last ReLU, by its stage, at which `network` keeps other values than `exact` does.
fn last_turned_sign(network: &Network, exact: &Network, device: &Device) -> Option<usize> {
    let kept = |network: &Network, dtype: DType| -> Vec<Tensor<4, Bool>> {
        let trace =
            network.forward_traced(images(BATCH, dtype, device), Mode::Evaluate, SignalRules::GRADIENT);
        trace.stages.into_iter().map(|stage| stage.greater_elem(0.0)).collect()
    };
    let turned = kept(network, DType::F32)
        .into_iter()
        .zip(kept(exact, DType::F64))
        .map(|(ours, theirs)| ours.not_equal(theirs).any().into_scalar::<bool>());
    let stages = turned.zip(network.stages()).enumerate();
    stages
        .filter(|(_, (turned, stage))| *turned && matches!(stage, Stage::Activation(_)))
        .map(|(index, _)| index)
        .last()
}

/// Returns the stage that a parameter belongs to: `N` of `features.N.weight`.
fn stage_of(path: &str) -> usize {
    path.split('.').nth(1).unwrap().parse().unwrap()
}

#[test]
fn the_gradient_of_all_cnn_c_is_that_of_f64_within_each_class_s_bound() {
    let device = Device::flex().autodiff();
    let exact = network(1.0, Engine::detect(), &device).in_double_precision();
    let reference = weight_gradients(&exact, DType::F64, &device);
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    // All instruction sets give the same bits, which the tests of the kernels show.
    let isa = Isa::detect();
    for (accuracy, typical, largest) in BOUNDS {
        let network = network(1.0, Engine::new(isa, accuracy), &device);
        let found = weight_gradients(&network, DType::F32, &device);
        let turned = last_turned_sign(&network, &exact, &device);
        let rounds = matches!(accuracy, Accuracy::Bf16 | Accuracy::Bf16Fast);
        let mut errors = Vec::new();
        for ((path, found), (expected_path, expected)) in found.iter().zip(&reference) {
            assert_eq!(path, expected_path);
            let difference = norm(&mut found.iter().zip(expected).map(|(found, expected)| found - expected));
            let error = difference / norm(&mut expected.iter().copied());
            let explained = turned.is_some_and(|turned| stage_of(path) < turned);
            assert!(
                error <= typical || explained || rounds,
                "{isa} {accuracy:?} {path}: {error:e}, no sign turned"
            );
            errors.push(error);
        }
        errors.sort_by(f64::total_cmp);
        let shown: Vec<String> = errors.iter().map(|error| format!("{error:.1e}")).collect();
        println!("{isa} {}: rms errors of the weight gradients {}", accuracy.name(), shown.join(" "));
        assert_eq!(errors.len(), 9);
        assert!(errors[4] <= typical && errors[8] <= largest, "{isa} {accuracy:?}: {errors:?}");
        // A class that rounds its operands must show it, or it does not round.
        assert_eq!(errors[4] > 1e-4, rounds, "{errors:?}");
    }
}

#[test]
fn images_that_go_through_a_few_at_a_time_get_the_same_logits_to_the_last_bit() {
    // Where a graph is kept, all go through at once.
    let device = Device::flex().autodiff();
    for width in [0.25, 0.1] {
        let network = network(width, Engine::detect(), &device);
        let images = images(37, DType::F32, &device);
        let together = values(network.forward(images.clone(), Mode::Evaluate));
        let apart = network.valid().forward(images.clone().inner(), Mode::Evaluate);
        assert_eq!(values(apart), together);
        let traced = network.forward_traced(images, Mode::Evaluate, SignalRules::GRADIENT);
        for (together, traced) in together.iter().zip(values(traced.logits)) {
            assert!((together - traced).abs() < 1e-5, "{together} against {traced} stage by stage");
        }
    }
}

#[test]
fn inference_sees_weights_that_change_between_calls() {
    let device = Device::flex();
    let mut network = network(0.1, Engine::detect(), &device);
    let images = images(3, DType::F32, &device);
    let mut seen = Vec::new();
    for _ in 0..3 {
        let logits = values(network.forward(images.clone(), Mode::Evaluate));
        // A clone keeps no prepared weights.
        assert_eq!(logits, values(network.clone().forward(images.clone(), Mode::Evaluate)));
        assert!(!seen.contains(&logits));
        seen.push(logits);
        network.replace(|_, values| values.iter_mut().for_each(|value| *value *= 1.25));
    }
}

#[test]
fn evaluation_during_training_leaves_both_networks_right() {
    let device = Device::flex().autodiff();
    let mut training = network(0.1, Engine::detect(), &device);
    let before = training.valid();
    let images = images(3, DType::F32, &Device::flex());
    let first = values(before.forward(images.clone(), Mode::Evaluate));
    training.replace(|_, values| values.iter_mut().for_each(|value| *value *= 1.25));
    assert_eq!(values(before.forward(images.clone(), Mode::Evaluate)), first, "a copy keeps its weights");
    assert_ne!(values(training.valid().forward(images, Mode::Evaluate)), first);
}
