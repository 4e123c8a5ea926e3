//! Runs models of ONNX in rten, and leaves their results for `peers/torch/onnx_operators.py`, which compares them.
//!
//! ```text
//! allconv-rten DIRECTORY
//! ```
//!
//! `DIRECTORY/cases.json` and `DIRECTORY/networks.json` list the cases: a model, the file of its images, the shapes of the images and of the map. Each
//! case leaves `DATA.rten.f32`, or where rten does not run the model `DATA.rten.refusal` with its message.

#![forbid(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, ensure};
use rten_tensor::prelude::*;
use serde::Deserialize;

/// A model and images for it.
#[derive(Deserialize)]
struct Case {
    model: String,
    data: String,
    images: Vec<usize>,
    map: Vec<usize>,
}

/// The shape of a result, and its values in row-major order.
type Map = (Vec<usize>, Vec<f32>);

fn main() -> ExitCode {
    let done = match std::env::args().nth(1) {
        Some(folder) => run_all(Path::new(&folder)),
        None => Err(anyhow!("usage: allconv-rten DIRECTORY")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_all(folder: &Path) -> Result<()> {
    let mut cases: Vec<Case> = Vec::new();
    for list in ["cases.json", "networks.json"] {
        let text = std::fs::read(folder.join(list)).context(list)?;
        cases.extend(serde_json::from_slice::<Vec<Case>>(&text).context(list)?);
    }
    // A panic is a message too; it is written with the case that it belongs to.
    set_hook(Box::new(|_| {}));
    let mut refusals = 0;
    for case in &cases {
        let [results, refusal] =
            ["f32", "refusal"].map(|kind| folder.join(format!("{}.rten.{kind}", case.data)));
        let (kept, bytes, removed) = match result(folder, case) {
            Ok(values) => (results, values.into_iter().flat_map(f32::to_le_bytes).collect(), refusal),
            Err(error) => {
                refusals += 1;
                (refusal, format!("{error:#}").into_bytes(), results)
            }
        };
        std::fs::write(kept, bytes)?;
        if removed.exists() {
            std::fs::remove_file(removed)?;
        }
    }
    println!("{} of {} cases ran", cases.len() - refusals, cases.len());
    Ok(())
}

/// Returns the values of the map that rten computes.
fn result(folder: &Path, case: &Case) -> Result<Vec<f32>> {
    let bytes = std::fs::read(folder.join(format!("{}.images.f32", case.data)))?;
    let images =
        bytes.chunks_exact(4).map(|value| f32::from_le_bytes([value[0], value[1], value[2], value[3]]));
    let images: Vec<f32> = images.collect();
    let model = folder.join(&case.model);
    let (shape, values) =
        catch_unwind(AssertUnwindSafe(|| run(&model, &case.images, images))).map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            anyhow!(
                "panic: {}",
                text.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()))
                    .unwrap_or_default()
            )
        })??;
    ensure!(shape == case.map, "a result of shape {shape:?} instead of {:?}", case.map);
    Ok(values)
}

fn run(model: &Path, shape: &[usize], images: Vec<f32>) -> Result<Map> {
    let model = rten::Model::load_file(model)?;
    let images = rten_tensor::Tensor::from_data(shape, images);
    let map: rten_tensor::Tensor<f32> = model.run_one(images.into(), None)?.try_into()?;
    Ok((map.shape().to_vec(), map.to_vec()))
}
