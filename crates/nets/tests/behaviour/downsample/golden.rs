//! Agreement with independent implementations: values and gradients computed by `peers/torch/operators_golden.py`.

use allconv_nets::{ActivationKind, Engine, Initialisation, Mode, Network, SignalRules, Slot, walk_stages};
use burn::tensor::{Tensor, TensorData};
use safetensors::SafeTensors;
use serde_json::Value;

use super::read;
use crate::golden_vectors::{assert_agrees, check_all, sizes, uniform};
use crate::support::test_device;

#[test]
fn values_and_gradients_agree_with_independent_implementations() {
    check_all("operator", 250, check);
}

fn check(case: &Value, stored: &SafeTensors<'_>) {
    let device = &test_device().autodiff();
    let id = case["id"].as_str().unwrap();
    let operator = read(case["operator"].as_str().unwrap());
    let shape: [usize; 4] = sizes(&case["shape"]).try_into().unwrap();
    let [_, channels, height, width] = shape;
    let mut stages = Vec::new();
    Slot::new(&mut stages, channels, ActivationKind::Relu).place(&operator).unwrap();
    let walk = walk_stages(&stages, [channels, height, width]).unwrap();

    let mut network = Network::from_walk(&walk, Initialisation::He, 0, Engine::detect(), device);
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
    let y = network.forward_traced(x.clone(), Mode::Evaluate, SignalRules::GRADIENT).stages.pop().unwrap();
    assert_eq!(y.dims()[..], sizes(&case["output_shape"])[..], "{id}: shape");
    let y: Tensor<2> = y.flatten(1, 3);
    let host = |tensor: Tensor<2>| -> Vec<f32> { tensor.into_data().try_into_vec_as().unwrap() };
    assert_agrees(stored, &format!("{id}/y"), &host(y.clone()), case["exact"].as_bool().unwrap());

    let dy: Vec<f32> =
        uniform(&format!("dy/{id}"), y.dims().iter().product()).iter().map(|value| *value as f32).collect();
    let dy = Tensor::<2>::from_data(TensorData::new(dy, y.dims()), device);
    let mut gradients = (y * dy).backward();
    let dx = x.grad_remove(&mut gradients).unwrap();
    let exact = case["exact_dx"].as_bool().unwrap_or(false);
    assert_agrees(stored, &format!("{id}/dx"), &host(dx.reshape([1, shape.iter().product()])), exact);
    for gradient in network.gradients(&mut gradients) {
        let (name, _) = given.iter().find(|(name, _)| belongs(&gradient.path, name)).unwrap();
        assert_agrees(stored, &format!("{id}/d_{name}"), &gradient.values, false);
    }
}

/// Returns whether the parameter at `path` is what the script calls `name`. The one convolution of LIP's simple gate is its weight.
fn belongs(path: &str, name: &str) -> bool {
    path.ends_with(&format!(".{name}")) || (name == "weight" && path.ends_with(".gate.0"))
}
