//! Two maps mixed by a learned weight.

use allconv_kernels::{
    Engine, MixtureGradients, MixtureMaps, mixture_backward, mixture_forward, unspecified_vec,
};
use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;

use super::differentiable::differentiable;
use super::layout::{Dense, from_channels_last};
use super::place::{Number, Place, placed};

/// Computes `second + s·(first − second)`, `s = 1/(1 + e^(−logit))`; logits are `[1, c, 1, 1]` or of the maps' shape `[n, c, h, w]`.
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
    placed!(
        Place::of(&first),
        T => on_kernels::<T>([logits, first, second], engine),
        else composed_mixture(logits, first, second)
    )
}

fn on_kernels<T: Number>(operands: [Tensor<4>; 3], engine: &Engine) -> Tensor<4> {
    let inner = operands.clone().map(Tensor::inner);
    let y = forward::<T>(inner.clone(), engine);
    let engine = engine.clone();
    differentiable(y, operands.map(Into::into), move |dy, _| {
        backward::<T>(inner, dy, &engine).map(|gradient| Some(gradient.into()))
    })
}

fn forward<T: Number>(operands: [Tensor<4>; 3], engine: &Engine) -> Tensor<4> {
    let [logits, first, second] = operands.map(Dense::channels_last);
    let sizes = first.sizes();
    let mut y = unspecified_vec(sizes.iter().product());
    let maps = MixtureMaps::<T> { logits: logits.slice(), first: first.slice(), second: second.slice() };
    mixture_forward(engine, sizes[3], maps, &mut y);
    from_channels_last(y, sizes)
}

fn backward<T: Number>(operands: [Tensor<4>; 3], dy: Tensor<4>, engine: &Engine) -> [Tensor<4>; 3] {
    let [logits, first, second] = operands.map(Dense::channels_last);
    let dy = Dense::channels_last(dy);
    let sizes = first.sizes();
    let result = |sizes: [usize; 4]| unspecified_vec::<T>(sizes.iter().product());
    let (mut dlogits, mut dfirst, mut dsecond) = (result(logits.sizes()), result(sizes), result(sizes));
    let maps = MixtureMaps::<T> { logits: logits.slice(), first: first.slice(), second: second.slice() };
    let gradients = MixtureGradients { logits: &mut dlogits, first: &mut dfirst, second: &mut dsecond };
    mixture_backward(engine, [sizes[0], sizes[3]], maps, dy.slice(), gradients);
    [
        from_channels_last(dlogits, logits.sizes()),
        from_channels_last(dfirst, sizes),
        from_channels_last(dsecond, sizes),
    ]
}

/// Computes [`mixture`] as a composition of Burn's operations, whose gradient is Burn's.
fn composed_mixture(logits: Tensor<4>, first: Tensor<4>, second: Tensor<4>) -> Tensor<4> {
    second.clone() + sigmoid(logits) * (first - second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{assert_same, noise_tensor};

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
