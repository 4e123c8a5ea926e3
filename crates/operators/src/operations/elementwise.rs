//! Elementary functions of single elements, with the same bits on every CPU.
//!
//! Burn's own call the platform's mathematical library on the CPU, whose results depend on the machine.

use allconv_kernels::{
    Elementary, Elementwise, Engine, Scalar, elementwise_backward, elementwise_forward, unspecified_vec,
};
use burn::backend::{Autodiff, Dispatch, Flex, backend_extension};
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

use super::nhwc::{Dense, dense};

/// `function` of every element, in the shape of `x`.
pub fn elementwise<const D: usize>(function: Elementwise, x: Tensor<D>, engine: &Engine) -> Tensor<D> {
    let has_kernel = x.device().inner() == Device::flex() && matches!(x.dtype(), DType::F32 | DType::F64);
    if !has_kernel {
        return composed_elementwise(function, x);
    }
    let y = <Dispatch as ElementwiseOps>::elementwise(x.into_dispatch(), function, engine.clone());
    Tensor::from_dispatch(y)
}

/// The same as a composition of Burn's operations.
fn composed_elementwise<const D: usize>(function: Elementwise, x: Tensor<D>) -> Tensor<D> {
    match function {
        Elementwise::Exponential => x.exp(),
        Elementwise::Logistic => sigmoid(x),
        // Written so that no exponential overflows.
        Elementwise::Softplus => x.clone().clamp_min(0.0) + (x.abs().neg().exp() + 1.0).log(),
    }
}

/// Functions of single elements on the CPU's backend.
#[backend_extension(Flex, Autodiff)]
pub trait ElementwiseOps: Backend {
    /// See [`elementwise`].
    fn elementwise(x: FloatTensor<Self>, function: Elementwise, engine: Engine) -> FloatTensor<Self>;

    /// The gradient of `x`, from operand, result and the gradient `dy` of the result.
    fn elementwise_backward(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        function: Elementwise,
        engine: Engine,
    ) -> FloatTensor<Self>;
}

impl ElementwiseOps for Flex {
    fn elementwise(x: FlexTensor, function: Elementwise, engine: Engine) -> FlexTensor {
        match x.dtype() {
            DType::F64 => forward::<f64>(x, function, &engine),
            _ => forward::<f32>(x, function, &engine),
        }
    }

    fn elementwise_backward(
        x: FlexTensor,
        y: FlexTensor,
        dy: FlexTensor,
        function: Elementwise,
        engine: Engine,
    ) -> FlexTensor {
        match x.dtype() {
            DType::F64 => backward::<f64>([x, y, dy], function, &engine),
            _ => backward::<f32>([x, y, dy], function, &engine),
        }
    }
}

fn forward<T: Scalar + Elementary + Element + Pod>(
    x: FlexTensor,
    function: Elementwise,
    engine: &Engine,
) -> FlexTensor {
    let shape = x.layout().shape().to_vec();
    let x = Dense::in_order(x);
    let mut y = unspecified_vec::<T>(x.slice::<T>().len());
    elementwise_forward(engine, function, x.slice(), &mut y);
    dense(y, &shape, T::dtype())
}

fn backward<T: Scalar + Elementary + Element + Pod>(
    operands: [FlexTensor; 3],
    function: Elementwise,
    engine: &Engine,
) -> FlexTensor {
    let shape = operands[0].layout().shape().to_vec();
    let [x, y, dy] = operands.map(Dense::in_order);
    let mut dx = unspecified_vec::<T>(x.slice::<T>().len());
    elementwise_backward(engine, function, x.slice(), y.slice(), dy.slice(), &mut dx);
    dense(dx, &shape, T::dtype())
}

/// The gradient of a function of single elements.
#[derive(Debug)]
struct ElementwiseBackward;

/// Operand, result, function and engine.
type Saved<F> = (F, F, Elementwise, Engine);

impl<B: ElementwiseOps> Backward<B, 1> for ElementwiseBackward {
    type State = Saved<FloatTensor<B>>;

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let dy = gradients.consume::<B>(&ops.node);
        let (x, y, function, engine) = ops.state;
        let [parent] = ops.parents;
        if let Some(node) = parent {
            gradients.register::<B>(node.id, B::elementwise_backward(x, y, dy, function, engine));
        }
    }
}

impl<B: ElementwiseOps, C: CheckpointStrategy> ElementwiseOps for Autodiff<B, C> {
    fn elementwise(x: FloatTensor<Self>, function: Elementwise, engine: Engine) -> FloatTensor<Self> {
        let node = x.node();
        let x = x.into_primitive();
        let y = B::elementwise(x.clone(), function, engine.clone());
        match ElementwiseBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => preparation.finish((x, y.clone(), function, engine), y),
            OpsKind::UnTracked(preparation) => preparation.finish(y),
        }
    }

    fn elementwise_backward(
        _x: FloatTensor<Self>,
        _y: FloatTensor<Self>,
        _dy: FloatTensor<Self>,
        _function: Elementwise,
        _engine: Engine,
    ) -> FloatTensor<Self> {
        panic!("gradients of gradients are not available")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::assert_same;

    #[test]
    fn the_kernel_computes_what_the_composition_does_and_has_its_gradients() {
        let engine = Engine::detect();
        for function in Elementwise::ALL {
            let fast = |x: Tensor<4>| elementwise(function, x * 3.0, &engine);
            assert_same([2, 5, 3, 4], fast, |x| composed_elementwise(function, x * 3.0));
        }
    }
}
