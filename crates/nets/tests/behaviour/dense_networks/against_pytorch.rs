//! One training step of architectures against PyTorch in f64.
//!
//! The fixtures are written by `dense_golden.py` and `classic_golden.py` of `peers/torch`, which fill weights, images and targets by the same
//! formula as here.

use allconv_nets::{
    Architecture, DownsampleConfig, Engine, Mode, Network, NetworkSpec, Parameter, StageSpec,
};
use allconv_random::elementary::square;
use burn::tensor::{Device, Tensor, TensorData};
use serde_json::Value;

use crate::golden_vectors::{sizes, uniform};
use crate::support::values;

/// Relative bound on loss and norms, f32 against f64: sums of a few hundred products over up to [`LAYERS`], with Winograd transforms.
const BOUND: f64 = 2e-4;
/// Norm below which a gradient of PyTorch in f64 is 0: that of a bias before batch normalisation.
const ZERO: f64 = 1e-9;
/// Layers that the bounds are for; of more, each adds its share.
const LAYERS: f64 = 25.0;
/// Bound on a single value, relative to the root mean square of its tensor.
const VALUE_BOUND: f64 = 2e-3;

/// Returns the values of `dense_golden.py`'s `fill`.
fn fill(network: &mut Network) {
    let shapes: Vec<Vec<usize>> = network.parameters().into_iter().map(|parameter| parameter.shape).collect();
    let mut shapes = shapes.into_iter();
    network.replace(|path, values| {
        let shape = shapes.next().unwrap();
        let [mean, scale] = match path.rsplit('.').next() {
            Some("running_mean" | "running_var") => return,
            Some("weight") if shape.len() == 1 => [1.0, 0.5],
            Some("weight") => [0.0, (6.0 / shape[1..].iter().product::<usize>() as f64).sqrt()],
            _ => [0.0, 0.1],
        };
        let count = values.len();
        let formula = uniform(path, count).into_iter().map(|value| (mean + value * scale) as f32);
        values.iter_mut().zip(formula).for_each(|(slot, value)| *slot = value);
    });
}

fn tensor(name: &str, shape: [usize; 4], device: &Device) -> Tensor<4> {
    let values: Vec<f32> =
        uniform(name, shape.iter().product()).into_iter().map(|value| value as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// `depth` is what multiplies the bounds: 1 up to 25 layers, and as much more as there are more.
fn close(found: f64, expected: &Value, depth: f64, what: &str) {
    let expected = expected.as_f64().unwrap();
    assert!(
        (found - expected).abs() <= depth * BOUND * expected.abs().max(1e-2),
        "{what}: {found}, PyTorch has {expected}"
    );
}

fn norm(found: &Parameter) -> f64 {
    found.values.iter().map(|value| square(f64::from(*value))).sum::<f64>().sqrt()
}

/// Checks `found` against the norm and the samples of a tensor.
fn agrees(found: &Parameter, golden: &Value, depth: f64, what: &str) {
    assert_eq!(sizes(&golden["shape"]), found.shape, "{what}");
    close(norm(found), &golden["norm"], depth, &format!("{what}, norm"));
    let typical = golden["norm"].as_f64().unwrap() / (found.values.len() as f64).sqrt();
    for sample in golden["samples"].as_array().unwrap() {
        let (index, expected) = (sample[0].as_u64().unwrap() as usize, sample[1].as_f64().unwrap());
        let found = f64::from(found.values[index]);
        // Gradients that are 0 (of a bias before batch normalisation) are roundings of sums here.
        let bound = depth * VALUE_BOUND * typical.max(expected.abs()).max(1e-4);
        assert!((found - expected).abs() <= bound, "{what}[{index}]: {found}, PyTorch has {expected}");
    }
}

fn map(y: Tensor<4>) -> Parameter {
    Parameter { path: String::new(), shape: y.dims().to_vec(), values: values(y) }
}

fn check(case: &Value) {
    let name = case["name"].as_str().unwrap();
    let architecture: Architecture = serde_json::from_value(case["architecture"].clone()).unwrap();
    let downsample: Option<DownsampleConfig> =
        serde_json::from_value(case.get("downsample").cloned().unwrap_or_default()).unwrap();
    let spec = NetworkSpec { downsample, dropout: Some(0.0), ..NetworkSpec::new(architecture) };
    let outputs = case["outputs"].as_u64().unwrap() as usize;
    let shape = sizes(&case["shape"]);
    let input = [shape[0], shape[1], shape[2]];
    let device = Device::flex().autodiff();
    let mut network = Network::initialise(&spec, input, outputs, 0, Engine::detect(), &device).unwrap();
    fill(&mut network);
    let layers = spec.stages(outputs).unwrap();
    let layers = layers.iter().filter(|stage| matches!(stage, StageSpec::Convolution(_))).count();
    let depth = (layers as f64 / LAYERS).max(1.0);

    let images = tensor("images", [2, input[0], input[1], input[2]], &device);
    let output = network.forward_map(images.clone(), Mode::Train { seed: 0, step: 0 });
    let loss = (output.clone() - tensor("target", output.dims(), &device)).square().mean();
    let mut gradients = loss.backward();
    agrees(&map(output), &case["output"], depth, &format!("{name}: output"));
    close(f64::from(values(loss)[0]), &case["loss"], depth, &format!("{name}: loss"));

    let gradients = network.gradients(&mut gradients);
    let golden = case["gradients"].as_object().unwrap();
    assert_eq!(gradients.len(), golden.len(), "{name}: number of parameters");
    for gradient in &gradients {
        let (path, expected) = (&gradient.path, &golden[&gradient.path]);
        if expected["norm"].as_f64().unwrap() < ZERO {
            // Ours holds roundings, which are small beside the gradient of the weights of the same layer.
            let weights = golden[&path.replace(".bias", ".weight")]["norm"].as_f64().unwrap();
            assert!(
                norm(gradient) <= depth * BOUND * weights,
                "{name}: gradient of {path}: {}, PyTorch has 0",
                norm(gradient)
            );
        } else {
            agrees(gradient, expected, depth, &format!("{name}: gradient of {path}"));
        }
    }

    let rate = case["rate"].as_f64().unwrap() as f32;
    network.replace(|path, values| {
        let Some(gradient) = gradients.iter().find(|gradient| gradient.path == path) else { return };
        values.iter_mut().zip(&gradient.values).for_each(|(value, gradient)| *value -= rate * gradient);
    });
    network.absorb_statistics();
    let running: Vec<Parameter> =
        network.parameters().into_iter().filter(|parameter| parameter.path.contains("running")).collect();
    let golden = case["running"].as_object().unwrap();
    assert_eq!(running.len(), golden.len(), "{name}: running statistics");
    for found in &running {
        agrees(found, &golden[&found.path], depth, &format!("{name}: {}", found.path));
    }
    let after = network.forward_map(images, Mode::Evaluate);
    agrees(&map(after), &case["output_after"], depth, &format!("{name}: output after the step"));
}

#[test]
fn residual_networks_and_those_of_the_visual_geometry_group_step_like_their_pytorch_twins() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../../fixtures/classic_step.json")).unwrap();
    assert_eq!(cases.len(), 7);
    cases.iter().for_each(check);
}

#[test]
fn every_architecture_steps_like_its_pytorch_twin_at_odd_sizes() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../../fixtures/dense_step.json")).unwrap();
    assert_eq!(cases.len(), 7);
    cases.iter().for_each(check);
}
