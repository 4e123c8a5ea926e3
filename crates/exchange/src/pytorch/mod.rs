//! PyTorch: networks as Python modules that need torch alone.

mod lines;
mod module;
mod operator;

use std::collections::BTreeMap;
use std::path::Path;

use allconv_nets::{Parameter, Walk};
use allconv_record::{RecordError, write_atomically};
use allconv_train::NamedTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::lowered::Lowered;
use crate::{ExchangeError, Export, ExportFormat};
use module::{Constants, Module};
pub use operator::{AnyOperator, operator_module};

/// A folder with a module and its weights.
pub(crate) struct PyTorch;

impl ExportFormat for PyTorch {
    fn name(&self) -> &'static str {
        "pytorch"
    }

    fn about(&self) -> &'static str {
        "a folder with a Python module that needs torch alone, and its weights"
    }

    fn default_name(&self) -> &'static str {
        "pytorch"
    }

    fn takes_pixels(&self) -> bool {
        true
    }

    fn write(&self, export: &Export<'_>, path: &Path) -> Result<(), ExchangeError> {
        let (trained, provenance) = (export.trained, export.provenance);
        let weights = trained.weights();
        let Lowered { graph, output, .. } = Lowered::of_export(export, &weights);
        let head = format!(
            "{}: a network trained with allconv, in evaluation. It needs torch alone.\n\nSpecification {}.\nImages: {}.\n\n    \
             model = Model().eval()\n    \
             model.load_state_dict(safetensors.torch.load_file(\"model.safetensors\"), strict=True)",
            provenance.run,
            provenance.specification_hash,
            export.pixels.words(trained),
        );
        let module = Module {
            name: "Model",
            head: &head,
            graph: &graph,
            output,
            constants: Constants::LargeInFile,
            starts: &BTreeMap::new(),
        };
        let (text, stored) = module.text();
        std::fs::create_dir_all(path).map_err(RecordError::io("create", path))?;
        let file = path.join("model.safetensors");
        let bytes = state_file(&weights, &stored).map_err(|error| RecordError::Malformed {
            path: file.clone(),
            format: "safetensors file",
            reason: error.to_string(),
        })?;
        write_atomically(&file, &bytes)?;
        Ok(write_atomically(&path.join("model.py"), text.as_bytes())?)
    }
}

/// Returns the bytes of a file with the weights in 32 bits and the fixed tensors in as many as they need.
fn state_file(
    weights: &NamedTensors,
    stored: &[module::Stored<'_>],
) -> Result<Vec<u8>, safetensors::SafeTensorError> {
    let mut tensors = Vec::with_capacity(weights.len() + stored.len());
    for (name, tensor) in weights {
        let bytes: Vec<u8> = tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        tensors.push((name.as_str(), Dtype::F32, &tensor.shape[..], bytes));
    }
    for module::Stored { name, shape, values } in stored {
        let is_single = values.iter().all(|value| f64::from(*value as f32) == *value);
        let (dtype, bytes) = match is_single {
            true => (Dtype::F32, values.iter().flat_map(|value| (*value as f32).to_le_bytes()).collect()),
            false => (Dtype::F64, values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>()),
        };
        tensors.push((name, dtype, shape, bytes));
    }
    let views = tensors
        .iter()
        .map(|(name, dtype, shape, bytes)| Ok((*name, TensorView::new(*dtype, shape.to_vec(), bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
    safetensors::serialize(views, None)
}

/// Returns the text of a Python file with the class `name`, whose `forward` computes the stages of `walk` in evaluation; `head` is its
/// documentation.
pub fn network_module(name: &str, head: &str, walk: &Walk, parameters: &[Parameter]) -> String {
    let Lowered { graph, output, .. } = Lowered::of_walk(walk, parameters);
    Module { name, head, graph: &graph, output, constants: Constants::InModule, starts: &BTreeMap::new() }
        .text()
        .0
}
