//! One training step of every named network against PyTorch in f64.
//!
//! The fixture is written by `peers/torch/golden.py`, which fills weights and images by the same formula as here.

use allconv_nets::{Engine, Mode, Network, images_to_tensor, models};
use allconv_random::elementary::square;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor};
use serde_json::Value;

const LABELS: [i32; 2] = [1, 7];
/// Relative bound on loss, logits and norms of gradients, f32 against f64: sums of up to 6400 products, and the
/// Winograd transforms' bound of 4e-6 a layer over at most 18 layers.
const BOUND: f64 = 2e-4;
/// Bound on a single gradient value, relative to the root mean square of its tensor.
const VALUE_BOUND: f64 = 2e-3;

/// Returns `formula.py`'s `uniform`: values in [−1, 1), exact in f32.
fn uniform(name: &str, count: usize) -> impl Iterator<Item = f64> {
    let seed =
        name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (0..count).map(move |index| {
        let mut hash = seed.wrapping_add((index as u32).wrapping_mul(2_654_435_761));
        hash ^= hash >> 15;
        hash = hash.wrapping_mul(2_246_822_519);
        hash ^= hash >> 13;
        f64::from(hash >> 8) / 8_388_608.0 - 1.0
    })
}

fn fill(network: &mut Network) {
    let shapes: Vec<Vec<usize>> = network.parameters().into_iter().map(|parameter| parameter.shape).collect();
    let mut shapes = shapes.into_iter();
    network.replace(|path, values| {
        let shape = shapes.next().unwrap();
        let fan_in: usize = shape[1..].iter().product();
        let scale = if shape.len() > 1 { (6.0 / fan_in as f64).sqrt() } else { 0.1 };
        let count = values.len();
        values.iter_mut().zip(uniform(path, count)).for_each(|(slot, value)| *slot = (value * scale) as f32);
    });
}

/// Returns the formula's images, brought from `[n, c, h, w]` into `[n, h, w, c]`.
fn images(size: usize, device: &Device) -> Tensor<4> {
    let planes: Vec<f32> = uniform("images", 2 * 3 * size * size).map(|value| value as f32).collect();
    let mut pixels = Vec::with_capacity(planes.len());
    for image in 0..2 {
        for position in 0..size * size {
            pixels.extend((0..3).map(|channel| planes[(image * 3 + channel) * size * size + position]));
        }
    }
    images_to_tensor(pixels, [2, size, size, 3], device)
}

fn cross_entropy(logits: Tensor<2>) -> Tensor<1> {
    let labels = Tensor::<1, Int>::from_ints(LABELS, &logits.device()).reshape([2, 1]);
    log_softmax(logits, 1).gather(1, labels).mean().neg()
}

fn scalar(tensor: Tensor<1>) -> f64 {
    let values: Vec<f64> = tensor.into_data().try_into_vec_as().unwrap();
    values[0]
}

fn close(found: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap();
    assert!(
        (found - expected).abs() <= BOUND * expected.abs().max(1e-2),
        "{what}: {found}, PyTorch has {expected}"
    );
}

fn check(case: &Value) {
    let name = case["name"].as_str().unwrap();
    let model = models::find(name).unwrap();
    let spec = model.spec().with_width(case["width"].as_f64().unwrap());
    let device = Device::flex().autodiff();
    let mut network =
        Network::initialise(&spec, model.input, model.classes, 0, Engine::detect(), &device).unwrap();
    fill(&mut network);
    let size = model.input[1];

    let logits = network.forward(images(size, &device), Mode::Evaluate);
    let loss = cross_entropy(logits.clone());
    let shown: Vec<f64> = logits.into_data().try_into_vec_as().unwrap();
    let expected: Vec<f64> =
        case["logits"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
    let scale = expected.iter().fold(1e-2_f64, |scale, value| scale.max(value.abs()));
    for (found, expected) in shown.iter().zip(&expected) {
        assert!((found - expected).abs() < BOUND * scale, "{name}: logit {found}, PyTorch has {expected}");
    }
    let mut gradients = loss.backward();
    close(scalar(loss), &case["loss"], &format!("{name}: loss"));

    let gradients = network.gradients(&mut gradients);
    let golden = case["gradients"].as_object().unwrap();
    assert_eq!(gradients.len(), golden.len(), "{name}: number of parameters");
    for gradient in &gradients {
        let golden = &golden[&gradient.path];
        let what = format!("{name}: gradient of {}", gradient.path);
        assert_eq!(golden["shape"], serde_json::json!(gradient.shape), "{what}");
        let square: f64 = gradient.values.iter().map(|value| square(f64::from(*value))).sum();
        close(square.sqrt(), &golden["norm"], &format!("{what}, norm"));
        let typical = golden["norm"].as_f64().unwrap() / (gradient.values.len() as f64).sqrt();
        for sample in golden["samples"].as_array().unwrap() {
            let (index, expected) = (sample[0].as_u64().unwrap() as usize, sample[1].as_f64().unwrap());
            let found = f64::from(gradient.values[index]);
            let bound = VALUE_BOUND * typical.max(expected.abs());
            assert!((found - expected).abs() <= bound, "{what}[{index}]: {found}, PyTorch has {expected}");
        }
    }

    let rate = case["learning_rate"].as_f64().unwrap() as f32;
    let mut steps = gradients.iter();
    network.replace(|_, values| {
        let gradient = &steps.next().unwrap().values;
        values.iter_mut().zip(gradient).for_each(|(value, gradient)| *value -= rate * gradient);
    });
    let after = cross_entropy(network.forward(images(size, &device), Mode::Evaluate));
    close(scalar(after), &case["loss_after"], &format!("{name}: loss after the step"));
}

fn fixture() -> Vec<Value> {
    serde_json::from_str(include_str!("fixtures/training_step.json")).unwrap()
}

#[test]
fn the_twelve_cifar_networks_step_like_their_pytorch_twins() {
    let cases = fixture();
    assert_eq!(cases.len(), 14);
    cases[..12].iter().for_each(check);
}

#[test]
fn the_large_network_steps_like_its_pytorch_twin() {
    check(&fixture()[12]);
}

#[test]
fn the_imagenet_network_steps_like_its_pytorch_twin() {
    check(&fixture()[13]);
}
