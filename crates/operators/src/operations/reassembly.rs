//! Enlargement by weighted sums of neighbouring cells, the weights a softmax that every cell has for itself (CARAFE).

use allconv_kernels::{
    Elementary, Engine, ReassemblyGeometry, Scalar, reassembly_backward, reassembly_forward,
    reassembly_shares, unspecified_vec,
};
use burn::backend::{Autodiff, Dispatch, ExtensionType, Flex, backend_extension};
use burn::tensor::activation::softmax;
use burn::tensor::ops::PadMode;
use burn::tensor::{Device, Tensor};
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_backend::tensor::FloatTensor;
use burn_backend::{Backend, DType, Element};
use burn_flex::FlexTensor;
use bytemuck::Pod;

use super::nhwc::{Dense, channels_first, channels_last, from_channels_last};

/// A map `[n, c, h, w]` enlarged to `[n, c, factor·h, factor·w]`: each cell a mean of the `kernel × kernel` cells around its origin, zeros
/// beyond the edges, its weights the softmax of `logits` `[n, kernel²·factor², h, w]`, neighbours before cells of a block.
///
/// # Panics
///
/// When shapes do not fit or the kernel is even.
pub fn reassembled(
    x: Tensor<4>,
    logits: Tensor<4>,
    kernel: usize,
    factor: usize,
    engine: &Engine,
) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let geometry = ReassemblyGeometry { batch, height, width, channels, kernel, factor };
    assert_eq!(logits.dims(), [batch, geometry.shares(), height, width], "logits of {geometry:?}");
    assert!(kernel % 2 == 1, "a neighbourhood of {kernel} cells has no centre");
    if x.device().inner() != Device::flex() || !matches!(x.dtype(), DType::F32 | DType::F64) {
        return composed_reassembly(x, logits, kernel, factor);
    }
    let (x, logits) = (x.into_dispatch(), logits.into_dispatch());
    Tensor::from_dispatch(<Dispatch as ReassemblyOps>::reassembly(x, logits, geometry, engine.clone()))
}

/// The same as a composition of Burn's operations.
fn composed_reassembly(x: Tensor<4>, logits: Tensor<4>, kernel: usize, factor: usize) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let weights = channels_last(logits).reshape([batch, height, width, kernel * kernel, factor * factor]);
    let weights = softmax(weights, 3);
    let around = kernel / 2;
    let padded = x.pad((around, around, around, around), PadMode::Constant(0.0));
    let neighbour = |index: usize| {
        let (row, column) = (index / kernel, index % kernel);
        let cells = padded.clone().slice([0..batch, 0..channels, row..row + height, column..column + width]);
        let cells: Tensor<5> = channels_last(cells).unsqueeze_dim(4);
        cells * weights.clone().narrow(3, index, 1)
    };
    let first = neighbour(0);
    let sum = (1..kernel * kernel).fold(first, |sum, index| sum + neighbour(index));
    // From [n, row, column, c, cell of the block] to [n, row, row in block, column, column in block, c].
    let blocks = sum.reshape([batch, height, width, channels, factor, factor]).permute([0, 1, 4, 2, 5, 3]);
    channels_first(blocks.reshape([batch, factor * height, factor * width, channels]))
}

/// The gradients of [`reassembled`].
#[derive(Clone, Debug, ExtensionType)]
pub struct ReassemblyGradients<B: Backend> {
    /// Of the map.
    pub x: FloatTensor<B>,
    /// Of the logits.
    pub logits: FloatTensor<B>,
}

/// The enlargement on the CPU's backend.
#[backend_extension(Flex, Autodiff)]
pub trait ReassemblyOps: Backend {
    /// See [`reassembled`].
    fn reassembly(
        x: FloatTensor<Self>,
        logits: FloatTensor<Self>,
        geometry: ReassemblyGeometry,
        engine: Engine,
    ) -> FloatTensor<Self>;

    /// The gradients, from the operands and the gradient `dy` of the result.
    fn reassembly_gradients(
        x: FloatTensor<Self>,
        logits: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        geometry: ReassemblyGeometry,
        engine: Engine,
    ) -> ReassemblyGradients<Self>;
}

impl ReassemblyOps for Flex {
    fn reassembly(
        x: FlexTensor,
        logits: FlexTensor,
        geometry: ReassemblyGeometry,
        engine: Engine,
    ) -> FlexTensor {
        match x.dtype() {
            DType::F64 => forward::<f64>(x, logits, &geometry, &engine),
            _ => forward::<f32>(x, logits, &geometry, &engine),
        }
    }

    fn reassembly_gradients(
        x: FlexTensor,
        logits: FlexTensor,
        dy: FlexTensor,
        geometry: ReassemblyGeometry,
        engine: Engine,
    ) -> ReassemblyGradients<Self> {
        match x.dtype() {
            DType::F64 => backward::<f64>([x, logits, dy], &geometry, &engine),
            _ => backward::<f32>([x, logits, dy], &geometry, &engine),
        }
    }
}

fn shares<T: Scalar + Elementary + Element + Pod>(
    logits: &Dense,
    geometry: &ReassemblyGeometry,
    engine: &Engine,
) -> Vec<T> {
    let mut shares = unspecified_vec(logits.slice::<T>().len());
    reassembly_shares::<T>(engine, geometry, logits.slice(), &mut shares);
    shares
}

fn forward<T: Scalar + Elementary + Element + Pod>(
    x: FlexTensor,
    logits: FlexTensor,
    geometry: &ReassemblyGeometry,
    engine: &Engine,
) -> FlexTensor {
    let (x, logits) = (Dense::channels_last(x), Dense::channels_last(logits));
    let ReassemblyGeometry { batch, height, width, channels, factor, .. } = *geometry;
    let sizes = [batch, factor * height, factor * width, channels];
    let mut y = unspecified_vec(sizes.iter().product());
    reassembly_forward::<T>(engine, geometry, &shares(&logits, geometry, engine), x.slice(), &mut y);
    from_channels_last(y, sizes)
}

fn backward<T: Scalar + Elementary + Element + Pod>(
    operands: [FlexTensor; 3],
    geometry: &ReassemblyGeometry,
    engine: &Engine,
) -> ReassemblyGradients<Flex> {
    let [x, logits, dy] = operands.map(Dense::channels_last);
    let mut dx = unspecified_vec::<T>(x.slice::<T>().len());
    let mut dlogits = unspecified_vec::<T>(logits.slice::<T>().len());
    // The softmax again: less time than the memory to keep it would take.
    let shares = shares(&logits, geometry, engine);
    let maps = [x.slice(), dy.slice()];
    reassembly_backward::<T>(engine, geometry, &shares, maps, [&mut dx, &mut dlogits]);
    ReassemblyGradients {
        x: from_channels_last(dx, x.sizes()),
        logits: from_channels_last(dlogits, logits.sizes()),
    }
}

/// The gradient of the enlargement.
#[derive(Debug)]
struct ReassemblyBackward;

/// The map, the logits, and how they are read.
type Saved<F> = (F, F, ReassemblyGeometry, Engine);

impl<B: ReassemblyOps> Backward<B, 2> for ReassemblyBackward {
    type State = Saved<FloatTensor<B>>;

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let (x, logits, geometry, engine) = ops.state;
        let found = B::reassembly_gradients(x, logits, dy, geometry, engine);
        for (node, gradient) in ops.parents.into_iter().zip([found.x, found.logits]) {
            if let Some(node) = node {
                gradients.register::<B>(node.id, gradient);
            }
        }
    }
}

impl<B: ReassemblyOps, C: CheckpointStrategy> ReassemblyOps for Autodiff<B, C> {
    fn reassembly(
        x: FloatTensor<Self>,
        logits: FloatTensor<Self>,
        geometry: ReassemblyGeometry,
        engine: Engine,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), logits.node()];
        let (x, logits) = (x.into_primitive(), logits.into_primitive());
        let y = B::reassembly(x.clone(), logits.clone(), geometry, engine.clone());
        match ReassemblyBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => preparation.finish((x, logits, geometry, engine), y),
            OpsKind::UnTracked(preparation) => preparation.finish(y),
        }
    }

    fn reassembly_gradients(
        _x: FloatTensor<Self>,
        _logits: FloatTensor<Self>,
        _dy: FloatTensor<Self>,
        _geometry: ReassemblyGeometry,
        _engine: Engine,
    ) -> ReassemblyGradients<Self> {
        panic!("gradients of gradients are not available")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{assert_same, noise_tensor};

    #[test]
    fn the_kernel_enlarges_as_the_composition_does_and_has_its_gradients() {
        let engine = Engine::detect();
        for (kernel, factor) in [(3, 2), (1, 3), (5, 1)] {
            let (map, weights) = ([2, 3, 4, 5], [2, kernel * kernel * factor * factor, 4, 5]);
            let logits = |x: &Tensor<4>| noise_tensor(1, weights, &x.device());
            let fast = |x: Tensor<4>| reassembled(x.clone(), logits(&x), kernel, factor, &engine);
            assert_same(map, fast, |x| composed_reassembly(x.clone(), logits(&x), kernel, factor));
            let x = |logits: &Tensor<4>| noise_tensor(2, map, &logits.device());
            let fast = |logits: Tensor<4>| reassembled(x(&logits), logits, kernel, factor, &engine);
            assert_same(weights, fast, |logits| composed_reassembly(x(&logits), logits, kernel, factor));
        }
    }
}
