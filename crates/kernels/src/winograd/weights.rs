//! Weights to the Winograd domain, `U = G g Gᵀ`, and their gradient back, `dg = Gᵀ dU G`.

use rayon::prelude::*;

use super::scheme::Scheme;
use crate::engine::Engine;
use crate::isa::Isa;
use crate::scratch::Scratch;
use crate::simd::{Kernel, LANES, Simd, dispatch};

/// Most taps along an axis.
const TAPS: usize = 5;
/// Most distinct rows of G.
const ROWS: usize = 6;

/// Which channels of a transformed weight are the lanes of a vector.
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

/// Transforms weights `[C_out, C_in, r, r]` to `[lane block][distinct weight][other channel, padded][lane]`.
pub(super) fn transform<'e>(
    engine: &'e Engine,
    scheme: Scheme,
    [channels_out, channels_in]: [usize; 2],
    weight: &[f32],
    orientation: Orientation,
) -> Scratch<'e> {
    // Element distances of output and input channels in `weight`.
    let filter = scheme.taps() * scheme.taps();
    let (by_out, by_in) = (channels_in * filter, filter);
    let (lane_channels, lane_step, channels, step) = match orientation {
        Orientation::Forward => (channels_out, by_out, channels_in, by_in),
        Orientation::Adjoint => (channels_in, by_in, channels_out, by_out),
    };
    let matrix = Matrix::of(scheme);
    let block_len = scheme.distinct_weights() * channels.next_multiple_of(LANES) * LANES;
    let mut transformed = engine.scratch().take(lane_channels.div_ceil(LANES) * block_len);
    transformed.par_chunks_mut(block_len).enumerate().for_each(|(block, target)| {
        let first_lane = block * LANES;
        let lanes = (lane_channels - first_lane).min(LANES);
        let weight = &weight[first_lane * lane_step..];
        dispatch(engine.isa(), TransformBlock { matrix, lanes, lane_step, channels, step, weight, target });
    });
    transformed
}

/// One block of lanes.
struct TransformBlock<'a> {
    matrix: Matrix,
    lanes: usize,
    lane_step: usize,
    channels: usize,
    step: usize,
    weight: &'a [f32],
    target: &'a mut [f32],
}

impl Kernel for TransformBlock<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Matrix { rows, taps, values } = self.matrix;
        let plane = self.channels.next_multiple_of(LANES) * LANES;
        for target in self.target.chunks_exact_mut(plane) {
            target[self.channels * LANES..].fill(0.0);
        }
        for channel in 0..self.channels {
            let mut filter = [[[0.0_f32; LANES]; TAPS]; TAPS];
            for lane in 0..self.lanes {
                let source = &self.weight[lane * self.lane_step + channel * self.step..][..taps * taps];
                for (tap, &value) in source.iter().enumerate() {
                    filter[tap / taps][tap % taps][lane] = value;
                }
            }
            for row in 0..rows {
                let mut half = [[0.0_f32; LANES]; TAPS];
                for (column, half) in half.iter_mut().enumerate().take(taps) {
                    for (tap, filter) in filter.iter().enumerate().take(taps) {
                        accumulate(half, values[row][tap], &filter[column]);
                    }
                }
                for column in 0..rows {
                    let mut sum = [0.0_f32; LANES];
                    for (tap, half) in half.iter().enumerate().take(taps) {
                        accumulate(&mut sum, values[column][tap], half);
                    }
                    self.target[(row * rows + column) * plane + channel * LANES..][..LANES]
                        .copy_from_slice(&sum);
                }
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
