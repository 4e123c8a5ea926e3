//! Max pooling with the positions of the maxima.

use allconv_kernels::{
    Engine, PoolGeometry, Scalar, max_pool2d_backward, max_pool2d_forward, max_pool2d_values, unspecified_vec,
};
use burn::backend::{Autodiff, Dispatch, Flex, backend_extension};
use burn::tensor::{Int, Tensor};
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_backend::tensor::{FloatTensor, IntTensor};
use burn_backend::{Backend, DType, Element, TensorMetadata};
use burn_flex::FlexTensor;
use bytemuck::Pod;

use super::composed;
use super::nhwc::{Dense, from_channels_last};
use super::window::PoolWindow;

/// The maximum of each window: `[n, c, h, w]` to `[n, c, ceil(h/stride), ceil(w/stride)]`.
pub fn max_pool(x: Tensor<4>, window: PoolWindow, engine: &Engine) -> Tensor<4> {
    if x.device().is_autodiff() {
        return max_pool_with_indices(x, window, engine).0;
    }
    Tensor::from_dispatch(<Dispatch as MaxPoolOps>::windowed_values(
        x.into_dispatch(),
        window,
        engine.clone(),
    ))
}

/// The maximum of each window, and its position `row · width + column` in the map (the first one on ties).
pub fn max_pool_with_indices(
    x: Tensor<4>,
    window: PoolWindow,
    engine: &Engine,
) -> (Tensor<4>, Tensor<4, Int>) {
    let (y, indices) = <Dispatch as MaxPoolOps>::windowed_max(x.into_dispatch(), window, engine.clone());
    (Tensor::from_dispatch(y), Tensor::from_dispatch(indices))
}

/// Max pooling as an operation of a backend.
#[backend_extension(Flex, Cube: cfg(feature = "gpu"), Autodiff)]
pub trait MaxPoolOps: Backend {
    /// See [`max_pool_with_indices`].
    fn windowed_max(
        x: FloatTensor<Self>,
        window: PoolWindow,
        engine: Engine,
    ) -> (FloatTensor<Self>, IntTensor<Self>) {
        let _ = engine;
        composed::max_pool::<Self>(x, window)
    }

    /// See [`max_pool`]: the values alone, without a gradient.
    fn windowed_values(x: FloatTensor<Self>, window: PoolWindow, engine: Engine) -> FloatTensor<Self> {
        Self::windowed_max(x, window, engine).0
    }

    /// The gradient for an input of `sizes` `[n, c, h, w]`, from the positions and the result's gradient.
    fn windowed_max_backward(
        dy: FloatTensor<Self>,
        indices: IntTensor<Self>,
        sizes: [usize; 4],
        window: PoolWindow,
        engine: Engine,
    ) -> FloatTensor<Self> {
        let _ = (engine, window);
        composed::max_pool_backward::<Self>(dy, indices, sizes)
    }
}

#[cfg(feature = "gpu")]
impl MaxPoolOps for burn_cubecl::CubeBackend {}

impl MaxPoolOps for Flex {
    fn windowed_max(x: FlexTensor, window: PoolWindow, engine: Engine) -> (FlexTensor, FlexTensor) {
        match (kernels_geometry(&x.shape(), window), x.dtype()) {
            (Some(geometry), DType::F32) => forward::<f32>(x, &geometry, &engine),
            (Some(geometry), DType::F64) => forward::<f64>(x, &geometry, &engine),
            _ => composed::max_pool::<Self>(x, window),
        }
    }

    fn windowed_values(x: FlexTensor, window: PoolWindow, engine: Engine) -> FlexTensor {
        match (kernels_geometry(&x.shape(), window), x.dtype()) {
            (Some(geometry), DType::F32) => values::<f32>(x, &geometry, &engine),
            (Some(geometry), DType::F64) => values::<f64>(x, &geometry, &engine),
            _ => composed::max_pool::<Self>(x, window).0,
        }
    }

    fn windowed_max_backward(
        dy: FlexTensor,
        indices: FlexTensor,
        sizes: [usize; 4],
        window: PoolWindow,
        engine: Engine,
    ) -> FlexTensor {
        let [batch, channels, height, width] = sizes;
        match (window.geometry([batch, height, width, channels]), dy.dtype()) {
            (Some(geometry), DType::F32) => backward::<f32>(dy, indices, &geometry, &engine),
            (Some(geometry), DType::F64) => backward::<f64>(dy, indices, &geometry, &engine),
            _ => composed::max_pool_backward::<Self>(dy, indices, sizes),
        }
    }
}

/// The kernels' geometry for a logical `[n, c, h, w]` shape.
pub(super) fn kernels_geometry(shape: &[usize], window: PoolWindow) -> Option<PoolGeometry> {
    window.geometry([shape[0], shape[2], shape[3], shape[1]])
}

/// `[n, h_out, w_out, c]` of a geometry that has been checked.
pub(super) fn output_sizes(geometry: &PoolGeometry) -> [usize; 4] {
    match (geometry.height_out(), geometry.width_out()) {
        (Ok(height), Ok(width)) => [geometry.batch, height, width, geometry.channels],
        (Err(error), _) | (_, Err(error)) => panic!("pooling: {error}"),
    }
}

fn forward<T: Scalar + Element + Pod>(
    x: FlexTensor,
    geometry: &PoolGeometry,
    engine: &Engine,
) -> (FlexTensor, FlexTensor) {
    let sizes = output_sizes(geometry);
    let values: usize = sizes.iter().product();
    let (mut y, mut indices) = (unspecified_vec(values), unspecified_vec(values));
    max_pool2d_forward::<T>(engine, geometry, Dense::channels_last(x).slice(), &mut y, &mut indices);
    // Positions in a map stay far below 2³¹, so the signed integers that Burn prefers hold the same bits.
    let indices: Vec<i32> = bytemuck::cast_vec(indices);
    (from_channels_last(y, sizes), from_channels_last(indices, sizes))
}

fn values<T: Scalar + Element + Pod>(x: FlexTensor, geometry: &PoolGeometry, engine: &Engine) -> FlexTensor {
    let sizes = output_sizes(geometry);
    let mut y = unspecified_vec(sizes.iter().product());
    max_pool2d_values::<T>(engine, geometry, Dense::channels_last(x).slice(), &mut y);
    from_channels_last(y, sizes)
}

fn backward<T: Scalar + Element + Pod>(
    dy: FlexTensor,
    indices: FlexTensor,
    geometry: &PoolGeometry,
    engine: &Engine,
) -> FlexTensor {
    let (dy, indices) = (Dense::channels_last(dy), Dense::channels_last(indices));
    let indices: &[u32] = bytemuck::cast_slice(indices.slice::<i32>());
    let mut dx = unspecified_vec(geometry.input_len());
    max_pool2d_backward::<T>(engine, geometry, dy.slice(), indices, &mut dx);
    from_channels_last(dx, [geometry.batch, geometry.height_in, geometry.width_in, geometry.channels])
}

/// The gradient of max pooling.
#[derive(Debug)]
struct MaxPoolBackward;

/// The positions of the maxima, with the settings.
#[derive(Clone, Debug)]
struct Saved<I> {
    indices: I,
    sizes: [usize; 4],
    window: PoolWindow,
    engine: Engine,
}

impl<B: MaxPoolOps> Backward<B, 1> for MaxPoolBackward {
    type State = Saved<IntTensor<B>>;

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [node] = ops.parents;
        let dy = gradients.consume::<B>(&ops.node);
        let Saved { indices, sizes, window, engine } = ops.state;
        if let Some(node) = node {
            let dx = B::windowed_max_backward(dy, indices, sizes, window, engine);
            gradients.register::<B>(node.id, dx);
        }
    }
}

impl<B: MaxPoolOps, C: CheckpointStrategy> MaxPoolOps for Autodiff<B, C> {
    fn windowed_max(
        x: FloatTensor<Self>,
        window: PoolWindow,
        engine: Engine,
    ) -> (FloatTensor<Self>, IntTensor<Self>) {
        let node = x.node();
        let x = x.into_primitive();
        let shape = x.shape();
        let sizes = std::array::from_fn(|axis| shape[axis]);
        let (y, indices) = B::windowed_max(x, window, engine.clone());
        let y = match MaxPoolBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => {
                let saved = Saved { indices: indices.clone(), sizes, window, engine };
                preparation.finish(saved, y)
            }
            OpsKind::UnTracked(preparation) => preparation.finish(y),
        };
        (y, indices)
    }
}
