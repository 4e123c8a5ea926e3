//! The cases of the named networks, narrow ones, each at two sizes of the images.

use std::error::Error;
use std::path::Path;

use allconv_nets::models;
use serde_json::{Value, json};

use super::case::write_model;
use super::cases::{moved_network, named};

/// Writes every named network, and returns the cases.
pub(super) fn write(folder: &Path) -> Result<Vec<Value>, Box<dyn Error>> {
    let mut cases = Vec::new();
    for model in &models::MODELS {
        for ([height, width], walk) in named(model.name) {
            let name = format!("{}-{height}x{width}", model.name);
            for mut case in write_model(folder, &name, &walk, &moved_network(&walk))? {
                case["network"] = json!(model.name);
                case["stages"] = json!(walk.stages.len());
                cases.push(case);
            }
        }
    }
    Ok(cases)
}
