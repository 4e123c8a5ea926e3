//! Agreement with implementations that nobody here wrote: values and gradients computed by `peers/torch/operators_golden.py`.

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use safetensors::SafeTensors;
use serde_json::Value;

use super::read;
use crate::downsample::Slot;
use crate::initialise::Initialisation;
use crate::network::{Mode, Network};
use crate::stage::ActivationKind;
use crate::walk::walk_stages;

/// `torch.testing.assert_close` for f32.
const RELATIVE: f64 = 1.3e-6;
const ABSOLUTE: f64 = 1e-5;

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/operators").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// `formula.uniform` of the peers: element i a hash of (name, i), in [−1, 1).
fn uniform(name: &str, count: usize) -> Vec<f64> {
    let seed =
        name.bytes().fold(0x811c_9dc5_u32, |seed, byte| (seed ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let value = |index: u32| {
        let mut hash = seed.wrapping_add(index.wrapping_mul(2_654_435_761));
        hash = (hash ^ (hash >> 15)).wrapping_mul(2_246_822_519);
        hash ^= hash >> 13;
        f64::from(hash >> 8) / 8_388_608.0 - 1.0
    };
    (0..count as u32).map(value).collect()
}

fn sizes(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|size| size.as_u64().unwrap() as usize).collect()
}

/// Checks `found` against the stored tensor `name`.
fn assert_agrees(stored: &SafeTensors<'_>, name: &str, found: &[f32], exact: bool) {
    let expected = stored.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    let expected: Vec<f32> =
        expected.data().chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
    assert_eq!(found.len(), expected.len(), "{name}");
    for (found, expected) in found.iter().zip(&expected) {
        let (found, expected) = (f64::from(*found), f64::from(*expected));
        let allowed = if exact { 0.0 } else { ABSOLUTE + RELATIVE * expected.abs() };
        assert!((found - expected).abs() <= allowed, "{name}: {found}, expected {expected}");
    }
}

#[test]
fn values_and_gradients_agree_with_outside_implementations() {
    let (index, bytes) = (fixture("golden.json"), fixture("golden.safetensors"));
    let index: Value = serde_json::from_slice(&index).unwrap();
    let stored = SafeTensors::deserialize(&bytes).unwrap();
    let device = Device::flex().autodiff();
    let cases: Vec<&Value> =
        index["cases"].as_array().unwrap().iter().filter(|case| case.get("operator").is_some()).collect();
    assert!(cases.len() > 250, "only {} cases", cases.len());
    let mut failures = Vec::new();
    for case in cases {
        let id = case["id"].as_str().unwrap();
        let outcome = std::panic::catch_unwind(|| judge(case, &stored, &device));
        if let Err(panic) = outcome {
            let reason = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            failures.push(format!("{id} ({}): {reason}", case["operator"]));
        }
    }
    assert!(failures.is_empty(), "{} cases fail:\n{}", failures.len(), failures.join("\n"));
}

fn judge(case: &Value, stored: &SafeTensors<'_>, device: &Device) {
    let id = case["id"].as_str().unwrap();
    let operator = read(case["operator"].as_str().unwrap());
    let shape: [usize; 4] = sizes(&case["shape"]).try_into().unwrap();
    let [_, channels, height, width] = shape;
    let mut stages = Vec::new();
    operator.place(&mut Slot::new(&mut stages, channels, ActivationKind::Relu)).unwrap();
    let walk = walk_stages(&stages, [channels, height, width]).unwrap();

    let mut network =
        Network::from_walk(&walk, Initialisation::He, 0, allconv_kernels::Engine::detect(), device);
    let given = case["parameters"].as_object().unwrap();
    let mut filled = 0;
    network.replace(|path, values| {
        let (name, settings) =
            given.iter().find(|(name, _)| belongs(path, name)).unwrap_or_else(|| panic!("{path}"));
        let [scale, shift] = ["scale", "shift"].map(|field| settings[field].as_f64().unwrap());
        let numbers = uniform(&format!("parameter/{id}/{name}"), values.len());
        values.iter_mut().zip(numbers).for_each(|(value, number)| *value = (number * scale + shift) as f32);
        filled += 1;
    });
    assert_eq!(filled, given.len(), "{id}: parameters");

    let x: Vec<f32> =
        uniform(&format!("x/{id}"), shape.iter().product()).iter().map(|value| *value as f32).collect();
    let x = Tensor::<4>::from_data(TensorData::new(x, shape), device).require_grad();
    let y = network.forward_traced(x.clone(), Mode::Evaluate).stages.pop().unwrap();
    assert_eq!(y.dims()[..], sizes(&case["output_shape"])[..], "{id}: shape");
    let y: Tensor<2> = y.flatten(1, 3);
    let host = |tensor: Tensor<2>| -> Vec<f32> { tensor.into_data().try_into_vec_as().unwrap() };
    assert_agrees(stored, &format!("{id}/y"), &host(y.clone()), case["exact"].as_bool().unwrap());

    let dy: Vec<f32> =
        uniform(&format!("dy/{id}"), y.dims().iter().product()).iter().map(|value| *value as f32).collect();
    let dy = Tensor::<2>::from_data(TensorData::new(dy, y.dims()), device);
    let mut gradients = (y * dy).sum().backward();
    let dx = x.grad_remove(&mut gradients).unwrap();
    let exact = case["exact_dx"].as_bool().unwrap_or(false);
    assert_agrees(stored, &format!("{id}/dx"), &host(dx.reshape([1, shape.iter().product()])), exact);
    for gradient in network.gradients(&mut gradients) {
        let (name, _) = given.iter().find(|(name, _)| belongs(&gradient.path, name)).unwrap();
        assert_agrees(stored, &format!("{id}/d_{name}"), &gradient.values, false);
    }
}

/// Whether the parameter at `path` is what the script calls `name`. The one convolution of LIP's simple gate is its weight.
fn belongs(path: &str, name: &str) -> bool {
    path.ends_with(&format!(".{name}")) || (name == "weight" && path.ends_with(".gate.0"))
}
