//! Weights in the files of this program and of others: safetensors, and the zip files that `torch.save` writes, of which nothing is executed.
//!
//! Numbers of 16 and 64 bits become 32-bit floats. What was done to fit the network is told line by line.

mod number_type;
mod pickle;
mod pytorch;
mod safetensors;
mod zip;

use std::fs;
use std::path::Path;

use allconv_record::RecordError;
use allconv_train::NamedTensors;

use crate::InspectError;
use number_type::{COUNTER, NumberType, TypedTensors};

/// A prefix that wrappers for several devices put before every name.
const WRAPPER: &str = "module.";

/// Weights that fit a network, and what was done to them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FittedWeights {
    /// The tensors under the names of the network.
    pub tensors: NamedTensors,
    /// What was done, one sentence each.
    pub notes: Vec<String>,
}

/// Reads the weights in `path` for a network with parameters of these names.
///
/// # Errors
/// [`InspectError::Record`] when the file cannot be read; [`InspectError::ForeignWeights`] when it is no file of plain tensors, or holds a
/// value that is not finite.
pub fn read_weights(path: &Path, names: &[String]) -> Result<FittedWeights, InspectError> {
    let bytes = fs::read(path).map_err(RecordError::io("read", path))?;
    let tensors = match bytes.starts_with(zip::START) {
        true => pytorch::tensors(&bytes),
        false if bytes.starts_with(pytorch::OLD_START) => Err(pytorch::OLD_FORMAT.to_owned()),
        false => safetensors::tensors(&bytes),
    };
    tensors
        .and_then(|tensors| fit(tensors, names))
        .map_err(|reason| InspectError::ForeignWeights { file: path.to_path_buf(), reason })
}

/// Names the tensors as the network names its parameters.
fn fit(tensors: TypedTensors, names: &[String]) -> Result<FittedWeights, String> {
    let mut fitted = FittedWeights::default();
    let is_wrapped = !tensors.is_empty()
        && tensors.iter().all(|(name, ..)| name.starts_with(WRAPPER))
        && names.iter().all(|name| !name.starts_with(WRAPPER));
    if is_wrapped {
        fitted.notes.push(format!("the prefix `{WRAPPER}` was removed from {} names", tensors.len()));
    }
    let mut converted = std::collections::BTreeMap::new();
    for (name, kind, tensor) in tensors {
        let name = if is_wrapped { name[WRAPPER.len()..].to_owned() } else { name };
        if name.rsplit('.').next() == Some(COUNTER) {
            fitted.notes.push(format!("`{name}` was left out"));
            continue;
        }
        if let Some(place) = tensor.values.iter().position(|value| !value.is_finite()) {
            return Err(format!("tensor `{name}` is {} at index {place}", tensor.values[place]));
        }
        if kind != NumberType::F32 {
            *converted.entry(kind).or_insert(0) += 1;
        }
        if fitted.tensors.insert(name.clone(), tensor).is_some() {
            return Err(format!("tensor `{name}` occurs twice"));
        }
    }
    for (kind, count) in converted {
        fitted.notes.push(format!("{count} tensors were converted from {kind:?} to F32"));
    }
    let matched = names.iter().filter(|name| fitted.tensors.contains_key(*name)).count();
    fitted.notes.push(format!("{matched} of {} parameters have a tensor", names.len()));
    Ok(fitted)
}
