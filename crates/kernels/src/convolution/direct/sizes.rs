//! The sizes of a direct convolution of one channel group.

use crate::convolution::geometry::ConvGeometry;
use crate::convolution::product::Operands;
use crate::convolution::staging::{BandLengths, Bands, StageShape, Tiling, TilingRequest};
use crate::cpu::{Isa, LANES};
use crate::engine::Engine;

/// Output pixels of a band: the inner dimension of the weight gradient, whose panels then fit the first-level cache.
const BAND_PIXELS: usize = 128;
/// Elements of the weight panel that one product may read: beyond this (28 KiB) it leaves the first-level cache, and
/// the taps of a row are multiplied one by one. Counted for panels of [`PANEL_VECTORS`] on every instruction set, as it
/// decides the order of summation.
const PANEL_ELEMENTS: usize = 7 << 10;
/// Vectors of output channels in the panels of [`PANEL_ELEMENTS`].
const PANEL_VECTORS: usize = 3;

/// Wide vectors of output channels in one piece of the weight gradient: the widest register tile.
const PIECE_WIDE_VECTORS: usize = 3;
/// Most input blocks in one piece of the weight gradient: all of them are multiplied by a panel of output channels while it lies in the
/// first-level cache.
const PIECE_BLOCKS: usize = 4;
/// Pieces of the weight gradient that several threads can share; with fewer, pieces take fewer blocks.
const PIECES: usize = 24;

/// Sizes of one direct convolution of one channel group.
pub(crate) struct Direct {
    pub(super) isa: Isa,
    pub(super) bands: Bands,
    pub(super) channels_in: usize,
    pub(super) channels_out: usize,
    /// Channels of a block of the staged input.
    pub(super) lanes_in: usize,
    pub(super) blocks_in: usize,
    pub(super) blocks_out: usize,
    /// Parts of the output channels whose weights are packed, and multiplied, one after the other.
    pub(super) parts: usize,
    /// Taps of a kernel row that one product covers: all of them where they are adjacent and the panel stays small.
    pub(super) taps_together: usize,
    /// Vectors of output channels in one piece of the weight gradient.
    pub(super) piece_vectors: usize,
    /// Input blocks in one piece of the weight gradient.
    pub(super) piece_blocks: usize,
}

/// The products of a forward pass: their number, the two levels of their inner dimension, and where segments lie.
pub(super) struct Products {
    pub(super) count: usize,
    pub(super) segments: usize,
    pub(super) steps: usize,
    pub(super) segment_stride: usize,
}

impl Direct {
    /// Creates the convolution of one group of a valid geometry, in at least `bands` bands if it can be.
    pub(crate) fn new(engine: &Engine, geometry: &ConvGeometry, bands: usize) -> Self {
        let tiling = Tiling::new(geometry, TilingRequest { tile: [1; 2], pixels: BAND_PIXELS, bands });
        let [channels_in, channels_out] = geometry.group_channels();
        let operands = Operands::of(engine.accuracy());
        let lanes_in = channels_in.min(LANES).next_multiple_of(operands.values());
        let blocks_in = channels_in.div_ceil(lanes_in);
        let panel = blocks_in * geometry.kernel[1] * lanes_in * PANEL_VECTORS * LANES;
        let adjacent = geometry.dilation[1] == 1;
        let taps_together = if adjacent && panel <= PANEL_ELEMENTS { geometry.kernel[1] } else { 1 };
        let blocks_out = channels_out.div_ceil(LANES);
        let bands = bands_of(tiling, operands, [channels_in, lanes_in], [blocks_in, blocks_out]);
        let (piece_vectors, piece_blocks) = piece_size(engine.isa(), geometry, [blocks_in, blocks_out]);
        Self {
            isa: engine.isa(),
            bands,
            channels_in,
            channels_out,
            lanes_in,
            blocks_in,
            blocks_out,
            parts: 1,
            taps_together,
            piece_vectors,
            piece_blocks,
        }
    }

    /// Divides the output channels into so many parts of whole blocks.
    pub(crate) fn in_parts(self, parts: usize) -> Self {
        assert!(
            parts == 1 || self.channels_out.is_multiple_of(parts * LANES),
            "{} channels in {parts} parts",
            self.channels_out
        );
        Self { parts, ..self }
    }

    /// Returns how the forward pass is cut into products.
    pub(super) fn products(&self) -> Products {
        let (input, ConvGeometry { kernel, dilation, .. }) =
            (self.bands.input_stage, self.bands.tiling.geometry);
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

    /// Returns the shape of a band of the output's gradient as it is kept.
    pub(super) const fn kept_gradient(&self) -> StageShape {
        kept_gradient(&self.bands.output_stage, self.bands.operands)
    }
}

/// Returns the shape of a band of the output's gradient as it is kept.
const fn kept_gradient(output: &StageShape, operands: Operands) -> StageShape {
    StageShape { columns: output.columns.div_ceil(operands.values()), ..*output }
}

/// Returns the bands, for so many input channels and lanes of a block of them, and so many blocks of input and output.
fn bands_of(
    tiling: Tiling,
    operands: Operands,
    [channels_in, lanes_in]: [usize; 2],
    [blocks_in, blocks_out]: [usize; 2],
) -> Bands {
    let input_stage = tiling.input_stage(blocks_in, lanes_in);
    let output_stage = tiling.output_stage(blocks_out);
    let (lifted, values) =
        (BandLengths { input: input_stage.len(), gradient: output_stage.len() }, operands.values());
    Bands {
        tiling,
        operands,
        input_stage,
        output_stage,
        input_gradient_stage: tiling.input_stage(channels_in.div_ceil(LANES), LANES),
        lifted_is_stage: operands == Operands::Singles,
        lifted,
        multiplied: BandLengths { input: lifted.input / values, gradient: lifted.gradient / values },
        kept: BandLengths { input: lifted.input, gradient: kept_gradient(&output_stage, operands).len() },
        workspace: 0,
    }
}

/// Returns the vectors of output channels and input blocks in one piece, for so many blocks of input and output.
fn piece_size(isa: Isa, geometry: &ConvGeometry, [blocks_in, blocks_out]: [usize; 2]) -> (usize, usize) {
    let vectors = PIECE_WIDE_VECTORS * isa.wide_vectors();
    let pieces = geometry.kernel[0] * blocks_in * blocks_out.div_ceil(vectors);
    (vectors, (pieces / PIECES).clamp(1, PIECE_BLOCKS))
}
