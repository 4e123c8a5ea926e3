//! Weights between allconv and PyTorch, in both directions; the other half is `peers/torch/exchange.py`.
//!
//! ```text
//! exchange_weights write NAME WIDTH DIRECTORY [CLASS]    leaves what `exchange.py check` loads
//! exchange_weights check NAME WIDTH DIRECTORY            loads what `exchange.py write` left there
//! ```
//!
//! The logits are computed in the accuracy class CLASS, `f32` where there is none.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use allconv_kernels::{Accuracy, Isa};
use allconv_nets::{Engine, Mode, Network, Parameter, images_to_tensor, models};
use burn::tensor::{Device, Tensor, TensorData};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView, serialize_to_file};

/// Largest difference of logits, relative to the largest logit: f32 sums in another order.
const BOUND: f32 = 1e-4;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (action, name, width, folder, class) = match arguments.as_slice() {
        [action, name, width, folder] => (action, name, width, folder, "f32"),
        [action, name, width, folder, class] if action == "write" => {
            (action, name, width, folder, &class[..])
        }
        _ => {
            return Err(
                "usage: exchange_weights write NAME WIDTH DIRECTORY [CLASS], or check NAME WIDTH DIRECTORY"
                    .into(),
            );
        }
    };
    let (model, folder) = (models::find(name)?, Path::new(folder));
    let spec = model.spec().with_width(width.parse()?);
    let engine = Engine::new(Isa::detect(), Accuracy::named(class)?);
    let network = Network::initialise(&spec, model.input, model.classes, 1, engine, &Device::flex())?;
    match action.as_str() {
        "write" => write(&network, model.input, folder),
        "check" => check(network, folder),
        _ => Err(format!("unknown action `{action}`; use write or check").into()),
    }
}

fn write(network: &Network, input: [usize; 3], folder: &Path) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(folder)?;
    save(&network.parameters(), &folder.join("weights.safetensors"))?;
    let [channels, height, width] = input;
    let count = 2 * channels * height * width;
    let pixels = (0..count).map(|index| ((index * 7919) % 2003) as f32 / 1001.0 - 1.0).collect();
    let images = images_to_tensor(pixels, [2, height, width, channels], &Device::flex());
    let logits = network.forward(images.clone(), Mode::Evaluate);
    save(&[named("images", images)?, named("logits", logits)?], &folder.join("case.safetensors"))
}

fn check(mut network: Network, folder: &Path) -> Result<(), Box<dyn Error>> {
    network.load_parameters(load(&folder.join("weights.safetensors"))?)?;
    let case = load(&folder.join("case.safetensors"))?;
    let find =
        |path| case.iter().find(|tensor| tensor.path == path).ok_or(format!("no `{path}` in the case"));
    let (images, expected) = (find("images")?, find("logits")?);
    let data = TensorData::new(images.values.clone(), images.shape.clone());
    let logits = network.forward(Tensor::from_data(data, &Device::flex()), Mode::Evaluate);
    let found = named("logits", logits)?.values;
    let scale = expected.values.iter().fold(0.0_f32, |scale, value| scale.max(value.abs()));
    let differences = found.iter().zip(&expected.values).map(|(found, expected)| (found - expected).abs());
    let largest = differences.fold(0.0, f32::max);
    println!("largest difference of logits: {largest:.3e} (limit {:.3e})", BOUND * scale);
    if largest > BOUND * scale || scale == 0.0 {
        return Err("the logits differ, or are all zero".into());
    }
    Ok(())
}

fn named<const D: usize>(path: &str, tensor: Tensor<D>) -> Result<Parameter, Box<dyn Error>> {
    let shape = tensor.dims().to_vec();
    let values = tensor.into_data().try_into_vec_as().map_err(|error| format!("{path}: {error}"))?;
    Ok(Parameter { path: path.to_owned(), shape, values })
}

fn save(tensors: &[Parameter], path: &Path) -> Result<(), Box<dyn Error>> {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|tensor| tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let views = tensors.iter().zip(&bytes).map(|(tensor, bytes)| {
        TensorView::new(Dtype::F32, tensor.shape.clone(), bytes).map(|view| (tensor.path.clone(), view))
    });
    serialize_to_file(views.collect::<Result<Vec<_>, _>>()?, None, path)?;
    Ok(())
}

fn load(path: &Path) -> Result<Vec<Parameter>, Box<dyn Error>> {
    let bytes = std::fs::read(path)?;
    let tensors = SafeTensors::deserialize(&bytes)?;
    let read = |(path, view): (String, TensorView<'_>)| {
        let values =
            view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        Parameter { path, shape: view.shape().to_vec(), values }
    };
    Ok(tensors.tensors().into_iter().map(read).collect())
}
