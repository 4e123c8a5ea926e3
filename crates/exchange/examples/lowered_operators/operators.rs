//! The cases of the operators, both directions.

use std::error::Error;
use std::path::Path;

use allconv_exchange::network_module;
use allconv_nets::{
    DownsampleConfig, Engine, Initialisation, Mode, Network, Parameter, UpsampleConfig, Walk,
};
use burn::tensor::{DType, Device, Tensor, TensorData};
use serde_json::{Value, json};

use super::case::{BATCHES, noise, write_model};
use super::cases::{downsampling, moved_network, partners, upsampling};

/// Heights and widths: even, and odd in both axes.
const SIZES: [[usize; 2]; 2] = [[12, 16], [13, 11]];

/// Writes every setting of every operator, and returns the cases.
pub(super) fn write(folder: &Path) -> Result<Vec<Value>, Box<dyn Error>> {
    let mut cases = Vec::new();
    for size in SIZES {
        for (index, operator) in DownsampleConfig::examples().into_iter().enumerate() {
            let name = format!("down-{index}-{}x{}", size[0], size[1]);
            let Some(walk) = downsampling(size, &operator) else { continue };
            let settings = json!({ "name": operator.name(), "direction": "down", "settings": operator });
            cases.extend(write_case(folder, &name, &walk, &settings)?);
        }
        for (index, operator) in UpsampleConfig::examples().into_iter().enumerate() {
            for (place, partner) in partners(&operator).into_iter().enumerate() {
                let name = format!("up-{index}-{place}-{}x{}", size[0], size[1]);
                let Some(walk) = upsampling(size, &operator, &partner) else { continue };
                let settings = json!({
                    "name": operator.name(), "direction": "up", "settings": operator, "partner": partner.name(),
                });
                cases.extend(write_case(folder, &name, &walk, &settings)?);
            }
        }
    }
    Ok(cases)
}

/// Writes the model and the module, and for each number of images the values in double precision.
fn write_case(
    folder: &Path,
    name: &str,
    walk: &Walk,
    settings: &Value,
) -> Result<Vec<Value>, Box<dyn Error>> {
    let network = moved_network(walk);
    let parameters = network.parameters();
    let head = format!("Written by lowered_operators: {settings}");
    std::fs::write(folder.join(format!("{name}.py")), network_module("Model", &head, walk, &parameters))?;
    let mut cases = write_model(folder, name, walk, &network)?;
    for (case, batch) in cases.iter_mut().zip(BATCHES) {
        case["operator"] = settings.clone();
        case["module"] = json!(format!("{name}.py"));
        let [channels, height, width] = walk.input;
        write_double(
            folder,
            &format!("{name}-{batch}"),
            walk,
            &parameters,
            [batch, channels, height, width],
        )?;
    }
    Ok(cases)
}

/// Writes, in double precision, the map of the images, a signal of its shape, and the gradients by images and parameters of the sum of both
/// multiplied; the parameters in their order one after the other.
fn write_double(
    folder: &Path,
    data: &str,
    walk: &Walk,
    parameters: &[Parameter],
    shape: [usize; 4],
) -> Result<(), Box<dyn Error>> {
    let device = Device::flex().autodiff();
    let mut network = Network::from_walk(walk, Initialisation::He, 3, Engine::detect(), &device);
    network.load_parameters(parameters.to_vec())?;
    let network = network.in_double_precision();
    let double = |seed: u32, sizes: [usize; 4]| {
        let values: Vec<f64> = noise(seed, sizes.iter().product()).into_iter().map(f64::from).collect();
        Tensor::<4>::from_data(TensorData::new(values, sizes), (&device, DType::F64))
    };
    let images = double(shape[0] as u32, shape).require_grad();
    let map = network.forward_map(images.clone(), Mode::Evaluate);
    let signal = double(77, map.dims());
    let mut gradients = (map.clone() * signal.clone()).sum().backward();
    let by_images = images.grad(&gradients).ok_or("the images have no gradient")?;
    for (what, tensor) in [("map", map.inner()), ("signal", signal.inner()), ("by_images", by_images)] {
        let values: Vec<f64> = tensor.into_data().try_into_vec_as().map_err(|error| format!("{error:?}"))?;
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        std::fs::write(folder.join(format!("{data}.{what}.f64")), bytes)?;
    }
    let by_parameters: serde_json::Map<String, Value> = network
        .gradients(&mut gradients)
        .into_iter()
        .map(|gradient| (gradient.path, json!(gradient.values)))
        .collect();
    std::fs::write(
        folder.join(format!("{data}.by_parameters.json")),
        Value::from(by_parameters).to_string(),
    )?;
    Ok(())
}
