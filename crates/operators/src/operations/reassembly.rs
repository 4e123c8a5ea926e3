//! Enlargement by weighted sums of neighbouring values, with softmax weights of its own at every position (CARAFE).

use allconv_kernels::{
    Engine, ReassemblyGeometry, reassembly_backward, reassembly_forward, reassembly_weights, unspecified_vec,
};
use burn::tensor::Tensor;
use burn::tensor::activation::softmax;
use burn::tensor::ops::PadMode;

use super::differentiable::differentiable;
use super::layout::{Dense, channels_first, channels_last, from_channels_last};
use super::place::{Number, Place, placed};

/// Returns a map `[n, c, h, w]` enlarged to `[n, c, factor·h, factor·w]`: each value a mean of the `kernel × kernel` values around its
/// origin, zeros beyond the edges, its weights the softmax of `logits` `[n, kernel²·factor², h, w]`, neighbours before positions of a
/// block.
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
    assert_eq!(logits.dims(), [batch, geometry.weights(), height, width], "logits of {geometry:?}");
    assert!(kernel % 2 == 1, "a neighbourhood of {kernel} positions has no centre");
    placed!(
        Place::of(&x),
        T => on_kernels::<T>([x, logits], geometry, engine),
        else composed_reassembly(x, logits, &geometry)
    )
}

fn on_kernels<T: Number>(
    operands: [Tensor<4>; 2],
    geometry: ReassemblyGeometry,
    engine: &Engine,
) -> Tensor<4> {
    let inner = operands.clone().map(Tensor::inner);
    let y = forward::<T>(inner.clone(), &geometry, engine);
    let engine = engine.clone();
    differentiable(y, operands.map(Into::into), move |dy, _| {
        backward::<T>(inner, dy, &geometry, &engine).map(|gradient| Some(gradient.into()))
    })
}

fn softmax_weights<T: Number>(logits: &Dense, geometry: &ReassemblyGeometry, engine: &Engine) -> Vec<T> {
    let mut weights = unspecified_vec(logits.slice::<T>().len());
    reassembly_weights::<T>(engine, geometry, logits.slice(), &mut weights);
    weights
}

fn forward<T: Number>(operands: [Tensor<4>; 2], geometry: &ReassemblyGeometry, engine: &Engine) -> Tensor<4> {
    let [x, logits] = operands.map(Dense::channels_last);
    let ReassemblyGeometry { batch, height, width, channels, factor, .. } = *geometry;
    let sizes = [batch, factor * height, factor * width, channels];
    let mut y = unspecified_vec(sizes.iter().product());
    reassembly_forward::<T>(engine, geometry, &softmax_weights(&logits, geometry, engine), x.slice(), &mut y);
    from_channels_last(y, sizes)
}

fn backward<T: Number>(
    operands: [Tensor<4>; 2],
    dy: Tensor<4>,
    geometry: &ReassemblyGeometry,
    engine: &Engine,
) -> [Tensor<4>; 2] {
    let [x, logits] = operands.map(Dense::channels_last);
    let dy = Dense::channels_last(dy);
    let mut dx = unspecified_vec::<T>(x.slice::<T>().len());
    let mut dlogits = unspecified_vec::<T>(logits.slice::<T>().len());
    // The softmax is computed again, which is faster than keeping it in memory.
    let weights = softmax_weights(&logits, geometry, engine);
    let maps = [x.slice(), dy.slice()];
    reassembly_backward::<T>(engine, geometry, &weights, maps, [&mut dx, &mut dlogits]);
    [from_channels_last(dx, x.sizes()), from_channels_last(dlogits, logits.sizes())]
}

/// Computes [`reassembled`] as a composition of Burn's operations, whose gradient is Burn's.
fn composed_reassembly(x: Tensor<4>, logits: Tensor<4>, geometry: &ReassemblyGeometry) -> Tensor<4> {
    let ReassemblyGeometry { batch, height, width, channels, kernel, factor } = *geometry;
    let weights = channels_last(logits).reshape([batch, height, width, kernel * kernel, factor * factor]);
    let weights = softmax(weights, 3);
    let around = kernel / 2;
    let padded = x.pad((around, around, around, around), PadMode::Constant(0.0));
    let neighbour = |index: usize| {
        let (row, column) = (index / kernel, index % kernel);
        let values = padded.clone().slice([0..batch, 0..channels, row..row + height, column..column + width]);
        let values: Tensor<5> = channels_last(values).unsqueeze_dim(4);
        values * weights.clone().narrow(3, index, 1)
    };
    let first = neighbour(0);
    let sum = (1..kernel * kernel).fold(first, |sum, index| sum + neighbour(index));
    // From [n, row, column, c, position in the block] to [n, row, row in block, column, column in block, c].
    let blocks = sum.reshape([batch, height, width, channels, factor, factor]).permute([0, 1, 4, 2, 5, 3]);
    channels_first(blocks.reshape([batch, factor * height, factor * width, channels]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{assert_same, noise_tensor};

    #[test]
    fn the_kernel_enlarges_as_the_composition_does_and_has_its_gradients() {
        let engine = Engine::detect();
        for (kernel, factor) in [(3, 2), (1, 3), (5, 1)] {
            let (map, weights) = ([2, 3, 4, 5], [2, kernel * kernel * factor * factor, 4, 5]);
            let geometry = ReassemblyGeometry { batch: 2, height: 4, width: 5, channels: 3, kernel, factor };
            let logits = |x: &Tensor<4>| noise_tensor(1, weights, &x.device());
            let fast = |x: Tensor<4>| reassembled(x.clone(), logits(&x), kernel, factor, &engine);
            assert_same(map, fast, |x| composed_reassembly(x.clone(), logits(&x), &geometry));
            let x = |logits: &Tensor<4>| noise_tensor(2, map, &logits.device());
            let fast = |logits: Tensor<4>| reassembled(x(&logits), logits, kernel, factor, &engine);
            assert_same(weights, fast, |logits| composed_reassembly(x(&logits), logits, &geometry));
        }
    }
}
