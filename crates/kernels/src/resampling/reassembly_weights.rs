//! The weights of a reassembly: a softmax over the neighbours of each position.

use rayon::prelude::*;

use super::reassembly::ReassemblyGeometry;
use crate::cpu::{Kernel, Simd, dispatch};
use crate::engine::Engine;
use crate::memory::check_len;
use crate::numbers::{Elementary, Scalar};

/// Computes `weights = e^logits / Σ e^logits`, the sum over the neighbours of each position of a block.
///
/// Shapes: both `[N, H, W, kernel², factor²]`.
///
/// # Panics
/// When the lengths differ or are not those of whole positions.
pub fn reassembly_weights<T: Scalar + Elementary>(
    engine: &Engine,
    geometry: &ReassemblyGeometry,
    logits: &[T],
    weights: &mut [T],
) {
    let positions = geometry.height * geometry.width;
    check_len("the logits", logits.len(), geometry.batch * positions * geometry.weights());
    check_len("the weights", weights.len(), logits.len());
    let (line, block) = (geometry.width * geometry.weights(), geometry.factor.pow(2));
    weights.par_chunks_mut(line).zip(logits.par_chunks(line)).for_each(|(weights, logits)| {
        let neighbours = geometry.kernel.pow(2);
        dispatch(engine.isa(), Softmax { neighbours, block, logits, weights });
    });
}

struct Softmax<'a, T> {
    neighbours: usize,
    block: usize,
    logits: &'a [T],
    weights: &'a mut [T],
}

impl<T: Scalar + Elementary> Kernel for Softmax<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Self { neighbours, block, logits, weights } = self;
        let (mut largest, mut sums) = (vec![T::ZERO; block], vec![T::ZERO; block]);
        let positions =
            weights.chunks_exact_mut(neighbours * block).zip(logits.chunks_exact(neighbours * block));
        for (weights, logits) in positions {
            largest.fill(T::NEGATIVE_INFINITY);
            for logits in logits.chunks_exact(block) {
                for (largest, logit) in largest.iter_mut().zip(logits) {
                    *largest = if *logit > *largest { *logit } else { *largest };
                }
            }
            for (weights, logits) in weights.chunks_exact_mut(block).zip(logits.chunks_exact(block)) {
                for (weight, (logit, largest)) in weights.iter_mut().zip(logits.iter().zip(&largest)) {
                    *weight = *logit - *largest;
                }
            }
            // Over all at once, so that it vectorises.
            for weight in weights.iter_mut() {
                *weight = weight.exponential();
            }
            sums.fill(T::ZERO);
            for weights in weights.chunks_exact(block) {
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum += *weight;
                }
            }
            for weights in weights.chunks_exact_mut(block) {
                for (weight, sum) in weights.iter_mut().zip(&sums) {
                    *weight = *weight / *sum;
                }
            }
        }
    }
}
