//! A network as a model with images and maps.

use std::error::Error;
use std::path::Path;

use allconv_exchange::network_model;
use allconv_nets::{Mode, Network, Walk};
use burn::tensor::{Device, Tensor, TensorData};
use serde_json::{Value, json};

use super::cases;

/// Numbers of images.
pub(super) const BATCHES: [usize; 2] = [1, 7];

/// Writes the model, and images and maps for each of [`BATCHES`]; returns a case for each.
pub(super) fn write_model(
    folder: &Path,
    name: &str,
    walk: &Walk,
    network: &Network,
) -> Result<Vec<Value>, Box<dyn Error>> {
    std::fs::write(folder.join(format!("{name}.onnx")), network_model(walk, &network.parameters()))?;
    let [channels, height, width] = walk.input;
    let mut cases = Vec::new();
    for batch in BATCHES {
        let shape = [batch, channels, height, width];
        let images = noise(batch as u32, shape.iter().product());
        let tensor = Tensor::<4>::from_data(TensorData::new(images.clone(), shape), &Device::flex());
        let map = network.forward_map(tensor, Mode::Evaluate);
        let map_shape = map.dims();
        let map: Vec<f32> = map.into_data().try_into_vec_as().map_err(|error| format!("{error:?}"))?;
        let data = format!("{name}-{batch}");
        for (what, values) in [("images", &images), ("map", &map)] {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            std::fs::write(folder.join(format!("{data}.{what}.f32")), bytes)?;
        }
        cases.push(json!({
            "model": format!("{name}.onnx"), "data": data, "images": shape, "map": map_shape,
        }));
    }
    Ok(cases)
}

/// Returns numbers in [−1, 1] in single precision, the same for the same seed.
pub(super) fn noise(seed: u32, count: usize) -> Vec<f32> {
    cases::noise(seed, count).into_iter().map(|value| value as f32).collect()
}
