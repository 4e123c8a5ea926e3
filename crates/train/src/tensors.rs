//! Named tensors on the host and their safetensors files: equal values are equal bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use allconv_record::{RecordError, write_atomically};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

/// One tensor on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values, row-major.
    pub values: Vec<f32>,
}

/// Tensors by PyTorch path name, e.g. `features.0.weight`; sorted, so that files are reproducible.
pub type NamedTensors = BTreeMap<String, NamedTensor>;

/// Writes tensors as 32-bit floats, atomically. No metadata: the `safetensors` crate keeps it in a randomly ordered map.
///
/// # Errors
/// [`RecordError::Io`]; [`RecordError::Malformed`] when a shape does not fit its values.
pub fn write_safetensors(path: &Path, tensors: &NamedTensors) -> Result<(), RecordError> {
    let malformed = |error: safetensors::SafeTensorError| RecordError::Malformed {
        path: path.to_path_buf(),
        format: "safetensors file",
        reason: error.to_string(),
    };
    let bytes: Vec<Vec<u8>> = tensors
        .values()
        .map(|tensor| tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let mut views = Vec::with_capacity(tensors.len());
    for ((name, tensor), bytes) in tensors.iter().zip(&bytes) {
        let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes).map_err(malformed)?;
        views.push((name.as_str(), view));
    }
    let file = safetensors::serialize(views, None).map_err(malformed)?;
    write_atomically(path, &file)
}

/// Reads a file of 32-bit floats.
///
/// # Errors
/// [`RecordError::Io`]; [`RecordError::Malformed`] when the file is damaged, holds another number type or a value that is not finite.
pub fn read_safetensors(path: &Path) -> Result<NamedTensors, RecordError> {
    parse_safetensors(path, &read_bytes(path)?)
}

/// The bytes of a file.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, RecordError> {
    fs::read(path).map_err(RecordError::io("read", path))
}

/// The tensors in the bytes of the file at `path`. PyTorch's counts of the batches that a batch normalisation has seen are passed over: nothing here
/// depends on them.
pub(crate) fn parse_safetensors(path: &Path, file: &[u8]) -> Result<NamedTensors, RecordError> {
    let malformed = |reason: String| RecordError::Malformed {
        path: path.to_path_buf(),
        format: "safetensors file",
        reason,
    };
    let parsed = SafeTensors::deserialize(file).map_err(|error| malformed(error.to_string()))?;
    let mut tensors = NamedTensors::new();
    for (name, view) in parsed.tensors() {
        if name.ends_with(".num_batches_tracked") {
            continue;
        }
        if view.dtype() != Dtype::F32 {
            return Err(malformed(format!("tensor `{name}` has type {:?}, only F32 is read", view.dtype())));
        }
        let values: Vec<f32> = view
            .data()
            .chunks_exact(4)
            .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            .collect();
        if let Some(place) = values.iter().position(|value| !value.is_finite()) {
            return Err(malformed(format!("tensor `{name}` is {} at index {place}", values[place])));
        }
        tensors.insert(name, NamedTensor { shape: view.shape().to_vec(), values });
    }
    Ok(tensors)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> NamedTensors {
        (0..9)
            .map(|index| {
                let values = vec![index as f32, -0.0, f32::MIN_POSITIVE, 1.0e30, 0.1, -7.5];
                (format!("features.{index}.weight"), NamedTensor { shape: vec![2, 3], values })
            })
            .collect()
    }

    #[test]
    fn equal_values_are_equal_bytes_and_are_read_exactly() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("a"), folder.path().join("b"));
        write_safetensors(&first, &example()).unwrap();
        write_safetensors(&second, &example()).unwrap();
        assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
        assert_eq!(read_safetensors(&first).unwrap(), example());
    }

    #[test]
    fn every_truncation_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_safetensors(&path, &example()).unwrap();
        let bytes = fs::read(&path).unwrap();
        for length in 0..bytes.len() {
            fs::write(&path, &bytes[..length]).unwrap();
            assert!(read_safetensors(&path).is_err(), "{length} bytes were accepted");
        }
    }

    #[test]
    fn values_that_are_not_finite_are_refused_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut tensors = example();
            tensors.get_mut("features.3.weight").unwrap().values[4] = value;
            write_safetensors(&path, &tensors).unwrap();
            let message = read_safetensors(&path).unwrap_err().to_string();
            assert!(message.contains("features.3.weight") && message.contains("index 4"), "{message}");
        }
    }
}
