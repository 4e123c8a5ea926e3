//! Weights that PyTorch wrote give the logits that PyTorch computed.
//!
//! The fixture is written by `peers/torch/exchange.py write all_cnn_c 0.0625`.

use allconv_nets::{Engine, Mode, Network, Parameter, models};
use burn::tensor::{Device, Tensor, TensorData};
use safetensors::SafeTensors;

/// Largest difference of logits relative to the largest: f32 sums of up to 108 products in another order, nine layers.
const BOUND: f32 = 1e-5;

fn read(bytes: &[u8]) -> Vec<Parameter> {
    let read = |(path, view): (String, safetensors::tensor::TensorView<'_>)| {
        let value = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().unwrap());
        let values = view.data().chunks_exact(4).map(value).collect();
        Parameter { path, shape: view.shape().to_vec(), values }
    };
    SafeTensors::deserialize(bytes).unwrap().tensors().into_iter().map(read).collect()
}

#[test]
fn a_state_dict_of_the_pytorch_twin_loads_and_gives_its_logits() {
    let device = Device::flex();
    let spec = models::named("all_cnn_c").unwrap().with_width(0.0625);
    let mut network = Network::initialise(&spec, [3, 32, 32], 10, 0, Engine::detect(), &device).unwrap();
    network.load_parameters(read(include_bytes!("fixtures/from_pytorch/weights.safetensors"))).unwrap();

    let case = read(include_bytes!("fixtures/from_pytorch/case.safetensors"));
    let find = |path| case.iter().find(|tensor| tensor.path == path).unwrap();
    let images = TensorData::new(find("images").values.clone(), [2, 3, 32, 32]);
    let logits = network.forward(Tensor::from_data(images, &device), Mode::Evaluate);
    let found: Vec<f32> = logits.into_data().try_into_vec_as().unwrap();
    let expected = &find("logits").values;
    let scale = expected.iter().fold(0.0_f32, |scale, value| scale.max(value.abs()));
    assert!(scale > 0.0, "logits that are all zero compare nothing");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= BOUND * scale, "{found}, PyTorch has {expected}");
    }
}
