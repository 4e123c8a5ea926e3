//! A Winograd convolution as an algorithm on staged bands.

use super::into_map::LowerIntoMap;
use super::planes::{AsNeighbours, AsPairsOfTiles, AsValues, BothPairs, OneForm};
use super::scheme::Scheme;
use super::transform::{Direction, Lift, Lower, Tiles};
use super::weights::{self, Orientation};
use crate::convolution::geometry::ConvGeometry;
use crate::convolution::product::{
    LeftStrides, Offsets, Operands, Product, ResultStrides, Right, Store, pair_neighbours, pair_rows,
};
use crate::convolution::staging::{
    BandLengths, Bands, ForwardOperand, LiftedBand, Lowering, OutputBand, StageShape, Tiling, TilingRequest,
};
use crate::cpu::{LANES, dispatch, dispatch_bfloat16};
use crate::engine::Engine;
use crate::memory::Scratch;

/// Elements by which planes are spaced apart beyond their size: without it their distance tends to be a multiple of
/// 4 KiB, and the stores of a tile, one to every plane, would fall into the same sets of the cache.
const PLANE_SPACING: usize = 16;
/// Elements of lifted input and output of a band that fit the second-level cache (384 KiB).
const BAND_ELEMENTS: usize = 96 << 10;
/// Fewest and most tiles of a band: with fewer the weights are read too often, with more nothing improves.
const BAND_TILES: [usize; 2] = [16, 64];
/// Tiles that one product of the weight gradient sums over: panels of both operands then share the first-level cache.
const TILES_TOGETHER: usize = 128;

/// Sizes of one Winograd convolution of one channel group.
pub(crate) struct Winograd<'e> {
    engine: &'e Engine,
    scheme: Scheme,
    bands: Bands,
    channels_in: usize,
    channels_out: usize,
    blocks_in: usize,
    blocks_out: usize,
    /// Tiles of a band.
    tiles: usize,
}

impl<'e> Winograd<'e> {
    /// Creates the convolution of one group of a valid geometry that suits `scheme`, in at least `bands` bands if it can be.
    pub(crate) fn new(engine: &'e Engine, scheme: Scheme, geometry: &ConvGeometry, bands: usize) -> Self {
        assert!(scheme.suits(geometry), "{scheme:?} does not compute {geometry:?}");
        let [channels_in, channels_out] = geometry.group_channels();
        let (blocks_in, blocks_out) = (channels_in.div_ceil(LANES), channels_out.div_ceil(LANES));
        let tile = scheme.tile_out();
        let elements = scheme.planes() * (blocks_in + blocks_out) * LANES;
        let tiles = (BAND_ELEMENTS / elements).clamp(BAND_TILES[0], BAND_TILES[1]);
        let request = TilingRequest { tile, pixels: tiles * tile[0] * tile[1], bands };
        let tiling = Tiling::new(geometry, request);
        let tiles = tiling.images * (tiling.rows_out / tile[0]) * (tiling.columns_out / tile[1]);
        let operands = Operands::of(engine.accuracy());
        let input_stage = tiling.input_stage(blocks_in, LANES);
        let planes = |blocks, tiles| scheme.planes() * plane(blocks, tiles);
        let both =
            |tiles| BandLengths { input: planes(blocks_in, tiles), gradient: planes(blocks_out, tiles) };
        let operand = both(tiles.div_ceil(operands.values()));
        let bands = Bands {
            tiling,
            operands,
            input_stage,
            output_stage: tiling.output_stage(blocks_out),
            input_gradient_stage: input_stage,
            lifted_is_stage: false,
            lifted: both(tiles),
            multiplied: operand,
            kept: operand,
            workspace: planes(blocks_in.max(blocks_out), tiles),
        };
        Self { engine, scheme, bands, channels_in, channels_out, blocks_in, blocks_out, tiles }
    }

    /// Transforms the weights of the group, `[C_out/groups, C_in/groups, KH, KW]`.
    fn transform<'s>(&self, engine: &'s Engine, weight: &[f32], orientation: Orientation) -> Scratch<'s> {
        weights::transform(engine, self.scheme, [self.channels_out, self.channels_in], weight, orientation)
    }

    /// Returns the number of elements of one plane of lifted tiles: a position of the transformed tile, all blocks and tiles of a band.
    const fn plane(&self, blocks: usize) -> usize {
        plane(blocks, self.tiles)
    }

    const fn planes(&self) -> usize {
        self.scheme.planes()
    }

    /// Returns the tiles of a band between a stage and planes of values.
    const fn tiles(&self, stage: StageShape, direction: Direction) -> Tiles {
        Tiles { scheme: self.scheme, stage, tiles: self.tiles, plane: self.plane(stage.blocks), direction }
    }

    /// Returns the number of rows of tiles of an operand's plane: tiles, or pairs of them.
    const fn operand_tiles(&self) -> usize {
        self.tiles.div_ceil(self.bands.operands.values())
    }

    /// Returns the number of elements of one plane of an operand: of values, or of pairs of either kind.
    const fn operand_plane(&self, blocks: usize) -> usize {
        plane(blocks, self.operand_tiles())
    }

    /// Lifts a band to the operands that are wanted.
    fn lift(&self, shape: StageShape, direction: Direction, stage: &[f32], operands: LiftedBand<'_>) {
        let (isa, values, blocks) = (self.engine.isa(), self.tiles(shape, direction), shape.blocks);
        let pairs = Tiles { plane: self.operand_plane(blocks), ..values };
        let LiftedBand { multiplied, kept } = operands;
        match (self.bands.operands, multiplied, kept) {
            (_, None, None) => {}
            (Operands::Singles, Some(planes), None) | (Operands::Singles, None, Some(planes)) => {
                dispatch(isa, Lift { tiles: values, stage, planes: OneForm(planes, AsValues) });
            }
            (Operands::Singles, Some(_), Some(_)) => panic!("values are lifted once for both uses"),
            (Operands::Pairs, multiplied, kept) if isa.multiplies_bfloat16() && pairs.come_in_pairs() => {
                match (multiplied, kept) {
                    (Some(neighbours), Some(tiles)) => {
                        let planes = BothPairs { neighbours, tiles };
                        dispatch_bfloat16(isa, Lift { tiles: pairs, stage, planes });
                    }
                    (Some(planes), None) => {
                        dispatch_bfloat16(
                            isa,
                            Lift { tiles: pairs, stage, planes: OneForm(planes, AsNeighbours) },
                        );
                    }
                    (None, Some(planes)) => {
                        dispatch_bfloat16(
                            isa,
                            Lift { tiles: pairs, stage, planes: OneForm(planes, AsPairsOfTiles) },
                        );
                    }
                    (None, None) => {}
                }
            }
            (Operands::Pairs, multiplied, kept) => {
                let mut lifted = self.engine.scratch().take(self.planes() * values.plane);
                dispatch(isa, Lift { tiles: values, stage, planes: OneForm(&mut lifted, AsValues) });
                let (len, pairs_len) = (blocks * self.tiles * LANES, blocks * self.operand_tiles() * LANES);
                let lifted = || lifted.chunks_exact(values.plane).map(|plane| &plane[..len]);
                for (from, to) in
                    lifted().zip(multiplied.into_iter().flat_map(|to| to.chunks_exact_mut(pairs.plane)))
                {
                    pair_neighbours(isa, from, &mut to[..len / 2]);
                }
                for (from, to) in
                    lifted().zip(kept.into_iter().flat_map(|to| to.chunks_exact_mut(pairs.plane)))
                {
                    pair_rows(isa, from, [self.tiles, LANES], &mut to[..pairs_len]);
                }
            }
        }
    }

    /// Computes one product per plane: tiles by channels of `from` blocks, times weights, gives tiles by channels of `to` blocks.
    fn multiply_planes(&self, [from, to]: [usize; 2], lifted: &[f32], weights: &[f32], result: &mut [f32]) {
        let values = self.bands.operands.values();
        let (steps, plane) = (LANES / values, self.operand_plane(from));
        let weight_len = from * steps * to * LANES;
        let product = Product {
            operands: self.bands.operands,
            blocks: 1,
            rows: self.tiles,
            vectors: to,
            segments: from,
            steps,
            a: LeftStrides { block: 0, row: steps, segment: self.tiles * steps, step: 1 },
            b: Right::Packed,
            c: ResultStrides { block: 0, row: LANES, vector: self.tiles * LANES },
            store: Store::Replace,
        };
        let offsets = (0..self.planes()).map(|index| Offsets {
            a: index * plane,
            b: self.scheme.weight_of_plane(index) * weight_len,
            c: index * self.plane(to),
        });
        product.run(self.engine.isa(), offsets, lifted, weights, result);
    }
}

/// Returns the number of elements of one plane of so many blocks and rows of tiles.
const fn plane(blocks: usize, tiles: usize) -> usize {
    blocks * tiles * LANES + PLANE_SPACING
}

impl Lowering for Winograd<'_> {
    fn bands(&self) -> &Bands {
        &self.bands
    }

    fn lift_input(&self, stage: &[f32], operands: LiftedBand<'_>) {
        self.lift(self.bands.input_stage, Direction::Input, stage, operands);
    }

    fn lift_gradient(&self, stage: &[f32], operands: LiftedBand<'_>) {
        self.lift(self.bands.output_stage, Direction::Output, stage, operands);
    }

    fn pack_forward<'s>(&self, engine: &'s Engine, weight: &[f32]) -> Scratch<'s> {
        self.transform(engine, weight, Orientation::Forward)
    }

    fn pack_adjoint<'s>(&self, engine: &'s Engine, weight: &[f32]) -> Scratch<'s> {
        self.transform(engine, weight, Orientation::Adjoint)
    }

    fn multiply(&self, weights: &[f32], lifted: &[f32], workspace: &mut [f32], output: &mut [f32]) {
        self.multiply_planes([self.blocks_in, self.blocks_out], lifted, weights, workspace);
        let tiles = self.tiles(self.bands.output_stage, Direction::Output);
        dispatch(self.engine.isa(), Lower { tiles, planes: workspace, stage: output });
    }

    fn fills_map(&self, rows: usize, spread: [usize; 2]) -> bool {
        let ([height, width], columns) = (self.scheme.tile_out(), self.bands.tiling.width_out);
        spread == [1, 1]
            && rows.is_multiple_of(height)
            && columns.is_multiple_of(width)
            && self.channels_out.is_multiple_of(LANES)
    }

    fn multiply_into_map(
        &self,
        weights: &[f32],
        operand: ForwardOperand<'_>,
        workspace: &mut [f32],
        band: OutputBand<'_>,
    ) {
        let ForwardOperand::Lifted(lifted) = operand else {
            panic!("a map is lifted before it is multiplied")
        };
        let (scheme, blocks, tiles) = (self.scheme, self.blocks_out, self.tiles);
        let plane = self.plane(blocks);
        self.multiply_planes([self.blocks_in, blocks], lifted, weights, workspace);
        dispatch(self.engine.isa(), LowerIntoMap { scheme, blocks, tiles, plane, planes: workspace, band });
    }

    fn input_gradient(&self, weights: &[f32], lifted: &[f32], workspace: &mut [f32], gradient: &mut [f32]) {
        self.multiply_planes([self.blocks_out, self.blocks_in], lifted, weights, workspace);
        let tiles = self.tiles(self.bands.input_stage, Direction::Input);
        dispatch(self.engine.isa(), Lower { tiles, planes: workspace, stage: gradient });
    }

    fn weight_pieces(&self) -> (usize, usize) {
        (weights::piece_len(self.channels_in, self.channels_out), self.scheme.distinct_weights())
    }

    fn weight_gradient(&self, piece: usize, inputs: &[f32], dz: &[f32], gradient: &mut [f32]) {
        let (input_len, gradient_len) = (self.bands.kept.input, self.bands.kept.gradient);
        let (bands, steps) = (inputs.len() / input_len, self.operand_tiles());
        let together = (TILES_TOGETHER / self.tiles).max(1).min(bands);
        let product = |segments: usize| Product {
            operands: self.bands.operands,
            blocks: self.blocks_in,
            rows: LANES,
            vectors: self.blocks_out,
            segments,
            steps,
            a: LeftStrides { block: steps * LANES, row: 1, segment: input_len, step: LANES },
            b: Right::Strided { segment: gradient_len, step: LANES, vector: steps * LANES },
            c: ResultStrides {
                block: LANES * self.blocks_out * LANES,
                row: self.blocks_out * LANES,
                vector: LANES,
            },
            store: Store::Add,
        };
        // Planes that share a weight are added up here, and the bands in order.
        let planes = |piece: usize| {
            (0..self.planes()).filter(move |&plane| self.scheme.weight_of_plane(plane) == piece)
        };
        let offsets = |first: usize, plane: usize| Offsets {
            a: first * input_len + plane * self.operand_plane(self.blocks_in),
            b: first * gradient_len + plane * self.operand_plane(self.blocks_out),
            c: 0,
        };
        let whole = bands / together * together;
        let batch = (0..whole)
            .step_by(together)
            .flat_map(|first| planes(piece).map(move |plane| offsets(first, plane)));
        let next_piece = planes(piece + 1).next().map(|plane| offsets(0, plane));
        product(together).run_before(self.engine.isa(), batch, next_piece, [inputs, dz], gradient);
        if whole < bands {
            let rest = planes(piece).map(|plane| offsets(whole, plane));
            product(bands - whole).run(self.engine.isa(), rest, inputs, dz, gradient);
        }
    }

    fn finish_weight_gradient(&self, pieces: &[f32], gradient: &mut [f32]) {
        weights::finish_gradient(
            self.engine.isa(),
            self.scheme,
            [self.channels_out, self.channels_in],
            pieces,
            gradient,
        );
    }
}
