//! Two-dimensional tile transforms between staged maps and planes of lifted tiles.
//!
//! Planes are `[row of the tile][column of the tile][block][tile][lane]`: for every position of the transformed tile a
//! matrix of tiles by channels.

use super::maps::{Maps, UseOfMaps, with_maps};
use super::planes::Planes;
use super::scheme::Scheme;
use super::tile_map::{Place, Route, TileMap, together};
use crate::convolution::staging::StageShape;
use crate::cpu::{Kernel, LANES, Simd, Wide};

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
    /// Elements between planes: values, or pairs of them.
    pub(super) plane: usize,
    pub(super) direction: Direction,
}

/// Stage to planes: `Bᵀ d B` for the input, `A dY Aᵀ` for the output's gradient.
pub(super) struct Lift<'a, P> {
    pub(super) tiles: Tiles,
    pub(super) stage: &'a [f32],
    pub(super) planes: P,
}

/// Planes to stage: `Aᵀ M A` replaces the output, `B dV Bᵀ` is added to the input's gradient.
pub(super) struct Lower<'a> {
    pub(super) tiles: Tiles,
    pub(super) planes: &'a [f32],
    pub(super) stage: &'a mut [f32],
}

/// From the planes to the stage, replacing what is there.
#[derive(Clone, Copy)]
struct ToStage;
/// From the planes to the stage, adding to what is there.
#[derive(Clone, Copy)]
struct OntoStage;

impl Route for ToStage {
    #[inline(always)]
    unsafe fn load<W: Wide>(self, simd: W, source: *const f32, _step: usize) -> W::Vector {
        // SAFETY: the caller's.
        unsafe { simd.load_adjoining(source) }
    }

    #[inline(always)]
    unsafe fn store<W: Wide>(self, simd: W, target: *mut f32, step: usize, x: W::Vector) {
        // SAFETY: the caller's.
        unsafe { simd.store(target, step, x) }
    }
}

impl Route for OntoStage {
    #[inline(always)]
    unsafe fn load<W: Wide>(self, simd: W, source: *const f32, _step: usize) -> W::Vector {
        // SAFETY: the caller's.
        unsafe { simd.load_adjoining(source) }
    }

    #[inline(always)]
    unsafe fn store<W: Wide>(self, simd: W, target: *mut f32, step: usize, x: W::Vector) {
        // SAFETY: the caller's.
        unsafe { simd.store(target, step, simd.add(simd.load(target, step), x)) }
    }
}

impl Tiles {
    /// Returns the number of rows and columns of a tile in the stage.
    const fn edges(&self) -> [usize; 2] {
        match self.direction {
            Direction::Input => self.scheme.tile_in(),
            Direction::Output => self.scheme.tile_out(),
        }
    }

    /// Returns the number of rows and columns of the stage between the starts of two tiles.
    const fn steps(&self) -> [usize; 2] {
        let ([down, across], stride) = (self.scheme.tile_out(), self.scheme.stride());
        match self.direction {
            Direction::Input => [down * stride, across * stride],
            Direction::Output => [down, across],
        }
    }

    /// Returns the number of tiles of an image, down and across.
    const fn grid(&self) -> [usize; 2] {
        let ([height, width], [down, across]) = (self.edges(), self.steps());
        [(self.stage.rows - height) / down + 1, (self.stage.columns - width) / across + 1]
    }

    /// Returns whether rows consist of whole pairs of tiles.
    pub(super) const fn come_in_pairs(&self) -> bool {
        self.grid()[1].is_multiple_of(2)
    }

    /// Asserts that every tile lies in its slice, where `values` of them share an element.
    fn check(&self, stage: usize, planes: usize, values: usize) {
        let [down, across] = self.grid();
        assert!(
            self.stage.lanes == LANES
                && self.stage.images * down * across == self.tiles
                && stage == self.stage.len()
                && self.stage.blocks * self.tiles * LANES <= self.plane * values
                && planes >= self.scheme.planes() * self.plane,
            "{self:?} does not fit {stage} staged and {planes} lifted elements"
        );
    }

    /// Returns the number of rows of tiles: images, blocks and tile rows together.
    const fn lines(&self) -> usize {
        self.stage.images * self.stage.blocks * self.grid()[0]
    }

    /// Returns where a row of tiles starts: in the stage and in the first plane.
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

impl<P: Planes> Lift<'_, P> {
    #[inline(always)]
    fn each<S: Simd, M: TileMap>(mut self, simd: S) {
        let tiles = self.tiles;
        tiles.check(self.stage.len(), self.planes.len(), P::VALUES);
        assert!(
            tiles.edges() == M::FROM && tiles.scheme.tile_in() == M::TO,
            "{tiles:?} with a map from {:?} to {:?}",
            M::FROM,
            M::TO
        );
        assert!(P::VALUES == 1 || tiles.come_in_pairs(), "{tiles:?} leave a tile over in every row");
        let (stage, (planes, route)) = (self.stage.as_ptr(), self.planes.start());
        let ([_, step], [_, across]) = (tiles.steps(), tiles.grid());
        let step = step * LANES;
        for line in 0..tiles.lines() {
            let [from, to] = tiles.line(line);
            let mut tile = 0;
            while tile < across {
                let first = stage.wrapping_add(from + tile * step);
                let source = Place { first, row: tiles.stage.row_len(), column: LANES };
                let first = planes.wrapping_add((to + tile * LANES) / P::VALUES);
                let target = Place { first, row: M::TO[1] * tiles.plane, column: tiles.plane };
                // SAFETY: `check` has shown that rows and columns of the tiles up to `across` lie in the stage, and their planes
                // in the planes.
                tile += unsafe { together::<S, M>(simd, route, across - tile, step, source, target) };
            }
        }
    }
}

impl Lower<'_> {
    #[inline(always)]
    fn each<S: Simd, M: TileMap>(self, simd: S, route: impl Route) {
        let tiles = self.tiles;
        tiles.check(self.stage.len(), self.planes.len(), 1);
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
                tile += unsafe { together::<S, M>(simd, route, across - tile, step, source, target) };
            }
        }
    }
}

impl<P: Planes> Kernel for Lift<'_, P> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        with_maps(self.tiles.scheme, simd, self);
    }
}

impl<P: Planes> UseOfMaps for Lift<'_, P> {
    #[inline(always)]
    fn with<S: Simd, M: Maps>(self, simd: S) {
        match self.tiles.direction {
            Direction::Input => self.each::<S, M::Input>(simd),
            Direction::Output => self.each::<S, M::OutputAdjoint>(simd),
        }
    }
}

impl Kernel for Lower<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        with_maps(self.tiles.scheme, simd, self);
    }
}

impl UseOfMaps for Lower<'_> {
    #[inline(always)]
    fn with<S: Simd, M: Maps>(self, simd: S) {
        match self.tiles.direction {
            Direction::Input => self.each::<S, M::InputAdjoint>(simd, OntoStage),
            Direction::Output => self.each::<S, M::Output>(simd, ToStage),
        }
    }
}
