//! Conversion of plain arrays to Burn tensors and back.

use allconv_data::Batch;
use allconv_nets::images_to_tensor;
use burn::tensor::{Device, Tensor};

/// Returns the images of a batch as a tensor `[n, channels, height, width]` on `device`.
pub fn to_tensor(batch: &Batch, device: &Device) -> Tensor<4> {
    images_to_tensor(batch.images.clone(), [batch.len(), batch.height, batch.width, batch.channels], device)
}

/// Returns the values of a tensor `[n, classes]` in host memory, row by row.
///
/// # Panics
/// If the values cannot be read from the device, e.g. because it was lost.
pub(crate) fn to_host(logits: Tensor<2>) -> Vec<f32> {
    match logits.into_data().try_into_vec::<f32>() {
        Ok(values) => values,
        Err(error) => panic!("the logits could not be read from their device: {error}"),
    }
}
