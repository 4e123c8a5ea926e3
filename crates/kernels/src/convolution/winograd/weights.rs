//! Transforms of weights to the Winograd domain, `U = G g Gᵀ`, and of their gradient back, `dg = Gᵀ dU G`.

use rayon::prelude::*;

use super::line::Line;
use super::scheme::Scheme;
use crate::convolution::product::Operands;
use crate::convolution::product::{packed_order, pair_packed};
use crate::cpu::{Isa, Kernel, LANES, Simd, dispatch, prefetch};
use crate::engine::Engine;
use crate::memory::Scratch;

/// Elements between the gradients of distinct weights beyond their size, see [`piece_len`].
const PIECE_SPACING: usize = 16;
/// Vectors of filters that one task transforms: their taps fit the first-level cache, and what it writes to an array is 4 KiB.
const VECTORS_TOGETHER: usize = 128;
/// Blocks of output channels whose gradients one task finishes: a cache line of each piece.
const BLOCKS_TOGETHER: usize = 2;
/// Input channels by which pieces are fetched ahead.
const CHANNELS_AHEAD: usize = 4;
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
    fn of(line: Line) -> Self {
        let mut values = [[0.0; TAPS]; ROWS];
        for (values, row) in values.iter_mut().zip(line.weight_rows()) {
            for (value, exact) in values.iter_mut().zip(row) {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "rounded to the precision of the products"
                )]
                let rounded = exact as f32;
                *value = rounded;
            }
        }
        Self { rows: line.distinct_rows(), taps: line.taps, values }
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
    let (vectors, steps) = match orientation {
        Orientation::Forward => (blocks_out, blocks_in * LANES),
        Orientation::Adjoint => (blocks_in, blocks_out * LANES),
    };
    let order: Vec<(usize, usize)> = packed_order(engine.isa(), vectors, steps).collect();
    let [down, across] = scheme.lines().map(Matrix::of);
    let mut transformed = engine.scratch().take(scheme.distinct_weights() * len);
    // For every run of vectors its part of each transformed weight.
    let mut parts: Vec<Vec<&mut [f32]>> = order.chunks(VECTORS_TOGETHER).map(|_| Vec::new()).collect();
    for weight in transformed.chunks_exact_mut(len) {
        for (parts, part) in parts.iter_mut().zip(weight.chunks_mut(VECTORS_TOGETHER * LANES)) {
            parts.push(part);
        }
    }
    parts.into_par_iter().zip(order.par_chunks(VECTORS_TOGETHER)).for_each(|(mut parts, order)| {
        // First the filters in the packed order, the taps of a vector side by side, then row by row of the transformed tile, so that few
        // arrays are written at a time.
        let mut packed_filters = engine.scratch().take(taps * order.len() * LANES);
        for (target, &(vector, step)) in packed_filters.chunks_exact_mut(taps * LANES).zip(order) {
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
        }
        for (row, targets) in parts.chunks_exact_mut(across.rows).enumerate() {
            let down = down.values[row];
            dispatch(engine.isa(), TransformRow { down, across, packed_filters: &packed_filters, targets });
        }
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

/// The distinct weights of one row of the transformed tile, for a run of vectors.
struct TransformRow<'a, 't> {
    /// The row of G down the tile.
    down: [f32; TAPS],
    across: Matrix,
    packed_filters: &'a [f32],
    targets: &'a mut [&'t mut [f32]],
}

impl Kernel for TransformRow<'_, '_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        match self.across.taps {
            2 => self.rows::<S, 2>(simd),
            3 => self.rows::<S, 3>(simd),
            taps => {
                assert_eq!(taps, TAPS, "a scheme without transform");
                self.rows::<S, TAPS>(simd);
            }
        }
    }
}

impl TransformRow<'_, '_> {
    #[inline(always)]
    fn rows<S: Simd, const R: usize>(self, _simd: S) {
        let (down, values) = (self.down, self.across.values);
        let (packed, _) = self.packed_filters.as_chunks::<LANES>();
        for (place, filters) in packed.chunks_exact(R * R).enumerate() {
            let mut half = [[0.0; LANES]; R];
            for u in 0..R {
                for v in 0..R {
                    accumulate(&mut half[v], down[u], &filters[u * R + v]);
                }
            }
            for (target, across) in self.targets.iter_mut().zip(&values) {
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

/// Returns the number of elements of the gradient of one distinct weight, spaced so that pieces do not fall into the same sets of the
/// cache.
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
    let [down, across] = scheme.lines().map(Matrix::of);
    gradient.par_chunks_mut(BLOCKS_TOGETHER * LANES * filters).enumerate().for_each(|(run, gradient)| {
        let first_block = run * BLOCKS_TOGETHER;
        dispatch(
            isa,
            FinishBlocks { down, across, channels_out, channels_in, first_block, pieces, gradient },
        );
    });
}

/// The filters of some blocks of output channels.
struct FinishBlocks<'a> {
    down: Matrix,
    across: Matrix,
    channels_out: usize,
    channels_in: usize,
    first_block: usize,
    pieces: &'a [f32],
    gradient: &'a mut [f32],
}

impl Kernel for FinishBlocks<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        match self.across.taps {
            2 => self.blocks::<S, 2>(simd),
            3 => self.blocks::<S, 3>(simd),
            taps => {
                assert_eq!(taps, TAPS, "a scheme without transform");
                self.blocks::<S, TAPS>(simd);
            }
        }
    }
}

impl FinishBlocks<'_> {
    #[inline(always)]
    fn blocks<S: Simd, const R: usize>(self, _simd: S) {
        let (rows, columns) = (self.down.rows, self.across.rows);
        let (channels_in, taps) = (self.channels_in, R * R);
        let padded_out = self.channels_out.next_multiple_of(LANES);
        let piece = piece_len(channels_in, self.channels_out);
        let block_len = LANES * channels_in * taps;
        for channel in 0..channels_in {
            let first = channel * padded_out + self.first_block * LANES;
            // The pieces are read in lines that lie apart, which the hardware does not predict.
            for place in 0..rows * columns {
                prefetch(
                    self.pieces.as_ptr().wrapping_add(place * piece + first + CHANNELS_AHEAD * padded_out),
                );
            }
            for (block, gradient) in self.gradient.chunks_mut(block_len).enumerate() {
                let mut filter = [[[0.0_f32; LANES]; R]; R];
                for row in 0..rows {
                    let mut half = [[0.0_f32; LANES]; R];
                    for (column, across) in self.across.values.iter().enumerate().take(columns) {
                        let start = (row * columns + column) * piece + first + block * LANES;
                        let mut lifted = [0.0; LANES];
                        lifted.copy_from_slice(&self.pieces[start..start + LANES]);
                        for tap in 0..R {
                            accumulate(&mut half[tap], across[tap], &lifted);
                        }
                    }
                    for (filter, &down) in filter.iter_mut().zip(&self.down.values[row]) {
                        for (filter, half) in filter.iter_mut().zip(&half) {
                            accumulate(filter, down, half);
                        }
                    }
                }
                for (lane, target) in gradient.chunks_exact_mut(channels_in * taps).enumerate() {
                    for (tap, target) in target[channel * taps..][..taps].iter_mut().enumerate() {
                        *target = filter[tap / R][tap % R][lane];
                    }
                }
            }
        }
    }
}
