//! Operators with given settings and parameters on given inputs: the other half of `peers/torch/onnx_nodes.py`.
//!
//! ```text
//! node_values DIRECTORY
//! ```
//!
//! `cases.json` there lists the operators; inputs and parameters are files of 32-bit floats, as are the results.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use allconv_kernels::Activation;
use allconv_nets::{
    ActivationKind, DownsampleConfig, Engine, Initialisation, Mode, Network, Pass, Slot, StageSpec,
    SwitchKind, Switches, UpsampleConfig, walk_stages,
};
use allconv_operators::parameters::replaced;
use allconv_operators::{Destination, Enlargement, ParameterSource};
use burn::tensor::{Device, Int, Tensor, TensorData};
use serde_json::Value;

fn main() -> ExitCode {
    let computed = match std::env::args().nth(1) {
        Some(folder) => compute_all(Path::new(&folder)),
        None => Err("usage: node_values DIRECTORY".into()),
    };
    match computed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn compute_all(folder: &Path) -> Result<(), Box<dyn Error>> {
    let cases: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(folder.join("cases.json"))?)?;
    for case in &cases {
        let name = case["name"].as_str().ok_or("a case without a name")?;
        let x = floats(folder, &format!("{name}.x"))?;
        let sizes: [usize; 4] = serde_json::from_value(case["input"].clone())?;
        let x = Tensor::<4>::from_data(TensorData::new(x, sizes), &Device::flex());
        let y = match &case["up"] {
            Value::Null => reduced(case, x)?,
            up => enlarged(folder, name, case, serde_json::from_value(up.clone())?, x)?,
        };
        let sizes = y.dims();
        let values: Vec<f32> = y.into_data().try_into_vec_as().map_err(|error| format!("{error:?}"))?;
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        std::fs::write(folder.join(format!("{name}.y")), bytes)?;
        std::fs::write(folder.join(format!("{name}.shape")), serde_json::to_string(&sizes)?)?;
    }
    println!("{} cases", cases.len());
    Ok(())
}

/// Returns what a downsampling operator, or the global average, makes of `x`.
fn reduced(case: &Value, x: Tensor<4>) -> Result<Tensor<4>, Box<dyn Error>> {
    let [_, channels, height, width] = x.dims();
    let mut stages = Vec::new();
    match &case["down"] {
        Value::Null => stages.push(StageSpec::GlobalAverage),
        down => {
            let operator: DownsampleConfig = serde_json::from_value(down.clone())?;
            Slot::new(&mut stages, channels, ActivationKind::Relu).place(&operator)?;
        }
    }
    let walk = walk_stages(&stages, [channels, height, width])?;
    let network = Network::from_walk(&walk, Initialisation::He, 0, Engine::detect(), &Device::flex());
    Ok(network.forward_map(x, Mode::Evaluate))
}

/// Returns what an upsampling operator makes of `x`, with the parameters and positions of maxima that the case brings.
fn enlarged(
    folder: &Path,
    name: &str,
    case: &Value,
    operator: UpsampleConfig,
    x: Tensor<4>,
) -> Result<Tensor<4>, Box<dyn Error>> {
    let device = Device::flex();
    let [batch, channels, height, width] = x.dims();
    let output: [usize; 3] = serde_json::from_value(case["output"].clone())?;
    let switches = match operator.needs() {
        SwitchKind::MaxIndices => {
            let positions: Vec<i64> =
                floats(folder, &format!("{name}.positions"))?.into_iter().map(|value| value as i64).collect();
            let positions = TensorData::new(positions, [batch, channels, height, width]);
            Switches::MaxIndices(Tensor::<4, Int>::from_data(positions, &device))
        }
        _ => Switches::None,
    };
    let enlargement = Enlargement { input: [channels, height, width], output, switches: switches.kind() };
    operator.check_shape(&enlargement)?;
    let source = ParameterSource {
        initialisation: Initialisation::He,
        seed: 0,
        path: "up".to_owned(),
        device: &device,
    };
    let mut missing = Vec::new();
    let layer = replaced(operator.layer(&enlargement, &source), |path, values| {
        match floats(folder, &format!("{name}.{path}")) {
            Ok(given) if given.len() == values.len() => *values = given,
            _ => missing.push(path.to_owned()),
        }
    });
    if !missing.is_empty() {
        return Err(format!("{name}: no values of {}", missing.join(", ")).into());
    }
    let size = [output[1], output[2]];
    let to = Destination { size, switches: &switches, activation: Activation::Identity };
    Ok(layer.forward(x, &to, &Pass::evaluate(&Engine::detect())))
}

fn floats(folder: &Path, file: &str) -> Result<Vec<f32>, Box<dyn Error>> {
    let path = folder.join(file);
    let bytes = std::fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(bytes
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        .collect())
}
