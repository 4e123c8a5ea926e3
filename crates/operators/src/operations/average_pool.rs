//! Average pooling.

use allconv_kernels::{
    AverageDivisor, Engine, PoolGeometry, Scalar, average_pool2d_backward, average_pool2d_forward,
    unspecified_vec,
};
use burn::backend::{Autodiff, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_backend::tensor::FloatTensor;
use burn_backend::{Backend, DType, Element, TensorMetadata};
use burn_flex::FlexTensor;
use bytemuck::Pod;
use serde::{Deserialize, Serialize};

use super::composed;
use super::max_pool::{kernels_geometry, output_sizes};
use super::nhwc::{Dense, from_channels_last};
use super::window::PoolWindow;

/// By what the sum of a window is divided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Divisor {
    /// By the number of its cells that lie inside the map.
    #[default]
    Cells,
    /// By the number of cells of a whole window, also where the edge cuts it off.
    Window,
}

impl From<Divisor> for AverageDivisor {
    fn from(divisor: Divisor) -> Self {
        match divisor {
            Divisor::Cells => Self::ExcludePadding,
            Divisor::Window => Self::IncludePadding,
        }
    }
}

/// The mean of each window: `[n, c, h, w]` to `[n, c, ceil(h/stride), ceil(w/stride)]`.
pub fn average_pool(x: Tensor<4>, window: PoolWindow, divisor: Divisor, engine: &Engine) -> Tensor<4> {
    let y = <Dispatch as AveragePoolOps>::windowed_mean(x.into_dispatch(), window, divisor, engine.clone());
    Tensor::from_dispatch(y)
}

/// Average pooling as an operation of a backend.
#[backend_extension(Flex, Cube: cfg(feature = "gpu"), Autodiff)]
pub trait AveragePoolOps: Backend {
    /// See [`average_pool`].
    fn windowed_mean(
        x: FloatTensor<Self>,
        window: PoolWindow,
        divisor: Divisor,
        engine: Engine,
    ) -> FloatTensor<Self> {
        let _ = engine;
        composed::average_pool::<Self>(x, window, divisor)
    }

    /// The gradient for an input of `sizes` `[n, c, h, w]`, from the result's gradient.
    fn windowed_mean_backward(
        dy: FloatTensor<Self>,
        sizes: [usize; 4],
        window: PoolWindow,
        divisor: Divisor,
        engine: Engine,
    ) -> FloatTensor<Self> {
        let _ = engine;
        composed::average_pool_backward::<Self>(dy, sizes, window, divisor)
    }
}

#[cfg(feature = "gpu")]
impl AveragePoolOps for burn_cubecl::CubeBackend {}

impl AveragePoolOps for Flex {
    fn windowed_mean(x: FlexTensor, window: PoolWindow, divisor: Divisor, engine: Engine) -> FlexTensor {
        match (kernels_geometry(&x.shape(), window), x.dtype()) {
            (Some(geometry), DType::F32) => forward::<f32>(x, &geometry, divisor, &engine),
            (Some(geometry), DType::F64) => forward::<f64>(x, &geometry, divisor, &engine),
            _ => composed::average_pool::<Self>(x, window, divisor),
        }
    }

    fn windowed_mean_backward(
        dy: FlexTensor,
        sizes: [usize; 4],
        window: PoolWindow,
        divisor: Divisor,
        engine: Engine,
    ) -> FlexTensor {
        let [batch, channels, height, width] = sizes;
        match (window.geometry([batch, height, width, channels]), dy.dtype()) {
            (Some(geometry), DType::F32) => backward::<f32>(dy, &geometry, divisor, &engine),
            (Some(geometry), DType::F64) => backward::<f64>(dy, &geometry, divisor, &engine),
            _ => composed::average_pool_backward::<Self>(dy, sizes, window, divisor),
        }
    }
}

fn forward<T: Scalar + Element + Pod>(
    x: FlexTensor,
    geometry: &PoolGeometry,
    divisor: Divisor,
    engine: &Engine,
) -> FlexTensor {
    let sizes = output_sizes(geometry);
    let mut y = unspecified_vec(sizes.iter().product());
    let x = Dense::channels_last(x);
    average_pool2d_forward::<T>(engine, geometry, divisor.into(), x.slice(), &mut y);
    from_channels_last(y, sizes)
}

fn backward<T: Scalar + Element + Pod>(
    dy: FlexTensor,
    geometry: &PoolGeometry,
    divisor: Divisor,
    engine: &Engine,
) -> FlexTensor {
    let mut dx = unspecified_vec(geometry.input_len());
    let dy = Dense::channels_last(dy);
    average_pool2d_backward::<T>(engine, geometry, divisor.into(), dy.slice(), &mut dx);
    from_channels_last(dx, [geometry.batch, geometry.height_in, geometry.width_in, geometry.channels])
}

/// The gradient of average pooling.
#[derive(Debug)]
struct AveragePoolBackward;

/// What the gradient needs to know.
#[derive(Clone, Debug)]
struct Saved {
    sizes: [usize; 4],
    window: PoolWindow,
    divisor: Divisor,
    engine: Engine,
}

impl<B: AveragePoolOps> Backward<B, 1> for AveragePoolBackward {
    type State = Saved;

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [node] = ops.parents;
        let dy = gradients.consume::<B>(&ops.node);
        let Saved { sizes, window, divisor, engine } = ops.state;
        if let Some(node) = node {
            let dx = B::windowed_mean_backward(dy, sizes, window, divisor, engine);
            gradients.register::<B>(node.id, dx);
        }
    }
}

impl<B: AveragePoolOps, C: CheckpointStrategy> AveragePoolOps for Autodiff<B, C> {
    fn windowed_mean(
        x: FloatTensor<Self>,
        window: PoolWindow,
        divisor: Divisor,
        engine: Engine,
    ) -> FloatTensor<Self> {
        let node = x.node();
        let x = x.into_primitive();
        let shape = x.shape();
        let sizes = std::array::from_fn(|axis| shape[axis]);
        let y = B::windowed_mean(x, window, divisor, engine.clone());
        match AveragePoolBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => preparation.finish(Saved { sizes, window, divisor, engine }, y),
            OpsKind::UnTracked(preparation) => preparation.finish(y),
        }
    }
}
