//! Direct convolution: matrix products that read the staged maps where they lie, with no transform and no copy of taps.
//!
//! Forward, the rows of the product are output pixels and its inner dimension runs over taps and input channels. For
//! the input's gradient every tap is one product added to a shifted window; for the weight gradient the inner dimension
//! runs over pixels.

mod forward;
mod packing;
mod pieces;

use crate::convolution::ConvGeometry;
use crate::convolution::product::{LeftStrides, Offsets, Operands, Product, ResultStrides, Right, Store};
use crate::convolution::product::{pair_at_distance, pair_neighbours, pair_rows};
use crate::convolution::staging::OutputBand;
use crate::convolution::staging::StageShape;
use crate::convolution::staging::{ForwardOperand, LiftedBand, Lowering};
use crate::convolution::staging::{Tiling, TilingRequest};
use crate::cpu::{Isa, LANES};
use crate::engine::Engine;
use crate::memory::{Scratch, Weights};
use crate::windows::Padding;
use forward::Target;

/// Output pixels of a band: the inner dimension of the weight gradient, whose panels then fit the first-level cache.
const BAND_PIXELS: usize = 128;
/// Elements of the weight panel that one product may read: beyond this (28 KiB) it leaves the first-level cache, and
/// the taps of a row are multiplied one by one. Counted for panels of [`PANEL_VECTORS`] on every instruction set, as it
/// decides the order of summation.
const PANEL_ELEMENTS: usize = 7 << 10;
/// Vectors of output channels in the panels that [`PANEL_ELEMENTS`] is about.
const PANEL_VECTORS: usize = 3;

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
    /// Parts of the output channels whose weights are packed, and multiplied, one after the other.
    parts: usize,
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
        let (piece_vectors, piece_blocks) = pieces::size(engine.isa(), geometry, [blocks_in, blocks_out]);
        Self {
            isa: engine.isa(),
            operands,
            tiling,
            channels_in,
            channels_out,
            lanes_in,
            blocks_in,
            blocks_out,
            parts: 1,
            taps_together,
            piece_vectors,
            piece_blocks,
            forward: None,
            backward: None,
        }
    }

    /// With output channels in so many parts of whole blocks.
    pub(crate) fn in_parts(self, parts: usize) -> Self {
        assert!(
            parts == 1 || self.channels_out.is_multiple_of(parts * LANES),
            "{} channels in {parts} parts",
            self.channels_out
        );
        Self { parts, ..self }
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

    /// Shape of a band of the output's gradient as it is kept.
    fn kept_slope(&self) -> StageShape {
        let slope = self.output_stage();
        StageShape { columns: slope.columns.div_ceil(self.operands.values()), ..slope }
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
        let result = self.output_stage();
        let strides = ResultStrides { block: result.row_len(), row: LANES, vector: result.block_len() };
        let part_len = self.blocks_out / self.parts * result.block_len();
        for index in 0..self.products().count {
            for part in 0..self.parts {
                let target = Target {
                    images: [result.images, result.image_len()],
                    rows: result.rows,
                    strides,
                    store: if index == 0 { Store::Replace } else { Store::Add },
                };
                let output = &mut output[part * part_len..];
                self.multiply_part([index, part], self.left(), lifted, target, output);
            }
        }
    }

    /// One product must add up all taps and channels.
    fn fills_map(&self, _rows: usize, spread: [usize; 2]) -> bool {
        self.products().count == 1
            && self.channels_out.is_multiple_of(LANES)
            && self.parts == spread[0] * spread[1]
    }

    /// A 1×1 convolution of whole blocks finds its operand in the map.
    fn reads_map(&self) -> bool {
        let ConvGeometry { kernel, stride, padding, .. } = self.tiling.geometry;
        self.operands == Operands::Singles
            && (kernel, stride, padding) == ([1, 1], [1, 1], Padding::NONE)
            && self.channels_in.is_multiple_of(LANES)
    }

    fn multiply_into_map(&self, operand: ForwardOperand<'_>, _workspace: &mut [f32], band: OutputBand<'_>) {
        let OutputBand { images, rows, columns, channels, spread, bias, rectify, output } = band;
        assert!(
            columns == self.tiling.width_out && rows <= self.tiling.rows_out,
            "{rows} rows of {columns} outputs in a band of {:?}",
            self.tiling
        );
        let ([tall, wide], pixel) = (spread, channels.total / self.parts);
        let row_len = columns * wide * pixel;
        let (lifted, left) = match operand {
            ForwardOperand::Lifted(lifted) => (lifted, self.left()),
            ForwardOperand::Map(map) => (map, self.left_in_map()),
        };
        let count = channels.count / self.parts;
        for (part, bias) in bias.chunks_exact(count).enumerate().take(self.parts) {
            let target = Target {
                images: [images, rows * tall * row_len],
                rows,
                strides: ResultStrides { block: tall * row_len, row: wide * pixel, vector: LANES },
                store: Store::Finish { bias, rectify },
            };
            let start = part / wide * row_len + part % wide * pixel + channels.first / self.parts;
            self.multiply_part([0, part], left, lifted, target, &mut output[start..]);
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
        (self.piece_shape().iter().product(), self.pieces())
    }

    fn weight_gradient(&self, piece: usize, inputs: &[f32], slopes: &[f32], gradient: &mut [f32]) {
        self.add_to_piece(piece, inputs, slopes, gradient);
    }

    fn finish_weight_gradient(&self, pieces: &[f32], gradient: &mut [f32]) {
        self.join_pieces(pieces, gradient);
    }
}
