//! Tensors to and from host memory.

use burn::tensor::{Device, Tensor, TensorData};

/// Returns the elements of a tensor in row-major order, in double precision.
///
/// # Panics
/// If the values cannot be read from the device.
pub(crate) fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    match tensor.into_data().try_into_vec_as() {
        Ok(values) => values,
        Err(error) => panic!("a map could not be read from its device: {error}"),
    }
}

/// Returns a tensor of these values, in the number type and on the device of `like`.
pub(crate) fn like(values: Vec<f64>, like: &Tensor<4>) -> Tensor<4> {
    Tensor::from_data(TensorData::new(values, like.dims()), (&like.device(), like.dtype()))
}

/// Returns the device on which gradients are kept.
pub(crate) fn tracking() -> Device {
    Device::flex().autodiff()
}
