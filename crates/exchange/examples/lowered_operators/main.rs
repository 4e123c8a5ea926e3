//! Every operator and every named network as a model of ONNX, with images and what this program makes of them; every operator as a PyTorch
//! module too. The other halves are `peers/torch/onnx_operators.py`, `peers/rten` and `peers/torch/pytorch_modules.py`.
//!
//! ```text
//! lowered_operators DIRECTORY
//! ```

mod case;
#[path = "../../../nets/tests/lowering/cases.rs"]
mod cases;
mod networks;
mod operators;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;

fn main() -> ExitCode {
    let written = match std::env::args().nth(1) {
        Some(folder) => write_all(Path::new(&folder)),
        None => Err("usage: lowered_operators DIRECTORY".into()),
    };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn write_all(folder: &Path) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(folder)?;
    write_list(folder, "cases.json", &operators::write(folder)?)?;
    write_list(folder, "networks.json", &networks::write(folder)?)
}

fn write_list(folder: &Path, name: &str, cases: &[Value]) -> Result<(), Box<dyn Error>> {
    std::fs::write(folder.join(name), serde_json::to_string_pretty(cases)?)?;
    println!("{} cases in {name}", cases.len());
    Ok(())
}
