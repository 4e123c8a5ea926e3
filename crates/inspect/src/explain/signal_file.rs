//! Signals of every stage as a safetensors file in double precision: for comparison with other programs.
//!
//! Keys: `images` `[n, c, h, w]`; for each stage `N` `places.N` `[n, 3]` (channel, row, column of the unit) and, for each rule,
//! `gradient.N`, `deconvnet.N`, `guided.N` `[n, c, h, w]`.

use std::path::Path;

use allconv_nets::{ReluRule, SignalRules};
use allconv_record::{RecordError, write_atomically};
use burn::tensor::{DType, Device};
use safetensors::tensor::{Dtype, TensorView};

use super::signal::signals_through;
use super::signal_explanations;
use super::target::{Choice, Target};
use crate::tensors::host;
use crate::{InspectError, Pictures, Subject};

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
        for (name, rule) in signal_explanations() {
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

/// Every stage against PyTorch, on two tiny networks trained there: `peers/torch/guided.py golden` wrote the fixtures, and
/// `guided.py check` does the same for any trained network.
#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use allconv_kernels::{Accuracy, Isa};
    use allconv_nets::{NetworkSpec, models};
    use safetensors::SafeTensors;

    use super::*;
    use crate::Blueprint;

    /// Largest difference relative to the largest absolute value of a signal.
    const BOUND: f64 = 1e-4;
    /// Height and width of the fixtures' images.
    const SIZE: usize = 12;

    fn fixture(file: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/guided").join(file)
    }

    /// Returns every tensor of a file as f64, whatever its type.
    fn read(file: &Path) -> BTreeMap<String, Vec<f64>> {
        let bytes = std::fs::read(file).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let values = |view: TensorView<'_>| -> Vec<f64> {
            let data = view.data();
            match view.dtype() {
                Dtype::F32 => {
                    data.chunks(4).map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap()))).collect()
                }
                Dtype::F64 => data.chunks(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect(),
                Dtype::I64 => {
                    data.chunks(8).map(|b| i64::from_le_bytes(b.try_into().unwrap()) as f64).collect()
                }
                other => panic!("{other:?}"),
            }
        };
        tensors.tensors().into_iter().map(|(name, view)| (name, values(view))).collect()
    }

    #[test]
    fn signals_of_every_stage_are_those_of_pytorch() {
        let folder = tempfile::tempdir().unwrap();
        let mut compared = 0;
        for name in ["model_c", "all_cnn_c"] {
            let golden = read(&fixture(&format!("{name}.signals.safetensors")));
            let spec = models::named(name).unwrap().with_width(0.0625);
            let spec = NetworkSpec { last_relu: Some(false), ..spec }.resolved();
            let blueprint = Blueprint {
                name: name.to_owned(),
                spec,
                input: [3, SIZE, SIZE],
                classes: 4,
                output_type: crate::OutputType::Class,
                seed: 0,
                accuracy: Accuracy::F32,
            };
            let weights = fixture(&format!("{name}.weights.safetensors"));
            let subject = Subject::new(blueprint, Some(&weights), Isa::detect(), &Device::flex()).unwrap();
            let inputs: Vec<f32> = golden["images"].iter().map(|value| *value as f32).collect();
            let pictures = Pictures::of_inputs(inputs, [3, SIZE, SIZE]);
            let file = folder.path().join(name);
            write_signals(&subject, &pictures, &file).unwrap();
            let ours = read(&file);
            for (key, expected) in &golden {
                let found = &ours[key];
                assert_eq!(found.len(), expected.len(), "{name} {key}");
                let scale = expected.iter().fold(0.0_f64, |scale, value| scale.max(value.abs()));
                for (found, expected) in found.iter().zip(expected) {
                    assert!((found - expected).abs() <= BOUND * scale, "{name} {key}: {found} {expected}");
                }
                compared += usize::from(scale > 0.0);
            }
        }
        assert!(compared > 100, "{compared} tensors were compared");
    }
}
