//! Safetensors files of floating-point numbers.

use allconv_train::NamedTensor;
use safetensors::tensor::{Dtype, SafeTensors};

use super::number_type::{COUNTER, NumberType, TypedTensors};

/// Returns the tensors of a file.
///
/// # Errors
/// What is wrong with it, and where.
pub(super) fn tensors(bytes: &[u8]) -> Result<TypedTensors, String> {
    let parsed = SafeTensors::deserialize(bytes).map_err(|error| {
        format!("it is neither a safetensors file ({error}) nor a zip file of torch.save")
    })?;
    let mut tensors = TypedTensors::new();
    for (name, view) in parsed.tensors() {
        let kind = match view.dtype() {
            Dtype::F16 => NumberType::F16,
            Dtype::BF16 => NumberType::BF16,
            Dtype::F32 => NumberType::F32,
            Dtype::F64 => NumberType::F64,
            _ if name.ends_with(COUNTER) => continue,
            other => {
                return Err(format!("tensor `{name}` has type {other:?}; F16, BF16, F32 and F64 are read"));
            }
        };
        let tensor = NamedTensor { shape: view.shape().to_vec(), values: kind.values(view.data()) };
        tensors.push((name, kind, tensor));
    }
    Ok(tensors)
}
