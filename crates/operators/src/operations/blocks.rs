//! Blocks of cells as channels, and back: each the inverse and the gradient of the other.

use allconv_kernels::{BlockGeometry, BlockOrder, Scalar, depth_to_space, space_to_depth, unspecified_vec};
use burn::backend::{Autodiff, Dispatch, Flex, backend_extension};
use burn::tensor::{Device, Tensor};
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_backend::tensor::FloatTensor;
use burn_backend::{Backend, DType, Element};
use burn_flex::FlexTensor;
use bytemuck::Pod;

use super::nhwc::{Dense, from_channels_last};

/// Whether blocks have kernels where `x` lies.
pub(crate) fn blocks_have_kernels(x: &Tensor<4>) -> bool {
    x.device().inner() == Device::flex() && matches!(x.dtype(), DType::F32 | DType::F64)
}

/// `[n, c, h, w]` to `[n, c·factor², ceil(h/factor), ceil(w/factor)]`, zeros beyond the far edges; on the CPU.
pub(crate) fn blocks_to_channels(x: Tensor<4>, factor: usize, order: BlockOrder) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let geometry = BlockGeometry { batch, height, width, channels, factor, order };
    Tensor::from_dispatch(<Dispatch as BlockOps>::blocks_gathered(x.into_dispatch(), geometry))
}

/// `[n, c·factor², h, w]` to `[n, c, rows, columns]`, what blocks have beyond these sides cut off; on the CPU.
pub(crate) fn channels_to_blocks(
    y: Tensor<4>,
    [height, width]: [usize; 2],
    factor: usize,
    order: BlockOrder,
) -> Tensor<4> {
    let [batch, channels, ..] = y.dims();
    let channels = channels / (factor * factor);
    let geometry = BlockGeometry { batch, height, width, channels, factor, order };
    Tensor::from_dispatch(<Dispatch as BlockOps>::blocks_scattered(y.into_dispatch(), geometry))
}

/// Blocks on the CPU's backend.
#[backend_extension(Flex, Autodiff)]
pub trait BlockOps: Backend {
    /// Blocks of cells to channels.
    fn blocks_gathered(x: FloatTensor<Self>, geometry: BlockGeometry) -> FloatTensor<Self>;

    /// Channels to blocks of cells.
    fn blocks_scattered(y: FloatTensor<Self>, geometry: BlockGeometry) -> FloatTensor<Self>;
}

impl BlockOps for Flex {
    fn blocks_gathered(x: FlexTensor, geometry: BlockGeometry) -> FlexTensor {
        match x.dtype() {
            DType::F64 => gather::<f64>(x, &geometry),
            _ => gather::<f32>(x, &geometry),
        }
    }

    fn blocks_scattered(y: FlexTensor, geometry: BlockGeometry) -> FlexTensor {
        match y.dtype() {
            DType::F64 => scatter::<f64>(y, &geometry),
            _ => scatter::<f32>(y, &geometry),
        }
    }
}

fn gather<T: Scalar + Element + Pod>(x: FlexTensor, geometry: &BlockGeometry) -> FlexTensor {
    let x = Dense::channels_last(x);
    let [rows, columns] = geometry.blocks();
    let sizes = [geometry.batch, rows, columns, geometry.factor.pow(2) * geometry.channels];
    let mut y = unspecified_vec(sizes.iter().product());
    space_to_depth::<T>(geometry, x.slice(), &mut y);
    from_channels_last(y, sizes)
}

fn scatter<T: Scalar + Element + Pod>(y: FlexTensor, geometry: &BlockGeometry) -> FlexTensor {
    let y = Dense::channels_last(y);
    let BlockGeometry { batch, height, width, channels, .. } = *geometry;
    let sizes = [batch, height, width, channels];
    let mut x = unspecified_vec(sizes.iter().product());
    depth_to_space::<T>(geometry, y.slice(), &mut x);
    from_channels_last(x, sizes)
}

/// The gradient of either direction.
#[derive(Debug)]
struct BlocksBackward;

/// Which way the data went.
#[derive(Clone, Copy, Debug)]
enum Way {
    Gathered,
    Scattered,
}

impl<B: BlockOps> Backward<B, 1> for BlocksBackward {
    type State = (BlockGeometry, Way);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [node] = ops.parents;
        let dy = gradients.consume::<B>(&ops.node);
        let (geometry, way) = ops.state;
        if let Some(node) = node {
            let gradient = match way {
                Way::Gathered => B::blocks_scattered(dy, geometry),
                Way::Scattered => B::blocks_gathered(dy, geometry),
            };
            gradients.register::<B>(node.id, gradient);
        }
    }
}

impl<B: BlockOps, C: CheckpointStrategy> BlockOps for Autodiff<B, C> {
    fn blocks_gathered(x: FloatTensor<Self>, geometry: BlockGeometry) -> FloatTensor<Self> {
        let node = x.node();
        let y = B::blocks_gathered(x.into_primitive(), geometry);
        match BlocksBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => preparation.finish((geometry, Way::Gathered), y),
            OpsKind::UnTracked(preparation) => preparation.finish(y),
        }
    }

    fn blocks_scattered(y: FloatTensor<Self>, geometry: BlockGeometry) -> FloatTensor<Self> {
        let node = y.node();
        let x = B::blocks_scattered(y.into_primitive(), geometry);
        match BlocksBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => preparation.finish((geometry, Way::Scattered), x),
            OpsKind::UnTracked(preparation) => preparation.finish(x),
        }
    }
}
