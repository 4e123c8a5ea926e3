//! Weights to the Winograd domain, `U = G g Gᵀ`, and their gradient back, `dg = Gᵀ dU G`.

use rayon::prelude::*;

use super::scheme::Scheme;
use crate::engine::Engine;
use crate::isa::Isa;
use crate::product::packed_index;
use crate::scratch::Scratch;
use crate::simd::{Kernel, LANES, Simd, dispatch};

/// Most taps along an axis.
const TAPS: usize = 5;
/// Most distinct rows of G.
const ROWS: usize = 6;

/// Which channels of a transformed weight are the columns of the packed operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Orientation {
    /// Output channels, for the forward pass.
    Forward,
    /// Input channels, for the input's gradient.
    Adjoint,
}

/// G in f32, and its sizes.
#[derive(Clone, Copy)]
struct Matrix {
    rows: usize,
    taps: usize,
    values: [[f32; TAPS]; ROWS],
}

impl Matrix {
    fn of(scheme: Scheme) -> Self {
        let mut values = [[0.0; TAPS]; ROWS];
        for (values, row) in values.iter_mut().zip(scheme.weight_rows()) {
            for (value, exact) in values.iter_mut().zip(row) {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "rounded to the precision of the products"
                )]
                let rounded = exact as f32;
                *value = rounded;
            }
        }
        Self { rows: scheme.distinct_rows(), taps: scheme.taps(), values }
    }
}

/// Transforms weights `[C_out, C_in, r, r]` to a packed operand for every distinct weight: input by output channels, or
/// output by input channels, both padded.
pub(super) fn transform<'e>(
    engine: &'e Engine,
    scheme: Scheme,
    [channels_out, channels_in]: [usize; 2],
    weight: &[f32],
    orientation: Orientation,
) -> Scratch<'e> {
    let taps = scheme.taps() * scheme.taps();
    let (blocks_in, blocks_out) = (channels_in.div_ceil(LANES), channels_out.div_ceil(LANES));
    let len = blocks_in * blocks_out * LANES * LANES;
    // First every tap in the packed order, so that the transform is a sum of whole arrays.
    let mut packed_taps = engine.scratch().take(taps * len);
    packed_taps.par_chunks_mut(len).enumerate().for_each(|(tap, packed)| {
        packed.fill(0.0);
        for out in 0..channels_out {
            for c in 0..channels_in {
                let place = match orientation {
                    Orientation::Forward => {
                        packed_index(blocks_out, blocks_in * LANES, out / LANES, c, out % LANES)
                    }
                    Orientation::Adjoint => {
                        packed_index(blocks_in, blocks_out * LANES, c / LANES, out, c % LANES)
                    }
                };
                packed[place] = weight[(out * channels_in + c) * taps + tap];
            }
        }
    });
    let matrix = Matrix::of(scheme);
    let mut transformed = engine.scratch().take(scheme.distinct_weights() * len);
    transformed.par_chunks_mut(len).enumerate().for_each(|(index, target)| {
        dispatch(engine.isa(), TransformWeight { matrix, index, packed_taps: &packed_taps, target });
    });
    transformed
}

/// One distinct weight: a sum of taps.
struct TransformWeight<'a> {
    matrix: Matrix,
    index: usize,
    packed_taps: &'a [f32],
    target: &'a mut [f32],
}

impl Kernel for TransformWeight<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Matrix { rows, taps, values } = self.matrix;
        let len = self.target.len();
        for (place, target) in self.target.chunks_exact_mut(LANES).enumerate() {
            let mut sum = [0.0; LANES];
            for u in 0..taps {
                let mut row = [0.0; LANES];
                for v in 0..taps {
                    let mut tap = [0.0; LANES];
                    tap.copy_from_slice(&self.packed_taps[(u * taps + v) * len + place * LANES..][..LANES]);
                    accumulate(&mut row, values[self.index % rows][v], &tap);
                }
                accumulate(&mut sum, values[self.index / rows][u], &row);
            }
            target.copy_from_slice(&sum);
        }
    }
}

#[inline(always)]
fn accumulate(sum: &mut [f32; LANES], factor: f32, values: &[f32; LANES]) {
    for lane in 0..LANES {
        sum[lane] += factor * values[lane];
    }
}

/// Turns summed gradients `[distinct weight][C_in, padded][C_out, padded]` into `[C_out, C_in, r, r]`.
pub(super) fn finish_gradient(
    isa: Isa,
    scheme: Scheme,
    [channels_out, channels_in]: [usize; 2],
    pieces: &[f32],
    gradient: &mut [f32],
) {
    let filters = channels_in * scheme.taps() * scheme.taps();
    let matrix = Matrix::of(scheme);
    gradient.par_chunks_mut(LANES * filters).enumerate().for_each(|(block, gradient)| {
        dispatch(isa, FinishBlock { matrix, channels_out, channels_in, block, pieces, gradient });
    });
}

/// The filters of one block of output channels.
struct FinishBlock<'a> {
    matrix: Matrix,
    channels_out: usize,
    channels_in: usize,
    block: usize,
    pieces: &'a [f32],
    gradient: &'a mut [f32],
}

impl Kernel for FinishBlock<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Matrix { rows, taps, values } = self.matrix;
        let padded_out = self.channels_out.next_multiple_of(LANES);
        let piece = self.channels_in.next_multiple_of(LANES) * padded_out;
        for channel in 0..self.channels_in {
            let mut filter = [[[0.0_f32; LANES]; TAPS]; TAPS];
            for row in 0..rows {
                let mut half = [[0.0_f32; LANES]; TAPS];
                for column in 0..rows {
                    let start = (row * rows + column) * piece + channel * padded_out + self.block * LANES;
                    let mut lifted = [0.0; LANES];
                    lifted.copy_from_slice(&self.pieces[start..start + LANES]);
                    for (tap, half) in half.iter_mut().enumerate().take(taps) {
                        accumulate(half, values[column][tap], &lifted);
                    }
                }
                for (tap, filter) in filter.iter_mut().enumerate().take(taps) {
                    for (filter, half) in filter.iter_mut().zip(&half).take(taps) {
                        accumulate(filter, values[row][tap], half);
                    }
                }
            }
            let filters = self.gradient.chunks_exact_mut(self.channels_in * taps * taps);
            for (lane, target) in filters.enumerate() {
                for (tap, target) in target[channel * taps * taps..][..taps * taps].iter_mut().enumerate() {
                    *target = filter[tap / taps][tap % taps][lane];
                }
            }
        }
    }
}
