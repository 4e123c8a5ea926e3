//! The weight gradient of a direct convolution, in pieces that are summed in parallel.

use rayon::prelude::*;

use super::sizes::Direct;
use crate::convolution::ConvGeometry;
use crate::convolution::product::{LeftStrides, Offsets, Product, ResultStrides, Right, Store};
use crate::cpu::LANES;

impl Direct {
    /// Returns the number of pieces.
    pub(super) fn pieces(&self) -> usize {
        self.bands.tiling.geometry.kernel[0] * self.piece_groups() * self.piece_columns()
    }

    /// Returns the sizes of a piece of the weight gradient: input blocks, taps of a kernel row times the lanes of a block, and columns.
    pub(super) fn piece_shape(&self) -> [usize; 3] {
        let rows = self.bands.tiling.geometry.kernel[1] * self.lanes_in;
        [self.piece_blocks, rows, self.piece_vectors.min(self.blocks_out) * LANES]
    }

    fn piece_columns(&self) -> usize {
        self.blocks_out.div_ceil(self.piece_vectors)
    }

    /// Returns the number of pieces that share a kernel row and columns.
    fn piece_groups(&self) -> usize {
        self.blocks_in.div_ceil(self.piece_blocks)
    }

    /// Adds the contribution of bands of the input and of the output's gradient to a piece.
    pub(super) fn add_to_piece(&self, piece: usize, inputs: &[f32], dz: &[f32], gradient: &mut [f32]) {
        let (input, output) = (self.bands.input_stage, self.kept_gradient());
        let ConvGeometry { kernel, stride, dilation, .. } = self.bands.tiling.geometry;
        // Where a piece starts in a band of the input and of the output's gradient, its first block and its first vector.
        let place = |piece: usize| {
            let (row, column) = (piece / self.piece_columns(), piece % self.piece_columns());
            let (u, group) = (row / self.piece_groups(), row % self.piece_groups());
            let (first_block, first_vector) = (group * self.piece_blocks, column * self.piece_vectors);
            let a = first_block * input.block_len() + u * dilation[0] * input.row_len();
            (a, first_vector * output.block_len(), [first_block, first_vector])
        };
        let (first_a, first_b, [first_block, first_vector]) = place(piece);
        let [piece_blocks, piece_rows, columns] = self.piece_shape();
        // Adjacent taps are adjacent rows of the piece.
        let taps = if dilation[1] == 1 { kernel[1] } else { 1 };
        let product = Product {
            operands: self.bands.operands,
            blocks: (self.blocks_in - first_block).min(piece_blocks),
            rows: taps * self.lanes_in,
            vectors: (self.blocks_out - first_vector).min(self.piece_vectors),
            segments: output.rows,
            steps: output.columns,
            a: LeftStrides {
                block: input.block_len(),
                row: 1,
                segment: stride[0] * input.row_len(),
                step: self.bands.operands.values() * stride[1] * self.lanes_in,
            },
            b: Right::Strided { segment: output.row_len(), step: LANES, vector: output.block_len() },
            c: ResultStrides { block: piece_rows * columns, row: columns, vector: LANES },
            store: Store::Add,
        };
        let images = inputs.len() / input.image_len();
        for v in (0..kernel[1]).step_by(taps) {
            let tap = v * dilation[1] * self.lanes_in;
            let offsets = (0..images).map(|image| Offsets {
                a: image * input.image_len() + first_a + tap,
                b: image * output.image_len() + first_b,
                c: v * self.lanes_in * columns,
            });
            debug_assert!(piece_blocks * piece_rows * columns == gradient.len());
            let next = if v + taps < kernel[1] {
                Offsets { a: first_a + tap + taps * dilation[1] * self.lanes_in, b: first_b, c: 0 }
            } else {
                let (a, b, _) = place(piece + 1);
                Offsets { a, b, c: 0 }
            };
            product.run_before(self.isa, offsets, Some(next), [inputs, dz], gradient);
        }
    }

    /// Computes the weight gradient `[C_out/groups, C_in/groups, KH, KW]` of the group.
    pub(super) fn join_pieces(&self, pieces: &[f32], gradient: &mut [f32]) {
        let [kernel_height, kernel_width] = self.bands.tiling.geometry.kernel;
        let [piece_blocks, piece_rows, columns] = self.piece_shape();
        let piece_len = piece_blocks * piece_rows * columns;
        let filter_len = self.channels_in * kernel_height * kernel_width;
        // Filters of a vector together: they lie side by side in the pieces.
        gradient.par_chunks_mut(LANES * filter_len).enumerate().for_each(|(vector, filters)| {
            let (piece_column, column) = (vector / self.piece_vectors, vector % self.piece_vectors * LANES);
            for c in 0..self.channels_in {
                let (group, block) = (c / self.lanes_in / piece_blocks, c / self.lanes_in % piece_blocks);
                for (u, v) in (0..kernel_height).flat_map(|u| (0..kernel_width).map(move |v| (u, v))) {
                    let piece = (u * self.piece_groups() + group) * self.piece_columns() + piece_column;
                    let row = block * piece_rows + v * self.lanes_in + c % self.lanes_in;
                    let values = &pieces[piece * piece_len + row * columns + column..][..LANES];
                    let tap = (c * kernel_height + u) * kernel_width + v;
                    for (filter, value) in filters.chunks_exact_mut(filter_len).zip(values) {
                        filter[tap] = *value;
                    }
                }
            }
        });
    }
}
