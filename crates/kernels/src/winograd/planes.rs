//! The forms in which lifted tiles lie in planes: as values, or rounded to bfloat16 in pairs.

use super::tile_map::Route;
use crate::simd::Wide;

/// Planes that tiles are lifted to.
pub(super) trait Planes {
    /// How a vector of tiles gets there.
    type Route: Route;
    /// Values in an element.
    const VALUES: usize;
    /// Elements.
    fn len(&self) -> usize;
    /// The first element, and the route to all of them.
    fn start(&mut self) -> (*mut f32, Self::Route);
}

/// Values.
pub(super) struct Values<'a>(pub(super) &'a mut [f32]);
/// Pairs of neighbours, which are channels of a tile.
pub(super) struct Neighbours<'a>(pub(super) &'a mut [f32]);
/// Pairs of neighbouring tiles.
pub(super) struct PairsOfTiles<'a>(pub(super) &'a mut [f32]);
/// Both kinds of pairs, in planes of one length.
pub(super) struct BothPairs<'a> {
    pub(super) neighbours: &'a mut [f32],
    pub(super) tiles: &'a mut [f32],
}

#[derive(Clone, Copy)]
pub(super) struct ToValues;
#[derive(Clone, Copy)]
pub(super) struct ToNeighbours;
#[derive(Clone, Copy)]
pub(super) struct ToPairsOfTiles;
/// To the neighbours, and to the same place of the other planes.
#[derive(Clone, Copy)]
pub(super) struct ToBothPairs {
    neighbours: *mut f32,
    tiles: *mut f32,
}

impl Planes for Values<'_> {
    type Route = ToValues;
    const VALUES: usize = 1;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn start(&mut self) -> (*mut f32, ToValues) {
        (self.0.as_mut_ptr(), ToValues)
    }
}

impl Planes for Neighbours<'_> {
    type Route = ToNeighbours;
    const VALUES: usize = 2;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn start(&mut self) -> (*mut f32, ToNeighbours) {
        (self.0.as_mut_ptr(), ToNeighbours)
    }
}

impl Planes for PairsOfTiles<'_> {
    type Route = ToPairsOfTiles;
    const VALUES: usize = 2;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn start(&mut self) -> (*mut f32, ToPairsOfTiles) {
        (self.0.as_mut_ptr(), ToPairsOfTiles)
    }
}

impl Planes for BothPairs<'_> {
    type Route = ToBothPairs;
    const VALUES: usize = 2;

    fn len(&self) -> usize {
        self.neighbours.len().min(self.tiles.len())
    }

    fn start(&mut self) -> (*mut f32, ToBothPairs) {
        let (neighbours, tiles) = (self.neighbours.as_mut_ptr(), self.tiles.as_mut_ptr());
        (neighbours, ToBothPairs { neighbours, tiles })
    }
}

impl Route for ToValues {
    #[inline(always)]
    unsafe fn load<W: Wide>(self, simd: W, source: *const f32, step: usize) -> W::Vector {
        // SAFETY: the caller's.
        unsafe { simd.load(source, step) }
    }

    #[inline(always)]
    unsafe fn store<W: Wide>(self, simd: W, target: *mut f32, _step: usize, x: W::Vector) {
        // SAFETY: the caller's.
        unsafe { simd.store_adjoining(target, x) }
    }
}

impl Route for ToNeighbours {
    #[inline(always)]
    unsafe fn load<W: Wide>(self, simd: W, source: *const f32, step: usize) -> W::Vector {
        // SAFETY: the caller's.
        unsafe { simd.load(source, step) }
    }

    #[inline(always)]
    unsafe fn store<W: Wide>(self, simd: W, target: *mut f32, _step: usize, x: W::Vector) {
        // SAFETY: the caller's.
        unsafe { simd.store_neighbours_paired(target, x) }
    }
}

impl Route for ToPairsOfTiles {
    #[inline(always)]
    unsafe fn load<W: Wide>(self, simd: W, source: *const f32, step: usize) -> W::Vector {
        // SAFETY: the caller's.
        unsafe { simd.load(source, step) }
    }

    #[inline(always)]
    unsafe fn store<W: Wide>(self, simd: W, target: *mut f32, _step: usize, x: W::Vector) {
        // SAFETY: the caller's.
        unsafe { simd.store_parts_paired(target, x) }
    }
}

impl Route for ToBothPairs {
    #[inline(always)]
    unsafe fn load<W: Wide>(self, simd: W, source: *const f32, step: usize) -> W::Vector {
        // SAFETY: the caller's.
        unsafe { simd.load(source, step) }
    }

    #[inline(always)]
    unsafe fn store<W: Wide>(self, simd: W, target: *mut f32, _step: usize, x: W::Vector) {
        // SAFETY: the caller's, for the neighbours; the other planes are as long, and the target lies in the former.
        unsafe {
            simd.store_neighbours_paired(target, x);
            simd.store_parts_paired(self.tiles.offset(target.offset_from(self.neighbours)), x);
        }
    }
}
