//! Views of CPU tensors as channels-last slices, without a copy where the storage already is channels-last.

use std::any::Any;
use std::sync::Arc;

use burn::backend::{BackendTensor, DispatchTensorKind, Flex};
use burn::tensor::kind::Basic;
use burn::tensor::{Device, Int, Tensor, TensorData};
use burn_backend::{Bytes, Element, Shape};
use burn_flex::{FlexTensor, Layout};
use bytemuck::Pod;

/// The axes that turn `[n, c, h, w]` into `[n, h, w, c]`.
const TO_CHANNELS_LAST: [usize; 4] = [0, 2, 3, 1];
/// The axes that turn `[n, h, w, c]` into `[n, c, h, w]`.
const TO_CHANNELS_FIRST: [usize; 4] = [0, 3, 1, 2];

/// A dense tensor of the CPU in the order in which the kernels read it.
pub(crate) struct Dense(FlexTensor);

impl Dense {
    /// Returns a logical `[n, c, h, w]` tensor as `[n, h, w, c]`; one copy unless its storage already has this order.
    pub(crate) fn channels_last<K: Basic>(tensor: Tensor<4, K>) -> Self {
        Self::of(on_the_cpu(tensor).permute(&TO_CHANNELS_LAST))
    }

    /// Returns a tensor in the order of its own axes; one copy unless its storage already has this order.
    pub(crate) fn in_order<const D: usize>(tensor: Tensor<D>) -> Self {
        Self::of(on_the_cpu(tensor))
    }

    fn of(tensor: FlexTensor) -> Self {
        Self(if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() })
    }

    /// Returns what keeps the elements in memory: they do not change as long as it is shared.
    pub(crate) fn owner(&self) -> Arc<dyn Any + Send + Sync> {
        self.0.data_arc()
    }

    /// Returns the sizes, in the order of the slice.
    pub(crate) fn sizes(&self) -> [usize; 4] {
        let shape = self.0.layout().shape();
        std::array::from_fn(|axis| shape[axis])
    }

    /// Returns the elements.
    ///
    /// # Panics
    ///
    /// When `T` is not the tensor's number type.
    pub(crate) fn slice<T: Element + Pod>(&self) -> &[T] {
        let found = self.0.dtype();
        self.0
            .as_slice()
            .unwrap_or_else(|| panic!("a tensor of {found:?} where {:?} was expected", T::dtype()))
    }

    /// Returns the elements of a tensor of positions in a map.
    pub(crate) fn positions(&self) -> &[u32] {
        bytemuck::cast_slice(self.slice::<i32>())
    }
}

/// Returns the tensor as the CPU's backend has it. [`Place`](super::place::Place) decides where kernels run; they run without a graph.
fn on_the_cpu<const D: usize, K: Basic>(tensor: Tensor<D, K>) -> FlexTensor {
    match tensor.into_dispatch().kind {
        DispatchTensorKind::Flex(BackendTensor::Float(tensor) | BackendTensor::Int(tensor)) => tensor,
        other => panic!("kernels take tensors of the CPU without a graph, not {other:?}"),
    }
}

/// Returns a logical `[n, c, h, w]` tensor over elements in the order `[n, h, w, c]`.
pub(crate) fn from_channels_last<T: Element + Pod + Send + Sync>(
    elements: Vec<T>,
    sizes: [usize; 4],
) -> Tensor<4> {
    Tensor::from_primitive::<Flex>(dense(elements, &sizes).permute(&TO_CHANNELS_FIRST))
}

/// Computes [`from_channels_last`] of positions in a map, which stay far below 2³¹: the signed integers that Burn prefers hold the same
/// bits.
pub(crate) fn positions_from_channels_last(positions: Vec<u32>, sizes: [usize; 4]) -> Tensor<4, Int> {
    let positions = dense(bytemuck::cast_vec::<u32, i32>(positions), &sizes);
    Tensor::from_primitive::<Flex>(positions.permute(&TO_CHANNELS_FIRST))
}

/// Returns a tensor over elements in the order of `shape`.
pub(crate) fn from_elements<T: Element + Pod + Send + Sync, const D: usize>(
    elements: Vec<T>,
    shape: [usize; D],
) -> Tensor<D> {
    Tensor::from_primitive::<Flex>(dense(elements, &shape))
}

fn dense<T: Element + Pod + Send + Sync>(elements: Vec<T>, shape: &[usize]) -> FlexTensor {
    let shape = Shape::from(shape.to_vec());
    assert_eq!(elements.len(), shape.num_elements(), "elements for a tensor of shape {shape:?}");
    FlexTensor::new(Bytes::from_elems(elements), Layout::contiguous(shape), T::dtype())
}

/// Returns the axes of a logical `[n, c, h, w]` tensor in the memory order of maps on the CPU.
pub fn channels_last(x: Tensor<4>) -> Tensor<4> {
    x.permute(TO_CHANNELS_LAST.map(|axis| axis as isize))
}

/// Undoes [`channels_last`].
pub fn channels_first(x: Tensor<4>) -> Tensor<4> {
    x.permute(TO_CHANNELS_FIRST.map(|axis| axis as isize))
}

/// Returns a batch of images, given as `[n, h, w, c]`, as the logical `[n, c, h, w]` tensor that operators and networks take.
///
/// Nothing is copied on the CPU.
///
/// # Panics
///
/// When the number of values is not `n·h·w·c`.
///
/// # Example
///
/// ```
/// use allconv_operators::images_to_tensor;
/// use burn::tensor::Device;
///
/// let images = images_to_tensor(vec![0.0; 2 * 4 * 5 * 3], [2, 4, 5, 3], &Device::flex());
/// assert_eq!(images.dims(), [2, 3, 4, 5]);
/// ```
pub fn images_to_tensor(values: Vec<f32>, sizes: [usize; 4], device: &Device) -> Tensor<4> {
    assert_eq!(values.len(), sizes.iter().product::<usize>(), "values for images of sizes {sizes:?}");
    channels_first(Tensor::from_data(TensorData::new(values, sizes), device))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_last_storage_is_read_in_place() {
        let tensor = from_channels_last(vec![1.0_f32, 2.0, 3.0, 4.0], [1, 2, 1, 2]);
        let before = on_the_cpu(tensor.clone()).bytes().as_ptr();
        let dense = Dense::channels_last(tensor);
        assert_eq!(dense.sizes(), [1, 2, 1, 2]);
        assert_eq!(dense.slice::<f32>().as_ptr().cast(), before);
    }

    #[test]
    fn channels_first_storage_is_repacked() {
        // Two channels of two columns: channel 0 is (1, 2), channel 1 is (3, 4).
        let tensor = from_elements(vec![1.0_f32, 2.0, 3.0, 4.0], [1, 2, 1, 2]);
        assert_eq!(Dense::channels_last(tensor).slice::<f32>(), [1.0, 3.0, 2.0, 4.0]);
    }

    #[test]
    #[should_panic(expected = "F64 was expected")]
    fn the_wrong_number_type_is_refused() {
        let _ = Dense::in_order(from_elements(vec![1.0_f32], [1])).slice::<f64>();
    }
}
