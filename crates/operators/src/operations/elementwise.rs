//! Elementary functions of single elements, with the same bits on every CPU.
//!
//! Burn's own call the platform's mathematical library on the CPU, whose results depend on the machine.

use allconv_kernels::{Elementwise, Engine, elementwise_backward, elementwise_forward, unspecified_vec};
use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;

use super::differentiable::differentiable;
use super::layout::{Dense, from_elements};
use super::place::{Number, Place, placed};

/// Computes `function` of every element, in the shape of `x`.
pub fn elementwise<const D: usize>(function: Elementwise, x: Tensor<D>, engine: &Engine) -> Tensor<D> {
    placed!(
        Place::of(&x),
        T => on_kernels::<T, D>(function, x, engine),
        else composed_elementwise(function, x)
    )
}

fn on_kernels<T: Number, const D: usize>(function: Elementwise, x: Tensor<D>, engine: &Engine) -> Tensor<D> {
    let inner = x.clone().inner();
    let y = forward::<T, D>(function, inner.clone(), engine);
    let (result, engine) = (y.clone(), engine.clone());
    differentiable(y, [x.into()], move |dy, _| {
        [Some(backward::<T, D>(function, [inner, result, dy], &engine).into())]
    })
}

fn forward<T: Number, const D: usize>(function: Elementwise, x: Tensor<D>, engine: &Engine) -> Tensor<D> {
    let (shape, x) = (x.dims(), Dense::in_order(x));
    let mut y = unspecified_vec::<T>(x.slice::<T>().len());
    elementwise_forward(engine, function, x.slice(), &mut y);
    from_elements(y, shape)
}

fn backward<T: Number, const D: usize>(
    function: Elementwise,
    operands: [Tensor<D>; 3],
    engine: &Engine,
) -> Tensor<D> {
    let shape = operands[0].dims();
    let [x, y, dy] = operands.map(Dense::in_order);
    let mut dx = unspecified_vec::<T>(x.slice::<T>().len());
    elementwise_backward(engine, function, x.slice(), y.slice(), dy.slice(), &mut dx);
    from_elements(dx, shape)
}

/// Computes [`elementwise`] as a composition of Burn's operations, whose gradient is Burn's.
fn composed_elementwise<const D: usize>(function: Elementwise, x: Tensor<D>) -> Tensor<D> {
    match function {
        Elementwise::Exponential => x.exp(),
        Elementwise::Logistic => sigmoid(x),
        // Written so that no exponential overflows.
        Elementwise::Softplus => x.clone().clamp_min(0.0) + (x.abs().neg().exp() + 1.0).log(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::assert_same;

    #[test]
    fn the_kernel_computes_what_the_composition_does_and_has_its_gradients() {
        let engine = Engine::detect();
        for function in Elementwise::ALL {
            let fast = |x: Tensor<4>| elementwise(function, x * 3.0, &engine);
            assert_same([2, 5, 3, 4], fast, |x| composed_elementwise(function, x * 3.0));
        }
    }
}
