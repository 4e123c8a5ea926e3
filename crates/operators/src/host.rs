//! Tensors read back to host memory.

use burn::tensor::Tensor;
use burn::tensor::kind::Basic;
use burn_backend::Element;

/// Returns the elements of a tensor in row-major order.
///
/// # Panics
///
/// When the device that holds them is lost.
pub fn to_host<E: Element, const D: usize, K: Basic>(tensor: Tensor<D, K>) -> Vec<E> {
    match tensor.into_data().try_into_vec_as() {
        Ok(values) => values,
        Err(error) => panic!("a tensor could not be read from its device: {error}"),
    }
}
