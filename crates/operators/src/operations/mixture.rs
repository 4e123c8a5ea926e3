//! Two maps mixed by a learned share.

use allconv_kernels::{
    Elementary, Engine, MixtureGradients, MixtureMaps, Scalar, mixture_backward, mixture_forward,
    unspecified_vec,
};
use burn::backend::{Autodiff, Dispatch, ExtensionType, Flex, backend_extension};
use burn::tensor::activation::sigmoid;
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

/// `second + s·(first − second)`, `s = 1/(1 + e^(−logit))`; logits are `[1, c, 1, 1]` or of the maps' shape `[n, c, h, w]`.
///
/// # Panics
///
/// When shapes do not fit.
pub fn mixture(logits: Tensor<4>, first: Tensor<4>, second: Tensor<4>, engine: &Engine) -> Tensor<4> {
    let dims = first.dims();
    assert_eq!(dims, second.dims(), "shapes of two maps that are mixed");
    assert!(
        logits.dims() == dims || logits.dims() == [1, dims[1], 1, 1],
        "logits {:?} of {dims:?}",
        logits.dims()
    );
    let has_kernel =
        first.device().inner() == Device::flex() && matches!(first.dtype(), DType::F32 | DType::F64);
    if !has_kernel {
        return composed_mixture(logits, first, second);
    }
    let [logits, first, second] = [logits, first, second].map(Tensor::into_dispatch);
    Tensor::from_dispatch(<Dispatch as MixtureOps>::mixed(logits, first, second, engine.clone()))
}

/// The same as a composition of Burn's operations.
fn composed_mixture(logits: Tensor<4>, first: Tensor<4>, second: Tensor<4>) -> Tensor<4> {
    second.clone() + sigmoid(logits) * (first - second)
}

/// The gradients of a mixture.
#[derive(Clone, Debug, ExtensionType)]
pub struct MixedGradients<B: Backend> {
    /// Of the logits.
    pub logits: FloatTensor<B>,
    /// Of the map that has the share.
    pub first: FloatTensor<B>,
    /// Of the map that has the rest.
    pub second: FloatTensor<B>,
}

/// A mixture on the CPU's backend.
#[backend_extension(Flex, Autodiff)]
pub trait MixtureOps: Backend {
    /// See [`mixture`].
    fn mixed(
        logits: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        engine: Engine,
    ) -> FloatTensor<Self>;

    /// The gradients, from the operands and the gradient `dy` of the result.
    fn mixed_backward(
        logits: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        engine: Engine,
    ) -> MixedGradients<Self>;
}

impl MixtureOps for Flex {
    fn mixed(logits: FlexTensor, first: FlexTensor, second: FlexTensor, engine: Engine) -> FlexTensor {
        match first.dtype() {
            DType::F64 => forward::<f64>([logits, first, second], &engine),
            _ => forward::<f32>([logits, first, second], &engine),
        }
    }

    fn mixed_backward(
        logits: FlexTensor,
        first: FlexTensor,
        second: FlexTensor,
        dy: FlexTensor,
        engine: Engine,
    ) -> MixedGradients<Self> {
        match first.dtype() {
            DType::F64 => backward::<f64>([logits, first, second, dy], &engine),
            _ => backward::<f32>([logits, first, second, dy], &engine),
        }
    }
}

fn forward<T: Scalar + Elementary + Element + Pod>(maps: [FlexTensor; 3], engine: &Engine) -> FlexTensor {
    let [logits, first, second] = maps.map(Dense::channels_last);
    let sizes = first.sizes();
    let mut y = unspecified_vec(sizes.iter().product());
    let maps = MixtureMaps::<T> { logits: logits.slice(), first: first.slice(), second: second.slice() };
    mixture_forward(engine, sizes[3], maps, &mut y);
    from_channels_last(y, sizes)
}

fn backward<T: Scalar + Elementary + Element + Pod>(
    operands: [FlexTensor; 4],
    engine: &Engine,
) -> MixedGradients<Flex> {
    let [logits, first, second, dy] = operands.map(Dense::channels_last);
    let sizes = first.sizes();
    let result = |sizes: [usize; 4]| unspecified_vec::<T>(sizes.iter().product());
    let (mut dlogits, mut dfirst, mut dsecond) = (result(logits.sizes()), result(sizes), result(sizes));
    let maps = MixtureMaps::<T> { logits: logits.slice(), first: first.slice(), second: second.slice() };
    let gradients = MixtureGradients { logits: &mut dlogits, first: &mut dfirst, second: &mut dsecond };
    mixture_backward(engine, [sizes[0], sizes[3]], maps, dy.slice(), gradients);
    MixedGradients {
        logits: from_channels_last(dlogits, logits.sizes()),
        first: from_channels_last(dfirst, sizes),
        second: from_channels_last(dsecond, sizes),
    }
}

/// The gradient of a mixture.
#[derive(Debug)]
struct MixtureBackward;

/// Logits, first and second map, and the engine.
type Saved<F> = (F, F, F, Engine);

impl<B: MixtureOps> Backward<B, 3> for MixtureBackward {
    type State = Saved<FloatTensor<B>>;

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let (logits, first, second, engine) = ops.state;
        let found = B::mixed_backward(logits, first, second, dy, engine);
        for (node, gradient) in ops.parents.into_iter().zip([found.logits, found.first, found.second]) {
            if let Some(node) = node {
                gradients.register::<B>(node.id, gradient);
            }
        }
    }
}

impl<B: MixtureOps, C: CheckpointStrategy> MixtureOps for Autodiff<B, C> {
    fn mixed(
        logits: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        engine: Engine,
    ) -> FloatTensor<Self> {
        let nodes = [logits.node(), first.node(), second.node()];
        let (logits, first, second) =
            (logits.into_primitive(), first.into_primitive(), second.into_primitive());
        let y = B::mixed(logits.clone(), first.clone(), second.clone(), engine.clone());
        match MixtureBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => preparation.finish((logits, first, second, engine), y),
            OpsKind::UnTracked(preparation) => preparation.finish(y),
        }
    }

    fn mixed_backward(
        _logits: FloatTensor<Self>,
        _first: FloatTensor<Self>,
        _second: FloatTensor<Self>,
        _dy: FloatTensor<Self>,
        _engine: Engine,
    ) -> MixedGradients<Self> {
        panic!("gradients of gradients are not available")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{assert_same, noise_tensor};

    #[test]
    fn the_kernel_mixes_as_the_composition_does_and_has_its_gradients() {
        let engine = Engine::detect();
        let shape = [2, 5, 3, 4];
        let other = |x: &Tensor<4>, seed| noise_tensor(seed, shape, &x.device());
        for place in 0..3 {
            // The map in question is each of the three operands in turn.
            let way = |mix: &dyn Fn(Tensor<4>, Tensor<4>, Tensor<4>) -> Tensor<4>, x: Tensor<4>| {
                let (one, two) = (other(&x, 1), other(&x, 2));
                match place {
                    0 => mix(x, one, two),
                    1 => mix(one, x, two),
                    _ => mix(one, two, x),
                }
            };
            let fast = |x| way(&|logits, first, second| mixture(logits, first, second, &engine), x);
            assert_same(shape, fast, |x| way(&composed_mixture, x));
        }
        let mix = |x: Tensor<4>| mixture(x.clone(), other(&x, 1), other(&x, 2), &engine);
        let composed = |x: Tensor<4>| composed_mixture(x.clone(), other(&x, 1), other(&x, 2));
        assert_same([1, 5, 1, 1], mix, composed);
    }
}
