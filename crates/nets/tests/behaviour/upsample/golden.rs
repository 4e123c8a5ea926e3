//! Agreement with independent implementations: values and gradients computed by `peers/torch/operators_golden.py`.

use allconv_nets::{Switches, UpsampleConfig};
use allconv_operators::Enlargement;
use allconv_operators::parameters::{gradients_of, replaced};
use burn::tensor::{Device, Int, Tensor, TensorData};
use safetensors::SafeTensors;
use serde_json::Value;

use super::{read, source, up};
use crate::golden_vectors::{assert_agrees, check_all, sizes, uniform};
use crate::support::test_device;

#[test]
fn values_and_gradients_agree_with_independent_implementations() {
    check_all("upsample", 75, check);
}

/// Returns the operator of a case. The script has interpolation as an operator: here it precedes an identity convolution.
fn operator_of(text: &str) -> (UpsampleConfig, bool) {
    match text.strip_prefix("resize = { ") {
        None => (read(text), false),
        Some(settings) => (read(&format!("resize_conv = {{ kernel = 1, {settings}")), true),
    }
}

fn check(case: &Value, stored: &SafeTensors<'_>) {
    let device = &test_device().autodiff();
    let id = case["id"].as_str().unwrap();
    let (operator, unmixed) = operator_of(case["upsample"].as_str().unwrap());
    let shape: [usize; 4] = sizes(&case["shape"]).try_into().unwrap();
    let [batch, channels_out, rows, columns]: [usize; 4] = sizes(&case["output_shape"]).try_into().unwrap();
    let switches = match case.get("indices") {
        None => Switches::None,
        Some(_) => Switches::MaxIndices(stored_indices(stored, id, shape, device)),
    };
    let enlargement = Enlargement {
        input: [shape[1], shape[2], shape[3]],
        output: [channels_out, rows, columns],
        switches: switches.kind(),
    };
    operator.check_shape(&enlargement).unwrap();

    let given = case["parameters"].as_object().unwrap();
    let mut filled = 0;
    let rule = |path: &str, values: &mut Vec<f32>| {
        if unmixed {
            let diagonal = |index: usize| {
                f32::from(u8::from(path == "weight" && index.is_multiple_of(channels_out + 1)))
            };
            values.iter_mut().enumerate().for_each(|(index, value)| *value = diagonal(index));
            return;
        }
        let [scale, shift] = ["scale", "shift"].map(|field| given[path][field].as_f64().unwrap());
        let numbers = uniform(&format!("parameter/{id}/{path}"), values.len());
        values.iter_mut().zip(numbers).for_each(|(value, number)| *value = (number * scale + shift) as f32);
        filled += 1;
    };
    let module = operator.layer(&enlargement, &source(device));
    let module = replaced(module, rule);
    assert_eq!(filled, given.len(), "{id}: parameters");

    let x: Vec<f32> =
        uniform(&format!("x/{id}"), shape.iter().product()).iter().map(|value| *value as f32).collect();
    let x = Tensor::<4>::from_data(TensorData::new(x, shape), device).require_grad();
    let y = up(&module, x.clone(), [rows, columns], &switches);
    assert_eq!(y.dims(), [batch, channels_out, rows, columns], "{id}: shape");
    let host = |tensor: Tensor<4>| -> Vec<f32> { tensor.into_data().try_into_vec_as().unwrap() };
    assert_agrees(stored, &format!("{id}/y"), &host(y.clone()), case["exact"].as_bool().unwrap());

    let dy: Vec<f32> =
        uniform(&format!("dy/{id}"), y.dims().iter().product()).iter().map(|value| *value as f32).collect();
    let dy = Tensor::<4>::from_data(TensorData::new(dy, y.dims()), device);
    let mut gradients = (y * dy).backward();
    let dx = x.grad_remove(&mut gradients).unwrap();
    assert_agrees(stored, &format!("{id}/dx"), &host(dx), case["exact_dx"].as_bool().unwrap());
    if !unmixed {
        for gradient in gradients_of(&module, &mut gradients) {
            assert_agrees(stored, &format!("{id}/d_{}", gradient.path), &gradient.values, false);
        }
    }
}

/// Returns the stored positions of maxima.
fn stored_indices(stored: &SafeTensors<'_>, id: &str, shape: [usize; 4], device: &Device) -> Tensor<4, Int> {
    let tensor = stored.tensor(&format!("{id}/indices")).unwrap();
    let indices: Vec<i32> =
        tensor.data().chunks_exact(4).map(|bytes| i32::from_le_bytes(bytes.try_into().unwrap())).collect();
    Tensor::from_data(TensorData::new(indices, shape), device)
}

#[test]
fn every_operator_with_a_published_counterpart_has_golden_vectors() {
    // The adjoint of our own convolution, and a placement that no library offers, are tested elsewhere.
    let tested_elsewhere = ["transposed_conv", "polyphase_unpool"];
    let index =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/operators/golden.json"));
    let index = index.unwrap();
    for name in UpsampleConfig::NAMES {
        let key = name.strip_suffix("_conv").filter(|name| *name == "resize").unwrap_or(name);
        let found = index.contains(&format!("\"upsample\": \"{key} = "));
        assert_ne!(found, tested_elsewhere.contains(name), "{name}");
    }
}
