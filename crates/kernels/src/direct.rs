//! Direct convolution: matrix products that read the staged maps where they lie, with no transform and no copy of taps.
//!
//! Forward, the rows of the product are output pixels and its inner dimension runs over taps and input channels. For
//! the input's gradient every tap is one product added to a shifted window; for the weight gradient the inner dimension
//! runs over pixels.

use rayon::prelude::*;

use crate::bfloat16::{pair_at_distance, pair_neighbours, pair_rows};
use crate::blocked::{LiftedBand, Lowering, StageShape, Tiling, TilingRequest};
use crate::engine::Engine;
use crate::geometry::ConvGeometry;
use crate::isa::Isa;
use crate::product::{
    LeftStrides, Offsets, Operands, Product, ResultStrides, Right, Store, packed_order, pair_packed,
};
use crate::scratch::{Scratch, Weights};
use crate::simd::LANES;

/// Output pixels of a band: the inner dimension of the weight gradient, whose panels then fit the first-level cache.
const BAND_PIXELS: usize = 128;
/// Elements of the weight panel that one product may read: beyond this (28 KiB) it leaves the first-level cache, and
/// the taps of a row are multiplied one by one. Counted for panels of [`PANEL_VECTORS`] on every instruction set, as it
/// decides the order of summation.
const PANEL_ELEMENTS: usize = 7 << 10;
/// Vectors of output channels in the panels that [`PANEL_ELEMENTS`] is about.
const PANEL_VECTORS: usize = 3;
/// Wide vectors of output channels in one piece of the weight gradient: the widest register tile.
const PIECE_WIDE_VECTORS: usize = 3;
/// Most input blocks in one piece of the weight gradient: all of them are multiplied by a panel of output channels while it lies in the
/// first-level cache.
const PIECE_BLOCKS: usize = 4;
/// Pieces of the weight gradient that several threads can share; with fewer, pieces take fewer blocks.
const PIECES: usize = 24;

/// Weights and sizes of one direct convolution of one channel group.
pub(crate) struct Direct<'e> {
    isa: Isa,
    operands: Operands,
    tiling: Tiling,
    channels_in: usize,
    channels_out: usize,
    /// Channels of a block of the staged input.
    lanes_in: usize,
    blocks_in: usize,
    blocks_out: usize,
    /// Taps of a kernel row that one product covers: all of them where they are adjacent and the panel stays small.
    taps_together: usize,
    /// Vectors of output channels in one piece of the weight gradient.
    piece_vectors: usize,
    /// Input blocks in one piece of the weight gradient.
    piece_blocks: usize,
    forward: Option<Weights<'e>>,
    backward: Option<Scratch<'e>>,
}

/// The products of a forward pass: their number, the two levels of their inner dimension, and where segments lie.
struct Products {
    count: usize,
    segments: usize,
    steps: usize,
    segment_stride: usize,
}

/// Which passes the weights are prepared for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passes {
    /// The output.
    Forward,
    /// The weight gradient alone.
    WeightGradient,
    /// The input's gradient, with or without the weight gradient.
    InputGradient,
}

impl<'e> Direct<'e> {
    /// The convolution of one group of a valid geometry, in at least `bands` bands if it can be; its weights are still to come.
    pub(crate) fn new(engine: &Engine, geometry: &ConvGeometry, output: [usize; 2], bands: usize) -> Self {
        let tiling = Tiling::new(
            geometry,
            output[0],
            output[1],
            TilingRequest { tile: [1; 2], pixels: BAND_PIXELS, bands },
        );
        let (channels_in, channels_out) =
            (geometry.channels_in / geometry.groups, geometry.channels_out / geometry.groups);
        let operands = Operands::of(engine.accuracy());
        let lanes_in = channels_in.min(LANES).next_multiple_of(operands.values());
        let blocks_in = channels_in.div_ceil(lanes_in);
        let panel = blocks_in * geometry.kernel[1] * lanes_in * PANEL_VECTORS * LANES;
        let adjacent = geometry.dilation[1] == 1;
        let taps_together = if adjacent && panel <= PANEL_ELEMENTS { geometry.kernel[1] } else { 1 };
        let blocks_out = channels_out.div_ceil(LANES);
        let piece_vectors = PIECE_WIDE_VECTORS * engine.isa().wide_vectors();
        let pieces = geometry.kernel[0] * blocks_in * blocks_out.div_ceil(piece_vectors);
        Self {
            isa: engine.isa(),
            operands,
            tiling,
            channels_in,
            channels_out,
            lanes_in,
            blocks_in,
            blocks_out,
            taps_together,
            piece_vectors,
            piece_blocks: (pieces / PIECES).clamp(1, PIECE_BLOCKS),
            forward: None,
            backward: None,
        }
    }

    /// Prepares the weights of the group, `[C_out/groups, C_in/groups, KH, KW]`.
    pub(crate) fn prepare(&mut self, engine: &'e Engine, weight: &[f32], passes: Passes) {
        match passes {
            Passes::Forward => self.forward = Some(Weights::Made(self.pack_forward(engine, weight))),
            Passes::WeightGradient => {}
            Passes::InputGradient => self.backward = Some(self.pack_backward(engine, weight)),
        }
    }

    /// Takes weights for the forward pass that [`Self::prepare`] made earlier.
    pub(crate) fn take_forward(&mut self, prepared: &'e [f32]) {
        self.forward = Some(Weights::Kept(prepared));
    }

    /// For every product of [`Self::multiply`] a packed operand of taps and input channels by output channels.
    fn pack_forward(&self, engine: &'e Engine, weight: &[f32]) -> Scratch<'e> {
        let [kernel_height, kernel_width] = self.tiling.geometry.kernel;
        let Products { count, segments, steps, .. } = self.products();
        let len = segments * steps * self.blocks_out * LANES;
        let mut prepared = engine.scratch().take(count * len);
        prepared.fill(0.0);
        let runs = kernel_width / self.taps_together;
        let rows_are_segments = count == 1 && segments == kernel_height;
        prepared.par_chunks_exact_mut(len).enumerate().for_each(|(product, target)| {
            for (target, (vector, step)) in
                target.chunks_exact_mut(LANES).zip(packed_order(self.isa, self.blocks_out, segments * steps))
            {
                let (segment, step) = (step / steps, step % steps);
                let (u, block) = if rows_are_segments { (segment, 0) } else { (product / runs, segment) };
                let v = product % runs * self.taps_together + step / self.lanes_in;
                let c = block * self.lanes_in + step % self.lanes_in;
                if c < self.channels_in {
                    let tap = (c * kernel_height + u) * kernel_width + v;
                    let filters = weight
                        .chunks_exact(self.channels_in * kernel_height * kernel_width)
                        .skip(vector * LANES);
                    target.iter_mut().zip(filters).for_each(|(target, filter)| *target = filter[tap]);
                }
            }
        });
        self.packed(engine, prepared, [self.blocks_out, segments * steps])
    }

    /// Packed operands of `vectors` by `steps` vectors as they are multiplied: paired if need be.
    fn packed(&self, engine: &'e Engine, weights: Scratch<'e>, sizes: [usize; 2]) -> Scratch<'e> {
        match self.operands {
            Operands::Singles => weights,
            Operands::Pairs => {
                let mut pairs = engine.scratch().take(weights.len() / 2);
                pair_packed(self.isa, sizes, &weights, &mut pairs);
                pairs
            }
        }
    }

    /// For every tap a packed operand of output channels by input channels.
    fn pack_backward(&self, engine: &'e Engine, weight: &[f32]) -> Scratch<'e> {
        let taps = self.tiling.geometry.kernel[0] * self.tiling.geometry.kernel[1];
        let (blocks, padded_out) = (self.channels_in.div_ceil(LANES), self.blocks_out * LANES);
        let len = blocks * padded_out * LANES;
        let mut prepared = engine.scratch().take(taps * len);
        prepared.fill(0.0);
        prepared.par_chunks_exact_mut(len).enumerate().for_each(|(tap, target)| {
            for (target, (vector, out)) in
                target.chunks_exact_mut(LANES).zip(packed_order(self.isa, blocks, padded_out))
            {
                if out < self.channels_out {
                    let filters =
                        weight[out * self.channels_in * taps..][..self.channels_in * taps].chunks_exact(taps);
                    target
                        .iter_mut()
                        .zip(filters.skip(vector * LANES))
                        .for_each(|(target, filter)| *target = filter[tap]);
                }
            }
        });
        self.packed(engine, prepared, [blocks, padded_out])
    }

    /// How the forward pass is cut into products.
    fn products(&self) -> Products {
        let (input, ConvGeometry { kernel, dilation, .. }) = (self.input_stage(), self.tiling.geometry);
        let (runs, steps) = (kernel[1] / self.taps_together, self.taps_together * self.lanes_in);
        // With one input block the rows of the kernel serve as segments: one product instead of one per row.
        if self.blocks_in == 1 && runs == 1 {
            Products { count: 1, segments: kernel[0], steps, segment_stride: dilation[0] * input.row_len() }
        } else {
            Products {
                count: kernel[0] * runs,
                segments: self.blocks_in,
                steps,
                segment_stride: input.block_len(),
            }
        }
    }

    /// Sizes of a piece of the weight gradient: input blocks, taps of a kernel row times the lanes of a block, and columns.
    fn piece_shape(&self) -> [usize; 3] {
        let rows = self.tiling.geometry.kernel[1] * self.lanes_in;
        [self.piece_blocks, rows, self.piece_vectors.min(self.blocks_out) * LANES]
    }

    /// Shape of a band of the output's gradient as it is kept.
    fn kept_slope(&self) -> StageShape {
        let slope = self.output_stage();
        StageShape { columns: slope.columns.div_ceil(self.operands.values()), ..slope }
    }

    fn piece_columns(&self) -> usize {
        self.blocks_out.div_ceil(self.piece_vectors)
    }

    /// Pieces that share a kernel row and columns.
    fn piece_groups(&self) -> usize {
        self.blocks_in.div_ceil(self.piece_blocks)
    }
}

impl Direct<'_> {
    /// Copies a stage to the operands that are wanted, or pairs it.
    fn lift(&self, stage: &[f32], operands: LiftedBand<'_>, keep: impl FnOnce(&mut [f32])) {
        let LiftedBand { multiplied, kept } = operands;
        match self.operands {
            Operands::Singles => {
                multiplied.into_iter().chain(kept).for_each(|lifted| lifted.copy_from_slice(stage));
            }
            Operands::Pairs => {
                if let Some(multiplied) = multiplied {
                    pair_neighbours(self.isa, stage, multiplied);
                }
                kept.map(keep);
            }
        }
    }
}

impl Lowering for Direct<'_> {
    fn lifted_is_stage(&self) -> bool {
        self.operands == Operands::Singles
    }

    fn operands(&self) -> Operands {
        self.operands
    }

    fn tiling(&self) -> &Tiling {
        &self.tiling
    }

    fn input_stage(&self) -> StageShape {
        let Tiling { images, rows_in: rows, columns_in: columns, .. } = self.tiling;
        StageShape { images, blocks: self.blocks_in, rows, columns, lanes: self.lanes_in }
    }

    fn output_stage(&self) -> StageShape {
        let Tiling { images, rows_out: rows, columns_out: columns, .. } = self.tiling;
        StageShape { images, blocks: self.blocks_out, rows, columns, lanes: LANES }
    }

    fn input_gradient_stage(&self) -> StageShape {
        StageShape { blocks: self.channels_in.div_ceil(LANES), lanes: LANES, ..self.input_stage() }
    }

    fn lifted_input_len(&self) -> usize {
        self.input_stage().len()
    }

    fn lifted_slope_len(&self) -> usize {
        self.output_stage().len()
    }

    fn multiplied_input_len(&self) -> usize {
        self.lifted_input_len() / self.operands.values()
    }

    fn multiplied_slope_len(&self) -> usize {
        self.lifted_slope_len() / self.operands.values()
    }

    fn kept_input_len(&self) -> usize {
        self.input_stage().len()
    }

    fn kept_slope_len(&self) -> usize {
        self.kept_slope().len()
    }

    fn workspace_len(&self) -> usize {
        0
    }

    fn lift_input(&self, stage: &[f32], operands: LiftedBand<'_>) {
        self.lift(stage, operands, |kept| {
            // Every pixel with the next one that the same tap meets.
            let distance = self.tiling.geometry.stride[1] * self.lanes_in;
            pair_at_distance(self.isa, stage, self.input_stage().row_len(), distance, kept);
        });
    }

    fn lift_slope(&self, stage: &[f32], operands: LiftedBand<'_>) {
        self.lift(stage, operands, |kept| {
            // The pixels of a row, two by two.
            pair_rows(self.isa, stage, [self.output_stage().columns, LANES], kept);
        });
    }

    fn forward_weights(&self) -> &[f32] {
        match &self.forward {
            Some(weights) => weights,
            None => panic!("the weights are not prepared for the forward pass"),
        }
    }

    fn multiply(&self, lifted: &[f32], _workspace: &mut [f32], output: &mut [f32]) {
        let (input, result) = (self.input_stage(), self.output_stage());
        let ConvGeometry { kernel, stride, dilation, .. } = self.tiling.geometry;
        let weights = self.forward_weights();
        let Products { count, segments, steps, segment_stride } = self.products();
        let values = self.operands.values();
        let runs = kernel[1] / self.taps_together;
        for index in 0..count {
            let product = Product {
                operands: self.operands,
                blocks: result.rows,
                rows: result.columns,
                vectors: self.blocks_out,
                segments,
                steps: steps / values,
                a: LeftStrides {
                    block: stride[0] * input.row_len() / values,
                    row: stride[1] * self.lanes_in / values,
                    segment: segment_stride / values,
                    step: 1,
                },
                b: Right::Packed,
                c: ResultStrides { block: result.row_len(), row: LANES, vector: result.block_len() },
                store: if index == 0 { Store::Replace } else { Store::Add },
            };
            let (u, v) = (index / runs, index % runs * self.taps_together);
            let tap = u * dilation[0] * input.row_len() + v * dilation[1] * self.lanes_in;
            let offsets = (0..input.images).map(|image| Offsets {
                a: (image * input.image_len() + tap) / values,
                b: index * segments * steps * self.blocks_out * LANES / values,
                c: image * result.image_len(),
            });
            product.run(self.isa, offsets, lifted, weights, output);
        }
    }

    fn input_gradient(&self, lifted: &[f32], _workspace: &mut [f32], gradient: &mut [f32]) {
        let (slope, result) = (self.output_stage(), self.input_gradient_stage());
        let ConvGeometry { kernel, stride, dilation, .. } = self.tiling.geometry;
        let Some(weights) = &self.backward else {
            panic!("the weights are not prepared for the input's gradient")
        };
        let (padded_out, values) = (self.blocks_out * LANES, self.operands.values());
        let product = Product {
            operands: self.operands,
            blocks: slope.rows,
            rows: slope.columns,
            vectors: result.blocks,
            segments: self.blocks_out,
            steps: LANES / values,
            a: LeftStrides {
                block: slope.row_len() / values,
                row: LANES / values,
                segment: slope.block_len() / values,
                step: 1,
            },
            b: Right::Packed,
            c: ResultStrides {
                block: stride[0] * result.row_len(),
                row: stride[1] * LANES,
                vector: result.block_len(),
            },
            store: Store::Add,
        };
        for u in 0..kernel[0] {
            for v in 0..kernel[1] {
                let offsets = (0..slope.images).map(|image| Offsets {
                    a: image * slope.image_len() / values,
                    b: (u * kernel[1] + v) * result.blocks * padded_out * LANES / values,
                    c: image * result.image_len()
                        + u * dilation[0] * result.row_len()
                        + v * dilation[1] * LANES,
                });
                product.run(self.isa, offsets, lifted, weights, gradient);
            }
        }
    }

    fn weight_pieces(&self) -> (usize, usize) {
        let pieces = self.tiling.geometry.kernel[0] * self.piece_groups() * self.piece_columns();
        (self.piece_shape().iter().product(), pieces)
    }

    fn weight_gradient(&self, piece: usize, inputs: &[f32], slopes: &[f32], gradient: &mut [f32]) {
        let (input, slope) = (self.input_stage(), self.kept_slope());
        let ConvGeometry { kernel, stride, dilation, .. } = self.tiling.geometry;
        // Where a piece starts in a band of the input and of the slopes, its first block and its first vector.
        let place = |piece: usize| {
            let (row, column) = (piece / self.piece_columns(), piece % self.piece_columns());
            let (u, group) = (row / self.piece_groups(), row % self.piece_groups());
            let (first_block, first_vector) = (group * self.piece_blocks, column * self.piece_vectors);
            let a = first_block * input.block_len() + u * dilation[0] * input.row_len();
            (a, first_vector * slope.block_len(), [first_block, first_vector])
        };
        let (first_a, first_b, [first_block, first_vector]) = place(piece);
        let [piece_blocks, piece_rows, columns] = self.piece_shape();
        // Adjacent taps are adjacent rows of the piece.
        let taps = if dilation[1] == 1 { kernel[1] } else { 1 };
        let product = Product {
            operands: self.operands,
            blocks: (self.blocks_in - first_block).min(piece_blocks),
            rows: taps * self.lanes_in,
            vectors: (self.blocks_out - first_vector).min(self.piece_vectors),
            segments: slope.rows,
            steps: slope.columns,
            a: LeftStrides {
                block: input.block_len(),
                row: 1,
                segment: stride[0] * input.row_len(),
                step: self.operands.values() * stride[1] * self.lanes_in,
            },
            b: Right::Strided { segment: slope.row_len(), step: LANES, vector: slope.block_len() },
            c: ResultStrides { block: piece_rows * columns, row: columns, vector: LANES },
            store: Store::Add,
        };
        let images = inputs.len() / input.image_len();
        for v in (0..kernel[1]).step_by(taps) {
            let tap = v * dilation[1] * self.lanes_in;
            let offsets = (0..images).map(|image| Offsets {
                a: image * input.image_len() + first_a + tap,
                b: image * slope.image_len() + first_b,
                c: v * self.lanes_in * columns,
            });
            debug_assert!(piece_blocks * piece_rows * columns == gradient.len());
            let next = if v + taps < kernel[1] {
                Offsets { a: first_a + tap + taps * dilation[1] * self.lanes_in, b: first_b, c: 0 }
            } else {
                let (a, b, _) = place(piece + 1);
                Offsets { a, b, c: 0 }
            };
            product.run_before(self.isa, offsets, Some(next), [inputs, slopes], gradient);
        }
    }

    fn finish_weight_gradient(&self, pieces: &[f32], gradient: &mut [f32]) {
        let [kernel_height, kernel_width] = self.tiling.geometry.kernel;
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
