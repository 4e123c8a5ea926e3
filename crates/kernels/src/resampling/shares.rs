//! The shares of a reassembly: a softmax over the neighbours of each position.

use rayon::prelude::*;

use super::reassembly::ReassemblyGeometry;
use crate::cpu::{Kernel, Simd, dispatch};
use crate::engine::Engine;
use crate::memory::check_len;
use crate::numbers::{Elementary, Scalar};

/// `shares = e^logits / Σ e^logits`, the sum over the neighbours of each cell of a block.
///
/// Shapes: both `[N, H, W, kernel², factor²]`.
///
/// # Panics
/// When the lengths differ or are not those of whole cells.
pub fn reassembly_shares<T: Scalar + Elementary>(
    engine: &Engine,
    geometry: &ReassemblyGeometry,
    logits: &[T],
    shares: &mut [T],
) {
    let cells = geometry.height * geometry.width;
    check_len("the logits", logits.len(), geometry.batch * cells * geometry.shares());
    check_len("the shares", shares.len(), logits.len());
    let (line, block) = (geometry.width * geometry.shares(), geometry.factor.pow(2));
    shares.par_chunks_mut(line).zip(logits.par_chunks(line)).for_each(|(shares, logits)| {
        let neighbours = geometry.kernel.pow(2);
        dispatch(engine.isa(), Softmax { neighbours, block, logits, shares });
    });
}

struct Softmax<'a, T> {
    neighbours: usize,
    block: usize,
    logits: &'a [T],
    shares: &'a mut [T],
}

impl<T: Scalar + Elementary> Kernel for Softmax<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Self { neighbours, block, logits, shares } = self;
        let (mut largest, mut sums) = (vec![T::ZERO; block], vec![T::ZERO; block]);
        let cells = shares.chunks_exact_mut(neighbours * block).zip(logits.chunks_exact(neighbours * block));
        for (shares, logits) in cells {
            largest.fill(T::NEGATIVE_INFINITY);
            for logits in logits.chunks_exact(block) {
                for (largest, logit) in largest.iter_mut().zip(logits) {
                    *largest = if *logit > *largest { *logit } else { *largest };
                }
            }
            for (shares, logits) in shares.chunks_exact_mut(block).zip(logits.chunks_exact(block)) {
                for (share, (logit, largest)) in shares.iter_mut().zip(logits.iter().zip(&largest)) {
                    *share = *logit - *largest;
                }
            }
            // Over all at once, so that it vectorises.
            for share in shares.iter_mut() {
                *share = share.exponential();
            }
            sums.fill(T::ZERO);
            for shares in shares.chunks_exact(block) {
                for (sum, share) in sums.iter_mut().zip(shares) {
                    *sum += *share;
                }
            }
            for shares in shares.chunks_exact_mut(block) {
                for (share, sum) in shares.iter_mut().zip(&sums) {
                    *share = *share / *sum;
                }
            }
        }
    }
}
