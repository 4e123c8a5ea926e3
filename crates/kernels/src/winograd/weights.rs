//! Weights to the Winograd domain, `U = G g Gᵀ`, and their gradient back, `dg = Gᵀ dU G`.

use rayon::prelude::*;

use super::scheme::Scheme;
use crate::engine::Engine;
use crate::isa::Isa;
use crate::product::{Operands, packed_order, pair_packed};
use crate::scratch::Scratch;
use crate::simd::{Kernel, LANES, Simd, dispatch};

/// Elements between the gradients of distinct weights beyond their size, see [`piece_len`].
const PIECE_SPACING: usize = 16;
/// Vectors of filters that one task packs at least: some microseconds.
const VECTORS_TOGETHER: usize = 128;
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
    // First the filters in the packed order, the taps of a vector side by side, so that the transform is a pass over
    // whole arrays.
    let mut packed_filters = engine.scratch().take(taps * len);
    let (vectors, steps) = match orientation {
        Orientation::Forward => (blocks_out, blocks_in * LANES),
        Orientation::Adjoint => (blocks_in, blocks_out * LANES),
    };
    let order: Vec<(usize, usize)> = packed_order(engine.isa(), vectors, steps).collect();
    let targets = packed_filters.par_chunks_exact_mut(taps * LANES).with_min_len(VECTORS_TOGETHER);
    targets.zip(order).for_each(|(target, (vector, step))| {
        target.fill(0.0);
        let (step_out, first_out, step_in, first_in) = match orientation {
            Orientation::Forward => (1, vector * LANES, 0, step),
            Orientation::Adjoint => (0, step, 1, vector * LANES),
        };
        for lane in 0..LANES {
            let (out, c) = (first_out + lane * step_out, first_in + lane * step_in);
            if out < channels_out && c < channels_in {
                let filter = &weight[(out * channels_in + c) * taps..][..taps];
                for (target, &value) in target.chunks_exact_mut(LANES).zip(filter) {
                    target[lane] = value;
                }
            }
        }
    });
    let matrix = Matrix::of(scheme);
    let mut transformed = engine.scratch().take(scheme.distinct_weights() * len);
    transformed.par_chunks_mut(matrix.rows * len).enumerate().for_each(|(row, targets)| {
        dispatch(engine.isa(), TransformRow { matrix, row, packed_filters: &packed_filters, targets });
    });
    match Operands::of(engine.accuracy()) {
        Operands::Singles => transformed,
        Operands::Pairs => {
            let mut pairs = engine.scratch().take(transformed.len() / 2);
            let weights = transformed.par_chunks(len).zip(pairs.par_chunks_mut(len / 2));
            weights.for_each(|(weight, pairs)| pair_packed(engine.isa(), [vectors, steps], weight, pairs));
            pairs
        }
    }
}

/// The distinct weights of one row of the transformed tile.
struct TransformRow<'a> {
    matrix: Matrix,
    row: usize,
    packed_filters: &'a [f32],
    targets: &'a mut [f32],
}

impl Kernel for TransformRow<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        match self.matrix.taps {
            2 => self.rows::<S, 2>(simd),
            3 => self.rows::<S, 3>(simd),
            taps => {
                assert_eq!(taps, TAPS, "a scheme without transform");
                self.rows::<S, TAPS>(simd);
            }
        }
    }
}

impl TransformRow<'_> {
    #[inline(always)]
    fn rows<S: Simd, const R: usize>(self, _simd: S) {
        let Matrix { rows, values, .. } = self.matrix;
        let len = self.targets.len() / rows;
        let down = values[self.row];
        let (packed, _) = self.packed_filters.as_chunks::<LANES>();
        for (place, filters) in packed.chunks_exact(R * R).enumerate() {
            let mut half = [[0.0; LANES]; R];
            for u in 0..R {
                for v in 0..R {
                    accumulate(&mut half[v], down[u], &filters[u * R + v]);
                }
            }
            for (target, across) in self.targets.chunks_exact_mut(len).zip(&values) {
                let mut sum = [0.0; LANES];
                for v in 0..R {
                    accumulate(&mut sum, across[v], &half[v]);
                }
                target[place * LANES..][..LANES].copy_from_slice(&sum);
            }
        }
    }
}

#[inline(always)]
fn accumulate(sum: &mut [f32; LANES], factor: f32, values: &[f32; LANES]) {
    for lane in 0..LANES {
        sum[lane] += factor * values[lane];
    }
}

/// Elements of the gradient of one distinct weight, spaced so that pieces do not fall into the same sets of the cache.
pub(super) const fn piece_len(channels_in: usize, channels_out: usize) -> usize {
    channels_in.next_multiple_of(LANES) * channels_out.next_multiple_of(LANES) + PIECE_SPACING
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
        let piece = piece_len(self.channels_in, self.channels_out);
        for channel in 0..self.channels_in {
            let mut filter = [[[0.0_f32; LANES]; TAPS]; TAPS];
            for row in 0..rows {
                let mut half = [[0.0_f32; LANES]; TAPS];
                for (column, across) in values.iter().enumerate().take(rows) {
                    let start = (row * rows + column) * piece + channel * padded_out + self.block * LANES;
                    let mut lifted = [0.0; LANES];
                    lifted.copy_from_slice(&self.pieces[start..start + LANES]);
                    for (tap, half) in half.iter_mut().enumerate().take(taps) {
                        accumulate(half, across[tap], &lifted);
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
