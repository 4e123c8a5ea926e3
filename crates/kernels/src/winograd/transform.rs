//! Two-dimensional tile transforms between staged maps and planes of lifted tiles.
//!
//! Planes are `[row of the tile][column of the tile][block][tile][lane]`: for every position of the transformed tile a
//! matrix of tiles by channels.

use super::points::{Five, Four, Points, Six};
use super::scheme::Scheme;
use crate::blocked::StageShape;
use crate::simd::{Arithmetic, Kernel, LANES, Simd, Single, Wide};

/// Which of the two maps of a convolution the tiles belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// The input or its gradient: overlapping tiles of `tile_in` pixels.
    Input,
    /// The output or its gradient: adjoining tiles of `tile_out` pixels.
    Output,
}

/// The tiles of a band, in a stage and in planes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiles {
    pub(super) scheme: Scheme,
    pub(super) stage: StageShape,
    /// Tiles of the band.
    pub(super) tiles: usize,
    /// Elements between planes.
    pub(super) plane: usize,
    pub(super) direction: Direction,
}

/// Stage to planes: `Bᵀ d B` for the input, `A dY Aᵀ` for the output's gradient.
pub(super) struct Lift<'a> {
    pub(super) tiles: Tiles,
    pub(super) stage: &'a [f32],
    pub(super) planes: &'a mut [f32],
}

/// Planes to stage: `Aᵀ M A` replaces the output, `B dV Bᵀ` is added to the input's gradient.
pub(super) struct Lower<'a> {
    pub(super) tiles: Tiles,
    pub(super) planes: &'a [f32],
    pub(super) stage: &'a mut [f32],
}

/// A linear map along one axis of a tile.
trait Axis<const FROM: usize, const TO: usize> {
    fn apply<S: Arithmetic>(simd: S, x: [S::Vector; FROM]) -> [S::Vector; TO];
}

/// `Bᵀ`
struct Input<P>(P);
/// `B`
struct InputAdjoint<P>(P);
/// `Aᵀ`
struct Output<P>(P);
/// `A`
struct OutputAdjoint<P>(P);

impl<P: Points<N>, const N: usize> Axis<N, N> for Input<P> {
    #[inline(always)]
    fn apply<S: Arithmetic>(simd: S, x: [S::Vector; N]) -> [S::Vector; N] {
        P::input(simd, x)
    }
}

impl<P: Points<N>, const N: usize> Axis<N, N> for InputAdjoint<P> {
    #[inline(always)]
    fn apply<S: Arithmetic>(simd: S, x: [S::Vector; N]) -> [S::Vector; N] {
        P::input_adjoint(simd, x)
    }
}

impl<P: Points<N>, const N: usize, const M: usize> Axis<N, M> for Output<P> {
    #[inline(always)]
    fn apply<S: Arithmetic>(simd: S, x: [S::Vector; N]) -> [S::Vector; M] {
        P::output(simd, x)
    }
}

impl<P: Points<N>, const N: usize, const M: usize> Axis<M, N> for OutputAdjoint<P> {
    #[inline(always)]
    fn apply<S: Arithmetic>(simd: S, x: [S::Vector; M]) -> [S::Vector; N] {
        P::output_adjoint(simd, x)
    }
}

/// The phases of stride 2: even pixels through F(4, 2), odd ones as they are. Positions 0..5 are even, 5..9 odd.
struct Phases;

impl Axis<9, 9> for Input<Phases> {
    #[inline(always)]
    fn apply<S: Arithmetic>(simd: S, x: [S::Vector; 9]) -> [S::Vector; 9] {
        let [e0, e1, e2, e3, e4] = Five::input(simd, [x[0], x[2], x[4], x[6], x[8]]);
        [e0, e1, e2, e3, e4, x[1], x[3], x[5], x[7]]
    }
}

impl Axis<9, 9> for InputAdjoint<Phases> {
    #[inline(always)]
    fn apply<S: Arithmetic>(simd: S, v: [S::Vector; 9]) -> [S::Vector; 9] {
        let [e0, e1, e2, e3, e4] = Five::input_adjoint(simd, [v[0], v[1], v[2], v[3], v[4]]);
        [e0, v[5], e1, v[6], e2, v[7], e3, v[8], e4]
    }
}

impl Axis<9, 4> for Output<Phases> {
    #[inline(always)]
    fn apply<S: Arithmetic>(simd: S, m: [S::Vector; 9]) -> [S::Vector; 4] {
        let even: [S::Vector; 4] = Five::output(simd, [m[0], m[1], m[2], m[3], m[4]]);
        [simd.add(even[0], m[5]), simd.add(even[1], m[6]), simd.add(even[2], m[7]), simd.add(even[3], m[8])]
    }
}

impl Axis<4, 9> for OutputAdjoint<Phases> {
    #[inline(always)]
    fn apply<S: Arithmetic>(simd: S, y: [S::Vector; 4]) -> [S::Vector; 9] {
        let [e0, e1, e2, e3, e4] = Five::output_adjoint(simd, y);
        [e0, e1, e2, e3, e4, y[0], y[1], y[2], y[3]]
    }
}

/// A tile in memory: its first vector, and the distances of its rows and columns in elements.
#[derive(Clone, Copy)]
struct Place<T> {
    first: T,
    row: usize,
    column: usize,
}

/// A way of tiles between a stage and planes. Neighbouring tiles, as many as a vector spans, adjoin in the planes and lie `step`
/// elements apart in the stage.
trait Route {
    /// Loads from the source.
    ///
    /// # Safety
    /// The vectors must be readable.
    unsafe fn load<W: Wide>(simd: W, source: *const f32, step: usize) -> W::Vector;
    /// Stores to the target.
    ///
    /// # Safety
    /// The vectors must be writable, and readable where they are added to.
    unsafe fn store<W: Wide>(simd: W, target: *mut f32, step: usize, x: W::Vector);
}

/// From the stage to the planes.
struct ToPlanes;
/// From the planes to the stage, replacing what is there.
struct ToStage;
/// From the planes to the stage, adding to what is there.
struct OntoStage;

impl Route for ToPlanes {
    #[inline(always)]
    unsafe fn load<W: Wide>(simd: W, source: *const f32, step: usize) -> W::Vector {
        // SAFETY: the caller's.
        unsafe { simd.load(source, step) }
    }

    #[inline(always)]
    unsafe fn store<W: Wide>(simd: W, target: *mut f32, _step: usize, x: W::Vector) {
        // SAFETY: the caller's.
        unsafe { simd.store_adjoining(target, x) }
    }
}

impl Route for ToStage {
    #[inline(always)]
    unsafe fn load<W: Wide>(simd: W, source: *const f32, _step: usize) -> W::Vector {
        // SAFETY: the caller's.
        unsafe { simd.load_adjoining(source) }
    }

    #[inline(always)]
    unsafe fn store<W: Wide>(simd: W, target: *mut f32, step: usize, x: W::Vector) {
        // SAFETY: the caller's.
        unsafe { simd.store(target, step, x) }
    }
}

impl Route for OntoStage {
    #[inline(always)]
    unsafe fn load<W: Wide>(simd: W, source: *const f32, _step: usize) -> W::Vector {
        // SAFETY: the caller's.
        unsafe { simd.load_adjoining(source) }
    }

    #[inline(always)]
    unsafe fn store<W: Wide>(simd: W, target: *mut f32, step: usize, x: W::Vector) {
        // SAFETY: the caller's.
        unsafe { simd.store(target, step, simd.add(simd.load(target, step), x)) }
    }
}

/// Applies a map to both axes of a tile, `F x Fᵀ`, or of as many neighbouring tiles as a vector spans.
///
/// Columns are stored from right to left: where neighbouring tiles overlap and are added, the left tile is then added first,
/// however many are taken at a time.
///
/// # Safety
/// `FROM` by `FROM` vectors at `source` must be readable, and `TO` by `TO` vectors at `target` as the route asks.
#[inline(always)]
unsafe fn both_axes<W: Wide, R: Route, F: Axis<FROM, TO>, const FROM: usize, const TO: usize>(
    simd: W,
    step: usize,
    source: Place<*const f32>,
    target: Place<*mut f32>,
) {
    let mut half = [[simd.splat(0.0); FROM]; TO];
    for column in 0..FROM {
        let mut x = [simd.splat(0.0); FROM];
        for (row, x) in x.iter_mut().enumerate() {
            // SAFETY: row and column are below FROM.
            *x = unsafe { R::load(simd, source.first.add(row * source.row + column * source.column), step) };
        }
        let x = F::apply(simd, x);
        for (half, &x) in half.iter_mut().zip(&x) {
            half[column] = x;
        }
    }
    for (row, half) in half.iter().enumerate() {
        let x = F::apply(simd, *half);
        for (column, &x) in x.iter().enumerate().rev() {
            // SAFETY: row and column are below TO.
            unsafe { R::store(simd, target.first.add(row * target.row + column * target.column), step, x) };
        }
    }
}

impl Tiles {
    /// Edge of a tile in the stage, and the step between tiles there.
    const fn edge_and_step(&self) -> [usize; 2] {
        match self.direction {
            Direction::Input => [self.scheme.tile_in(), self.scheme.tile_out() * self.scheme.stride()],
            Direction::Output => [self.scheme.tile_out(), self.scheme.tile_out()],
        }
    }

    /// Tiles of an image, down and across.
    const fn grid(&self) -> [usize; 2] {
        let [edge, step] = self.edge_and_step();
        [(self.stage.rows - edge) / step + 1, (self.stage.columns - edge) / step + 1]
    }

    /// Asserts that every tile lies in its slice.
    fn check(&self, stage: usize, planes: usize) {
        let [down, across] = self.grid();
        assert!(
            self.stage.lanes == LANES
                && self.stage.images * down * across == self.tiles
                && stage == self.stage.len()
                && self.stage.blocks * self.tiles * LANES <= self.plane
                && planes >= self.scheme.tile_in() * self.scheme.tile_in() * self.plane,
            "{self:?} does not fit {stage} staged and {planes} lifted elements"
        );
    }

    /// Rows of tiles: images, blocks and tile rows together.
    const fn lines(&self) -> usize {
        self.stage.images * self.stage.blocks * self.grid()[0]
    }

    /// Where a row of tiles starts: in the stage and in the first plane.
    #[inline(always)]
    const fn line(&self, line: usize) -> [usize; 2] {
        let ([_, step], [down, across]) = (self.edge_and_step(), self.grid());
        let (row, block, image) =
            (line % down, line / down % self.stage.blocks, line / down / self.stage.blocks);
        let stage = image * self.stage.image_len()
            + block * self.stage.block_len()
            + row * step * self.stage.row_len();
        [stage, (block * self.tiles + (image * down + row) * across) * LANES]
    }
}

impl Lift<'_> {
    #[inline(always)]
    fn each<S: Simd, F: Axis<FROM, TO>, const FROM: usize, const TO: usize>(self, simd: S) {
        let tiles = self.tiles;
        tiles.check(self.stage.len(), self.planes.len());
        assert!(
            tiles.edge_and_step()[0] == FROM && tiles.scheme.tile_in() == TO,
            "{tiles:?} with a map from {FROM} to {TO}"
        );
        let (stage, planes) = (self.stage.as_ptr(), self.planes.as_mut_ptr());
        let ([_, step], [_, across]) = (tiles.edge_and_step(), tiles.grid());
        let step = step * LANES;
        for line in 0..tiles.lines() {
            let [from, to] = tiles.line(line);
            let mut tile = 0;
            while tile < across {
                let first = stage.wrapping_add(from + tile * step);
                let source = Place { first, row: tiles.stage.row_len(), column: LANES };
                let first = planes.wrapping_add(to + tile * LANES);
                let target = Place { first, row: TO * tiles.plane, column: tiles.plane };
                // SAFETY: `check` has shown that FROM rows and columns of the tiles up to `across` lie in the stage and TO²
                // planes in the planes.
                tile += unsafe {
                    together::<S, ToPlanes, F, FROM, TO>(simd, across - tile, step, source, target)
                };
            }
        }
    }
}

impl Lower<'_> {
    #[inline(always)]
    fn each<S: Simd, R: Route, F: Axis<FROM, TO>, const FROM: usize, const TO: usize>(self, simd: S) {
        let tiles = self.tiles;
        tiles.check(self.stage.len(), self.planes.len());
        assert!(
            tiles.edge_and_step()[0] == TO && tiles.scheme.tile_in() == FROM,
            "{tiles:?} with a map from {FROM} to {TO}"
        );
        let (stage, planes) = (self.stage.as_mut_ptr(), self.planes.as_ptr());
        let ([_, step], [_, across]) = (tiles.edge_and_step(), tiles.grid());
        let step = step * LANES;
        for line in 0..tiles.lines() {
            let [to, from] = tiles.line(line);
            let mut tile = 0;
            while tile < across {
                let first = planes.wrapping_add(from + tile * LANES);
                let source = Place { first, row: FROM * tiles.plane, column: tiles.plane };
                let first = stage.wrapping_add(to + tile * step);
                let target = Place { first, row: tiles.stage.row_len(), column: LANES };
                // SAFETY: `check` has shown that TO rows and columns of the tiles up to `across` lie in the stage and FROM²
                // planes in the planes.
                tile += unsafe { together::<S, R, F, FROM, TO>(simd, across - tile, step, source, target) };
            }
        }
    }
}

/// Transforms as many tiles of a row as the vectors take, or one where fewer are left; returns their number.
///
/// # Safety
/// As [`both_axes`], for the `left` tiles that follow.
#[inline(always)]
unsafe fn together<S: Simd, R: Route, F: Axis<FROM, TO>, const FROM: usize, const TO: usize>(
    simd: S,
    left: usize,
    step: usize,
    source: Place<*const f32>,
    target: Place<*mut f32>,
) -> usize {
    let vectors = <S::Wide as Wide>::VECTORS;
    // SAFETY: the caller's; no more tiles are taken than there are.
    unsafe {
        if left >= vectors {
            both_axes::<S::Wide, R, F, FROM, TO>(simd.wide(), step, source, target);
            vectors
        } else {
            both_axes::<Single<S>, R, F, FROM, TO>(Single(simd), step, source, target);
            1
        }
    }
}

impl Kernel for Lift<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        use Scheme as F;
        match (self.tiles.direction, self.tiles.scheme) {
            (Direction::Input, F::FourOutputsThreeTaps | F::TwoOutputsFiveTaps) => {
                self.each::<S, Input<Six>, 6, 6>(simd)
            }
            (Direction::Input, F::ThreeOutputsThreeTaps) => self.each::<S, Input<Five>, 5, 5>(simd),
            (Direction::Input, F::TwoOutputsThreeTaps | F::ThreeOutputsTwoTaps) => {
                self.each::<S, Input<Four>, 4, 4>(simd)
            }
            (Direction::Input, F::FourOutputsThreeTapsStrided) => self.each::<S, Input<Phases>, 9, 9>(simd),
            (Direction::Output, F::FourOutputsThreeTaps) => self.each::<S, OutputAdjoint<Six>, 4, 6>(simd),
            (Direction::Output, F::TwoOutputsFiveTaps) => self.each::<S, OutputAdjoint<Six>, 2, 6>(simd),
            (Direction::Output, F::ThreeOutputsThreeTaps) => self.each::<S, OutputAdjoint<Five>, 3, 5>(simd),
            (Direction::Output, F::TwoOutputsThreeTaps) => self.each::<S, OutputAdjoint<Four>, 2, 4>(simd),
            (Direction::Output, F::ThreeOutputsTwoTaps) => self.each::<S, OutputAdjoint<Four>, 3, 4>(simd),
            (Direction::Output, F::FourOutputsThreeTapsStrided) => {
                self.each::<S, OutputAdjoint<Phases>, 4, 9>(simd)
            }
        }
    }
}

impl Kernel for Lower<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        use Scheme as F;
        match (self.tiles.direction, self.tiles.scheme) {
            (Direction::Input, F::FourOutputsThreeTaps | F::TwoOutputsFiveTaps) => {
                self.each::<S, OntoStage, InputAdjoint<Six>, 6, 6>(simd)
            }
            (Direction::Input, F::ThreeOutputsThreeTaps) => {
                self.each::<S, OntoStage, InputAdjoint<Five>, 5, 5>(simd)
            }
            (Direction::Input, F::TwoOutputsThreeTaps | F::ThreeOutputsTwoTaps) => {
                self.each::<S, OntoStage, InputAdjoint<Four>, 4, 4>(simd);
            }
            (Direction::Input, F::FourOutputsThreeTapsStrided) => {
                self.each::<S, OntoStage, InputAdjoint<Phases>, 9, 9>(simd)
            }
            (Direction::Output, F::FourOutputsThreeTaps) => self.each::<S, ToStage, Output<Six>, 6, 4>(simd),
            (Direction::Output, F::TwoOutputsFiveTaps) => self.each::<S, ToStage, Output<Six>, 6, 2>(simd),
            (Direction::Output, F::ThreeOutputsThreeTaps) => {
                self.each::<S, ToStage, Output<Five>, 5, 3>(simd)
            }
            (Direction::Output, F::TwoOutputsThreeTaps) => self.each::<S, ToStage, Output<Four>, 4, 2>(simd),
            (Direction::Output, F::ThreeOutputsTwoTaps) => self.each::<S, ToStage, Output<Four>, 4, 3>(simd),
            (Direction::Output, F::FourOutputsThreeTapsStrided) => {
                self.each::<S, ToStage, Output<Phases>, 9, 4>(simd)
            }
        }
    }
}
