//! Winograd convolution, forward and as the exact adjoint backward.
//!
//! Forward, `Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)] A` per tile, summed over input channels before `Aᵀ · A`: for every position of
//! the transformed tile one matrix product of tiles by channels. Backward reads the same formula from right to left:
//! `M = A dY Aᵀ` is computed once and serves both `dW = Gᵀ[Σ Vᵀ M] G` and `dX += B [M Uᵀ] Bᵀ`.
//!
//! Source: Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016; the interpolation points of
//! [`points`] are our own choice.

mod axis;
mod into_map;
mod line;
mod planes;
mod points;
mod scheme;
mod tile_map;
mod transform;
mod weights;

pub use scheme::Scheme;

use crate::convolution::ConvGeometry;
use crate::convolution::direct::Passes;
use crate::convolution::product::{LeftStrides, Offsets, Operands, Product, ResultStrides, Right, Store};
use crate::convolution::product::{pair_neighbours, pair_rows};
use crate::convolution::staging::OutputBand;
use crate::convolution::staging::StageShape;
use crate::convolution::staging::{ForwardOperand, LiftedBand, Lowering};
use crate::convolution::staging::{Tiling, TilingRequest};
use crate::cpu::{LANES, dispatch, dispatch_bfloat16};
use crate::engine::Engine;
use crate::memory::{Scratch, Weights};
use into_map::LowerIntoMap;
use planes::{BothPairs, Neighbours, PairsOfTiles, Values};
use transform::{Direction, Lift, Lower, Tiles};

/// Elements by which planes are spaced apart beyond their size: without it their distance tends to be a multiple of
/// 4 KiB, and the stores of a tile, one to every plane, would fall into the same sets of the cache.
const PLANE_SPACING: usize = 16;
/// Elements of lifted input and output of a band that fit the second-level cache (384 KiB).
const BAND_ELEMENTS: usize = 96 << 10;
/// Fewest and most tiles of a band: with fewer the weights are read too often, with more nothing improves.
const BAND_TILES: [usize; 2] = [16, 64];
/// Tiles that one product of the weight gradient sums over: panels of both operands then share the first-level cache.
const TILES_TOGETHER: usize = 128;

/// Weights and sizes of one Winograd convolution of one channel group.
pub(crate) struct Winograd<'e> {
    engine: &'e Engine,
    operands: Operands,
    scheme: Scheme,
    tiling: Tiling,
    channels_in: usize,
    channels_out: usize,
    blocks_in: usize,
    blocks_out: usize,
    /// Tiles of a band.
    tiles: usize,
    forward: Option<Weights<'e>>,
    backward: Option<Scratch<'e>>,
}

impl<'e> Winograd<'e> {
    /// The convolution of one group of a valid geometry that suits `scheme`, in at least `bands` bands if it can be; its weights are still to come.
    pub(crate) fn new(
        engine: &'e Engine,
        scheme: Scheme,
        geometry: &ConvGeometry,
        output: [usize; 2],
        bands: usize,
    ) -> Self {
        assert!(scheme.suits(geometry), "{scheme:?} does not compute {geometry:?}");
        let (channels_in, channels_out) =
            (geometry.channels_in / geometry.groups, geometry.channels_out / geometry.groups);
        let (blocks_in, blocks_out) = (channels_in.div_ceil(LANES), channels_out.div_ceil(LANES));
        let tile = scheme.tile_out();
        let elements = scheme.planes() * (blocks_in + blocks_out) * LANES;
        let tiles = (BAND_ELEMENTS / elements).clamp(BAND_TILES[0], BAND_TILES[1]);
        let request = TilingRequest { tile, pixels: tiles * tile[0] * tile[1], bands };
        let tiling = Tiling::new(geometry, output[0], output[1], request);
        let tiles = tiling.images * (tiling.rows_out / tile[0]) * (tiling.columns_out / tile[1]);
        Self {
            engine,
            operands: Operands::of(engine.accuracy()),
            scheme,
            tiling,
            channels_in,
            channels_out,
            blocks_in,
            blocks_out,
            tiles,
            forward: None,
            backward: None,
        }
    }

    /// Transforms the weights of the group, `[C_out/groups, C_in/groups, KH, KW]`.
    pub(crate) fn prepare(&mut self, weight: &[f32], passes: Passes) {
        let channels = [self.channels_out, self.channels_in];
        let transform =
            |orientation| weights::transform(self.engine, self.scheme, channels, weight, orientation);
        match passes {
            Passes::Forward => {
                self.forward = Some(Weights::Made(transform(weights::Orientation::Forward)));
            }
            Passes::WeightGradient => {}
            Passes::InputGradient => self.backward = Some(transform(weights::Orientation::Adjoint)),
        }
    }

    /// Takes weights for the forward pass that [`Self::prepare`] made earlier.
    pub(crate) fn take_forward(&mut self, prepared: &'e [f32]) {
        self.forward = Some(Weights::Kept(prepared));
    }

    /// Elements of one plane of lifted tiles: a position of the transformed tile, all blocks and tiles of a band.
    const fn plane(&self, blocks: usize) -> usize {
        blocks * self.tiles * LANES + PLANE_SPACING
    }

    const fn planes(&self) -> usize {
        self.scheme.planes()
    }

    /// The tiles of a band between a stage and planes of values.
    const fn tiles(&self, stage: StageShape, direction: Direction) -> Tiles {
        Tiles { scheme: self.scheme, stage, tiles: self.tiles, plane: self.plane(stage.blocks), direction }
    }

    /// Rows of tiles of an operand's plane: tiles, or pairs of them.
    const fn operand_tiles(&self) -> usize {
        self.tiles.div_ceil(self.operands.values())
    }

    /// Elements of one plane of an operand: of values, or of pairs of either kind.
    const fn operand_plane(&self, blocks: usize) -> usize {
        blocks * self.operand_tiles() * LANES + PLANE_SPACING
    }

    /// Lifts a band to the operands that are wanted.
    fn lift(&self, shape: StageShape, direction: Direction, stage: &[f32], operands: LiftedBand<'_>) {
        let (isa, values, blocks) = (self.engine.isa(), self.tiles(shape, direction), shape.blocks);
        let pairs = Tiles { plane: self.operand_plane(blocks), ..values };
        let LiftedBand { multiplied, kept } = operands;
        match (self.operands, multiplied, kept) {
            (_, None, None) => {}
            (Operands::Singles, Some(planes), None) | (Operands::Singles, None, Some(planes)) => {
                dispatch(isa, Lift { tiles: values, stage, planes: Values(planes) });
            }
            (Operands::Singles, Some(_), Some(_)) => panic!("values are lifted once for both uses"),
            (Operands::Pairs, multiplied, kept) if isa.multiplies_bfloat16() && pairs.come_in_pairs() => {
                match (multiplied, kept) {
                    (Some(neighbours), Some(tiles)) => {
                        let planes = BothPairs { neighbours, tiles };
                        dispatch_bfloat16(isa, Lift { tiles: pairs, stage, planes });
                    }
                    (Some(planes), None) => {
                        dispatch_bfloat16(isa, Lift { tiles: pairs, stage, planes: Neighbours(planes) });
                    }
                    (None, Some(planes)) => {
                        dispatch_bfloat16(isa, Lift { tiles: pairs, stage, planes: PairsOfTiles(planes) });
                    }
                    (None, None) => {}
                }
            }
            (Operands::Pairs, multiplied, kept) => {
                let mut lifted = self.engine.scratch().take(self.planes() * values.plane);
                dispatch(isa, Lift { tiles: values, stage, planes: Values(&mut lifted) });
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

    /// One product per plane: tiles by channels of `from` blocks, times weights, gives tiles by channels of `to` blocks.
    fn multiply_planes(&self, [from, to]: [usize; 2], lifted: &[f32], weights: &[f32], result: &mut [f32]) {
        let values = self.operands.values();
        let (steps, plane) = (LANES / values, self.operand_plane(from));
        let weight_len = from * steps * to * LANES;
        let product = Product {
            operands: self.operands,
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

impl Lowering for Winograd<'_> {
    fn lifted_is_stage(&self) -> bool {
        false
    }

    fn operands(&self) -> Operands {
        self.operands
    }

    fn tiling(&self) -> &Tiling {
        &self.tiling
    }

    fn input_stage(&self) -> StageShape {
        let Tiling { images, rows_in: rows, columns_in: columns, .. } = self.tiling;
        StageShape { images, blocks: self.blocks_in, rows, columns, lanes: LANES }
    }

    fn output_stage(&self) -> StageShape {
        let Tiling { images, rows_out: rows, columns_out: columns, .. } = self.tiling;
        StageShape { images, blocks: self.blocks_out, rows, columns, lanes: LANES }
    }

    fn input_gradient_stage(&self) -> StageShape {
        self.input_stage()
    }

    fn lifted_input_len(&self) -> usize {
        self.planes() * self.plane(self.blocks_in)
    }

    fn lifted_slope_len(&self) -> usize {
        self.planes() * self.plane(self.blocks_out)
    }

    fn multiplied_input_len(&self) -> usize {
        self.kept_input_len()
    }

    fn multiplied_slope_len(&self) -> usize {
        self.kept_slope_len()
    }

    fn kept_input_len(&self) -> usize {
        self.planes() * self.operand_plane(self.blocks_in)
    }

    fn kept_slope_len(&self) -> usize {
        self.planes() * self.operand_plane(self.blocks_out)
    }

    fn workspace_len(&self) -> usize {
        self.planes() * self.plane(self.blocks_in.max(self.blocks_out))
    }

    fn lift_input(&self, stage: &[f32], operands: LiftedBand<'_>) {
        self.lift(self.input_stage(), Direction::Input, stage, operands);
    }

    fn lift_slope(&self, stage: &[f32], operands: LiftedBand<'_>) {
        self.lift(self.output_stage(), Direction::Output, stage, operands);
    }

    fn forward_weights(&self) -> &[f32] {
        match &self.forward {
            Some(weights) => weights,
            None => panic!("the weights are not prepared for the forward pass"),
        }
    }

    fn multiply(&self, lifted: &[f32], workspace: &mut [f32], output: &mut [f32]) {
        let weights = self.forward_weights();
        self.multiply_planes([self.blocks_in, self.blocks_out], lifted, weights, workspace);
        let tiles = self.tiles(self.output_stage(), Direction::Output);
        dispatch(self.engine.isa(), Lower { tiles, planes: workspace, stage: output });
    }

    fn fills_map(&self, rows: usize, spread: [usize; 2]) -> bool {
        let ([height, width], columns) = (self.scheme.tile_out(), self.tiling.width_out);
        spread == [1, 1]
            && rows.is_multiple_of(height)
            && columns.is_multiple_of(width)
            && self.channels_out.is_multiple_of(LANES)
    }

    fn multiply_into_map(&self, operand: ForwardOperand<'_>, workspace: &mut [f32], band: OutputBand<'_>) {
        let ForwardOperand::Lifted(lifted) = operand else {
            panic!("a map is lifted before it is multiplied")
        };
        let (scheme, blocks, tiles) = (self.scheme, self.blocks_out, self.tiles);
        let plane = self.plane(blocks);
        self.multiply_planes([self.blocks_in, blocks], lifted, self.forward_weights(), workspace);
        dispatch(self.engine.isa(), LowerIntoMap { scheme, blocks, tiles, plane, planes: workspace, band });
    }

    fn input_gradient(&self, lifted: &[f32], workspace: &mut [f32], gradient: &mut [f32]) {
        let Some(weights) = &self.backward else {
            panic!("the weights are not prepared for the input's gradient")
        };
        self.multiply_planes([self.blocks_out, self.blocks_in], lifted, weights, workspace);
        let tiles = self.tiles(self.input_stage(), Direction::Input);
        dispatch(self.engine.isa(), Lower { tiles, planes: workspace, stage: gradient });
    }

    fn weight_pieces(&self) -> (usize, usize) {
        (weights::piece_len(self.channels_in, self.channels_out), self.scheme.distinct_weights())
    }

    fn weight_gradient(&self, piece: usize, inputs: &[f32], slopes: &[f32], gradient: &mut [f32]) {
        let (input_len, slope_len) = (self.kept_input_len(), self.kept_slope_len());
        let (bands, steps) = (inputs.len() / input_len, self.operand_tiles());
        let together = (TILES_TOGETHER / self.tiles).max(1).min(bands);
        let product = |segments: usize| Product {
            operands: self.operands,
            blocks: self.blocks_in,
            rows: LANES,
            vectors: self.blocks_out,
            segments,
            steps,
            a: LeftStrides { block: steps * LANES, row: 1, segment: input_len, step: LANES },
            b: Right::Strided { segment: slope_len, step: LANES, vector: steps * LANES },
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
            b: first * slope_len + plane * self.operand_plane(self.blocks_out),
            c: 0,
        };
        let whole = bands / together * together;
        let batch = (0..whole)
            .step_by(together)
            .flat_map(|first| planes(piece).map(move |plane| offsets(first, plane)));
        let next_piece = planes(piece + 1).next().map(|plane| offsets(0, plane));
        product(together).run_before(self.engine.isa(), batch, next_piece, [inputs, slopes], gradient);
        if whole < bands {
            let rest = planes(piece).map(|plane| offsets(whole, plane));
            product(bands - whole).run(self.engine.isa(), rest, inputs, slopes, gradient);
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
