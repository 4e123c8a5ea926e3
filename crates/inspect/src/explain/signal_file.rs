//! Signals of every stage as a safetensors file in double precision: what other programs are compared with.
//!
//! Keys: `images` `[n, c, h, w]`; for each stage `N` `places.N` `[n, 3]` (channel, row, column of the unit) and, for each rule,
//! `gradient.N`, `deconvnet.N`, `guided.N` `[n, c, h, w]`.

use std::path::Path;

use allconv_nets::{ReluRule, SignalRules};
use allconv_record::{RecordError, write_atomically};
use burn::tensor::{DType, Device};
use safetensors::tensor::{Dtype, TensorView};

use super::signal::signals_through;
use super::target::{Choice, Target};
use crate::tensors::host;
use crate::{InspectError, Pictures, Subject};

/// The rules, and what files and tables call them.
pub const SIGNAL_RULES: [(ReluRule, &str); 3] = [
    (ReluRule::Backpropagation, "gradient"),
    (ReluRule::Deconvnet, "deconvnet"),
    (ReluRule::Guided, "guided"),
];

/// Computes the signals of the strongest unit of every stage in f64 and writes them.
///
/// # Errors
/// [`InspectError::Record`] when the file cannot be written.
pub fn write_signals(subject: &Subject, pictures: &Pictures, file: &Path) -> Result<(), InspectError> {
    let network = subject.in_double_precision();
    let shape = pictures.shape();
    let sizes = vec![pictures.len(), shape.channels, shape.height, shape.width];
    let images = host(pictures.tensor(0, pictures.len(), &Device::flex()));
    let mut tensors = vec![("images".to_owned(), Dtype::F64, sizes.clone(), f64_bytes(&images))];
    for stage in 0..subject.walk().stages.len() {
        let target = Target::Unit { stage, channel: Choice::Strongest, position: Choice::Strongest };
        for (rule, name) in SIGNAL_RULES {
            let found = signals_through(&network, DType::F64, pictures, target, SignalRules::of_relu(rule));
            if rule == ReluRule::Backpropagation {
                let places = found
                    .places
                    .iter()
                    .flat_map(|place| [place.channel, place.row, place.column])
                    .flat_map(|number| (number as i64).to_le_bytes())
                    .collect();
                tensors.push((format!("places.{stage}"), Dtype::I64, vec![pictures.len(), 3], places));
            }
            tensors.push((format!("{name}.{stage}"), Dtype::F64, sizes.clone(), f64_bytes(&found.values)));
        }
    }
    let malformed = |error: safetensors::SafeTensorError| RecordError::Malformed {
        path: file.to_path_buf(),
        format: "safetensors file",
        reason: error.to_string(),
    };
    let mut views = Vec::with_capacity(tensors.len());
    for (name, dtype, sizes, bytes) in &tensors {
        views.push((name.as_str(), TensorView::new(*dtype, sizes.clone(), bytes).map_err(malformed)?));
    }
    let bytes = safetensors::serialize(views, None).map_err(malformed)?;
    Ok(write_atomically(file, &bytes)?)
}

fn f64_bytes(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
