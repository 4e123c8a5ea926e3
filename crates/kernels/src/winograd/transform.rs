//! Two-dimensional tile transforms between staged maps and planes of lifted tiles.
//!
//! Planes are `[row of the tile][column of the tile][block][tile][lane]`: for every position of the transformed tile a
//! matrix of tiles by channels.

use std::marker::PhantomData;

use super::axis::{Axis, Input, InputAdjoint, Output, OutputAdjoint, Phases};
use super::points::{Five, Four, Six, Three};
use super::scheme::Scheme;
use crate::blocked::StageShape;
use crate::simd::{Kernel, LANES, Simd, Single, Wide};

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

/// A linear map of tiles: one map down and one across, `D x Aᵀ`.
trait TileMap {
    /// Rows and columns of what is mapped.
    const FROM: [usize; 2];
    /// Rows and columns of the result.
    const TO: [usize; 2];

    /// Maps a tile, or as many neighbouring tiles as a vector spans.
    ///
    /// Columns are stored from right to left: where neighbouring tiles overlap and are added, the left tile is then added
    /// first, however many are taken at a time.
    ///
    /// # Safety
    /// The vectors of `FROM` at `source` must be readable, and those of `TO` at `target` as the route asks.
    unsafe fn apply<W: Wide, R: Route>(
        simd: W,
        step: usize,
        source: Place<*const f32>,
        target: Place<*mut f32>,
    );
}

/// `D` down, from `DF` to `DT` rows, and `A` across.
struct Map<D, A, const DF: usize, const DT: usize, const AF: usize, const AT: usize>(PhantomData<(D, A)>);

/// The same map down and across.
type Square<F, const FROM: usize, const TO: usize> = Map<F, F, FROM, TO, FROM, TO>;

impl<D, A, const DF: usize, const DT: usize, const AF: usize, const AT: usize> TileMap
    for Map<D, A, DF, DT, AF, AT>
where
    D: Axis<DF, DT>,
    A: Axis<AF, AT>,
{
    const FROM: [usize; 2] = [DF, AF];
    const TO: [usize; 2] = [DT, AT];

    #[inline(always)]
    unsafe fn apply<W: Wide, R: Route>(
        simd: W,
        step: usize,
        source: Place<*const f32>,
        target: Place<*mut f32>,
    ) {
        let mut half = [[simd.splat(0.0); AF]; DT];
        for column in 0..AF {
            let mut x = [simd.splat(0.0); DF];
            for (row, x) in x.iter_mut().enumerate() {
                let place = row * source.row + column * source.column;
                // SAFETY: row and column are below DF and AF.
                *x = unsafe { R::load(simd, source.first.add(place), step) };
            }
            let x = D::apply(simd, x);
            for (half, &x) in half.iter_mut().zip(&x) {
                half[column] = x;
            }
        }
        for (row, half) in half.iter().enumerate() {
            let x = A::apply(simd, *half);
            for (column, &x) in x.iter().enumerate().rev() {
                let place = row * target.row + column * target.column;
                // SAFETY: row and column are below DT and AT.
                unsafe { R::store(simd, target.first.add(place), step, x) };
            }
        }
    }
}

impl Tiles {
    /// Rows and columns of a tile in the stage.
    const fn edges(&self) -> [usize; 2] {
        match self.direction {
            Direction::Input => self.scheme.tile_in(),
            Direction::Output => self.scheme.tile_out(),
        }
    }

    /// Rows and columns of the stage between the starts of two tiles.
    const fn steps(&self) -> [usize; 2] {
        let ([down, across], stride) = (self.scheme.tile_out(), self.scheme.stride());
        match self.direction {
            Direction::Input => [down * stride, across * stride],
            Direction::Output => [down, across],
        }
    }

    /// Tiles of an image, down and across.
    const fn grid(&self) -> [usize; 2] {
        let ([height, width], [down, across]) = (self.edges(), self.steps());
        [(self.stage.rows - height) / down + 1, (self.stage.columns - width) / across + 1]
    }

    /// Asserts that every tile lies in its slice.
    fn check(&self, stage: usize, planes: usize) {
        let [down, across] = self.grid();
        assert!(
            self.stage.lanes == LANES
                && self.stage.images * down * across == self.tiles
                && stage == self.stage.len()
                && self.stage.blocks * self.tiles * LANES <= self.plane
                && planes >= self.scheme.planes() * self.plane,
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
        let ([step, _], [down, across]) = (self.steps(), self.grid());
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
    fn each<S: Simd, M: TileMap>(self, simd: S) {
        let tiles = self.tiles;
        tiles.check(self.stage.len(), self.planes.len());
        assert!(
            tiles.edges() == M::FROM && tiles.scheme.tile_in() == M::TO,
            "{tiles:?} with a map from {:?} to {:?}",
            M::FROM,
            M::TO
        );
        let (stage, planes) = (self.stage.as_ptr(), self.planes.as_mut_ptr());
        let ([_, step], [_, across]) = (tiles.steps(), tiles.grid());
        let step = step * LANES;
        for line in 0..tiles.lines() {
            let [from, to] = tiles.line(line);
            let mut tile = 0;
            while tile < across {
                let first = stage.wrapping_add(from + tile * step);
                let source = Place { first, row: tiles.stage.row_len(), column: LANES };
                let first = planes.wrapping_add(to + tile * LANES);
                let target = Place { first, row: M::TO[1] * tiles.plane, column: tiles.plane };
                // SAFETY: `check` has shown that rows and columns of the tiles up to `across` lie in the stage, and their planes
                // in the planes.
                tile += unsafe { together::<S, ToPlanes, M>(simd, across - tile, step, source, target) };
            }
        }
    }
}

impl Lower<'_> {
    #[inline(always)]
    fn each<S: Simd, R: Route, M: TileMap>(self, simd: S) {
        let tiles = self.tiles;
        tiles.check(self.stage.len(), self.planes.len());
        assert!(
            tiles.edges() == M::TO && tiles.scheme.tile_in() == M::FROM,
            "{tiles:?} with a map from {:?} to {:?}",
            M::FROM,
            M::TO
        );
        let (stage, planes) = (self.stage.as_mut_ptr(), self.planes.as_ptr());
        let ([_, step], [_, across]) = (tiles.steps(), tiles.grid());
        let step = step * LANES;
        for line in 0..tiles.lines() {
            let [to, from] = tiles.line(line);
            let mut tile = 0;
            while tile < across {
                let first = planes.wrapping_add(from + tile * LANES);
                let source = Place { first, row: M::FROM[1] * tiles.plane, column: tiles.plane };
                let first = stage.wrapping_add(to + tile * step);
                let target = Place { first, row: tiles.stage.row_len(), column: LANES };
                // SAFETY: `check` has shown that rows and columns of the tiles up to `across` lie in the stage, and their planes
                // in the planes.
                tile += unsafe { together::<S, R, M>(simd, across - tile, step, source, target) };
            }
        }
    }
}

/// Transforms as many tiles of a row as the vectors take, or one where fewer are left; returns their number.
///
/// # Safety
/// As [`TileMap::apply`], for the `left` tiles that follow.
#[inline(always)]
unsafe fn together<S: Simd, R: Route, M: TileMap>(
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
            M::apply::<S::Wide, R>(simd.wide(), step, source, target);
            vectors
        } else {
            M::apply::<Single<S>, R>(Single(simd), step, source, target);
            1
        }
    }
}

impl Kernel for Lift<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        use Direction as D;
        use Scheme as F;
        match (self.tiles.direction, self.tiles.scheme) {
            (D::Input, F::FourOutputsThreeTaps | F::TwoOutputsFiveTaps) => {
                self.each::<S, Square<Input<Six>, 6, 6>>(simd)
            }
            (D::Input, F::ThreeOutputsThreeTaps) => self.each::<S, Square<Input<Five>, 5, 5>>(simd),
            (D::Input, F::TwoOutputsThreeTaps | F::ThreeOutputsTwoTaps) => {
                self.each::<S, Square<Input<Four>, 4, 4>>(simd)
            }
            (D::Input, F::FourByTwoOutputsThreeTaps) => {
                self.each::<S, Map<Input<Six>, Input<Four>, 6, 6, 4, 4>>(simd)
            }
            (D::Input, F::FourOutputsThreeTapsStrided) => {
                self.each::<S, Square<Input<Phases<Five>>, 9, 9>>(simd)
            }
            (D::Input, F::TwoOutputsThreeTapsStrided) => {
                self.each::<S, Square<Input<Phases<Three>>, 5, 5>>(simd)
            }
            (D::Output, F::FourOutputsThreeTaps) => self.each::<S, Square<OutputAdjoint<Six>, 4, 6>>(simd),
            (D::Output, F::TwoOutputsFiveTaps) => self.each::<S, Square<OutputAdjoint<Six>, 2, 6>>(simd),
            (D::Output, F::ThreeOutputsThreeTaps) => self.each::<S, Square<OutputAdjoint<Five>, 3, 5>>(simd),
            (D::Output, F::TwoOutputsThreeTaps) => self.each::<S, Square<OutputAdjoint<Four>, 2, 4>>(simd),
            (D::Output, F::ThreeOutputsTwoTaps) => self.each::<S, Square<OutputAdjoint<Four>, 3, 4>>(simd),
            (D::Output, F::FourByTwoOutputsThreeTaps) => {
                self.each::<S, Map<OutputAdjoint<Six>, OutputAdjoint<Four>, 4, 6, 2, 4>>(simd)
            }
            (D::Output, F::FourOutputsThreeTapsStrided) => {
                self.each::<S, Square<OutputAdjoint<Phases<Five>>, 4, 9>>(simd)
            }
            (D::Output, F::TwoOutputsThreeTapsStrided) => {
                self.each::<S, Square<OutputAdjoint<Phases<Three>>, 2, 5>>(simd)
            }
        }
    }
}

impl Kernel for Lower<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        use Direction as D;
        use Scheme as F;
        match (self.tiles.direction, self.tiles.scheme) {
            (D::Input, F::FourOutputsThreeTaps | F::TwoOutputsFiveTaps) => {
                self.each::<S, OntoStage, Square<InputAdjoint<Six>, 6, 6>>(simd)
            }
            (D::Input, F::ThreeOutputsThreeTaps) => {
                self.each::<S, OntoStage, Square<InputAdjoint<Five>, 5, 5>>(simd)
            }
            (D::Input, F::TwoOutputsThreeTaps | F::ThreeOutputsTwoTaps) => {
                self.each::<S, OntoStage, Square<InputAdjoint<Four>, 4, 4>>(simd);
            }
            (D::Input, F::FourByTwoOutputsThreeTaps) => {
                self.each::<S, OntoStage, Map<InputAdjoint<Six>, InputAdjoint<Four>, 6, 6, 4, 4>>(simd);
            }
            (D::Input, F::FourOutputsThreeTapsStrided) => {
                self.each::<S, OntoStage, Square<InputAdjoint<Phases<Five>>, 9, 9>>(simd)
            }
            (D::Input, F::TwoOutputsThreeTapsStrided) => {
                self.each::<S, OntoStage, Square<InputAdjoint<Phases<Three>>, 5, 5>>(simd)
            }
            (D::Output, F::FourOutputsThreeTaps) => self.each::<S, ToStage, Square<Output<Six>, 6, 4>>(simd),
            (D::Output, F::TwoOutputsFiveTaps) => self.each::<S, ToStage, Square<Output<Six>, 6, 2>>(simd),
            (D::Output, F::ThreeOutputsThreeTaps) => {
                self.each::<S, ToStage, Square<Output<Five>, 5, 3>>(simd)
            }
            (D::Output, F::TwoOutputsThreeTaps) => self.each::<S, ToStage, Square<Output<Four>, 4, 2>>(simd),
            (D::Output, F::ThreeOutputsTwoTaps) => self.each::<S, ToStage, Square<Output<Four>, 4, 3>>(simd),
            (D::Output, F::FourByTwoOutputsThreeTaps) => {
                self.each::<S, ToStage, Map<Output<Six>, Output<Four>, 6, 4, 4, 2>>(simd)
            }
            (D::Output, F::FourOutputsThreeTapsStrided) => {
                self.each::<S, ToStage, Square<Output<Phases<Five>>, 9, 4>>(simd)
            }
            (D::Output, F::TwoOutputsThreeTapsStrided) => {
                self.each::<S, ToStage, Square<Output<Phases<Three>>, 5, 2>>(simd)
            }
        }
    }
}
