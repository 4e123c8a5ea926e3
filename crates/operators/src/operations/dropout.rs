//! Dropout by a hash of (key, element): the same mask on every device and for any number of threads.

use allconv_kernels::{Dropout, Engine, Scalar, dropout_backward, dropout_forward, unspecified_vec};
use burn::backend::{Autodiff, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_backend::tensor::FloatTensor;
use burn_backend::{Backend, DType, Element};
use burn_flex::FlexTensor;
use bytemuck::Pod;

use super::composed;
use super::nhwc::{Dense, from_channels_last};

/// Inverted dropout of `[n, c, h, w]`: an element becomes 0 with probability `rate`, and `x / (1 − rate)` otherwise.
///
/// The element's number is its flat index in `[n, h, w, c]`.
pub fn dropout(x: Tensor<4>, dropout: Dropout, engine: &Engine) -> Tensor<4> {
    Tensor::from_dispatch(<Dispatch as DropoutOps>::keyed_dropout(x.into_dispatch(), dropout, engine.clone()))
}

/// Dropout as an operation of a backend.
#[backend_extension(Flex, Cube: cfg(feature = "gpu"), Autodiff)]
pub trait DropoutOps: Backend {
    /// See [`dropout`].
    fn keyed_dropout(x: FloatTensor<Self>, dropout: Dropout, engine: Engine) -> FloatTensor<Self> {
        let _ = engine;
        composed::dropout_mask::<Self>(x, &dropout)
    }

    /// The gradient, from the result's gradient.
    fn keyed_dropout_backward(dy: FloatTensor<Self>, dropout: Dropout, engine: Engine) -> FloatTensor<Self> {
        let _ = engine;
        composed::dropout_mask::<Self>(dy, &dropout)
    }
}

#[cfg(feature = "gpu")]
impl DropoutOps for burn_cubecl::CubeBackend {}

impl DropoutOps for Flex {
    fn keyed_dropout(x: FlexTensor, dropout: Dropout, engine: Engine) -> FlexTensor {
        match x.dtype() {
            DType::F32 => apply::<f32>(x, &dropout, &engine, dropout_forward),
            DType::F64 => apply::<f64>(x, &dropout, &engine, dropout_forward),
            _ => composed::dropout_mask::<Self>(x, &dropout),
        }
    }

    fn keyed_dropout_backward(dy: FlexTensor, dropout: Dropout, engine: Engine) -> FlexTensor {
        match dy.dtype() {
            DType::F32 => apply::<f32>(dy, &dropout, &engine, dropout_backward),
            DType::F64 => apply::<f64>(dy, &dropout, &engine, dropout_backward),
            _ => composed::dropout_mask::<Self>(dy, &dropout),
        }
    }
}

fn apply<T: Scalar + Element + Pod>(
    x: FlexTensor,
    dropout: &Dropout,
    engine: &Engine,
    kernel: fn(&Engine, &Dropout, &[T], &mut [T]),
) -> FlexTensor {
    let x = Dense::channels_last(x);
    let mut y = unspecified_vec(x.slice::<T>().len());
    kernel(engine, dropout, x.slice(), &mut y);
    from_channels_last(y, x.sizes())
}

/// The gradient of dropout.
#[derive(Debug)]
struct DropoutBackward;

impl<B: DropoutOps> Backward<B, 1> for DropoutBackward {
    type State = (Dropout, Engine);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [node] = ops.parents;
        let dy = gradients.consume::<B>(&ops.node);
        let (dropout, engine) = ops.state;
        if let Some(node) = node {
            gradients.register::<B>(node.id, B::keyed_dropout_backward(dy, dropout, engine));
        }
    }
}

impl<B: DropoutOps, C: CheckpointStrategy> DropoutOps for Autodiff<B, C> {
    fn keyed_dropout(x: FloatTensor<Self>, dropout: Dropout, engine: Engine) -> FloatTensor<Self> {
        let node = x.node();
        let y = B::keyed_dropout(x.into_primitive(), dropout, engine.clone());
        match DropoutBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => preparation.finish((dropout, engine), y),
            OpsKind::UnTracked(preparation) => preparation.finish(y),
        }
    }
}
