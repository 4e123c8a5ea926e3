//! The forms of lifted tiles in planes: values, or pairs rounded to bfloat16.

use super::tile_map::Route;
use crate::cpu::Wide;

/// Planes that tiles are lifted to.
pub(super) trait Planes {
    /// How a vector of tiles is stored there.
    type Store: StoreTiles;
    /// Values in an element.
    const VALUES: usize;
    /// Returns the number of elements.
    fn len(&self) -> usize;
    /// Returns the first element, and the route to all of them.
    fn start(&mut self) -> (*mut f32, FromStage<Self::Store>);
}

/// Planes of one form.
pub(super) struct OneForm<'a, T>(pub(super) &'a mut [f32], pub(super) T);
/// Both kinds of pairs, in planes of one length.
pub(super) struct BothPairs<'a> {
    pub(super) neighbours: &'a mut [f32],
    pub(super) tiles: &'a mut [f32],
}

/// From the stage to planes, by the route `T`.
#[derive(Clone, Copy)]
pub(super) struct FromStage<T>(T);

/// How a vector of tiles is stored in planes.
pub(super) trait StoreTiles: Copy {
    /// Values in an element.
    const VALUES: usize;
    /// Stores a vector.
    ///
    /// # Safety
    /// As for [`Route::store`].
    unsafe fn store<W: Wide>(self, simd: W, target: *mut f32, x: W::Vector);
}

/// As values.
#[derive(Clone, Copy)]
pub(super) struct AsValues;
/// As pairs of neighbours, which are channels of a tile.
#[derive(Clone, Copy)]
pub(super) struct AsNeighbours;
/// As pairs of neighbouring tiles.
#[derive(Clone, Copy)]
pub(super) struct AsPairsOfTiles;
/// As neighbours, and as pairs of tiles at the same place of the other planes.
#[derive(Clone, Copy)]
pub(super) struct AsBothPairs {
    neighbours: *mut f32,
    tiles: *mut f32,
}

impl<T: StoreTiles> Planes for OneForm<'_, T> {
    type Store = T;
    const VALUES: usize = T::VALUES;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn start(&mut self) -> (*mut f32, FromStage<T>) {
        (self.0.as_mut_ptr(), FromStage(self.1))
    }
}

impl Planes for BothPairs<'_> {
    type Store = AsBothPairs;
    const VALUES: usize = AsBothPairs::VALUES;

    fn len(&self) -> usize {
        self.neighbours.len().min(self.tiles.len())
    }

    fn start(&mut self) -> (*mut f32, FromStage<AsBothPairs>) {
        let (neighbours, tiles) = (self.neighbours.as_mut_ptr(), self.tiles.as_mut_ptr());
        (neighbours, FromStage(AsBothPairs { neighbours, tiles }))
    }
}

impl<T: StoreTiles> Route for FromStage<T> {
    #[inline(always)]
    unsafe fn load<W: Wide>(self, simd: W, source: *const f32, step: usize) -> W::Vector {
        // SAFETY: the caller's.
        unsafe { simd.load(source, step) }
    }

    #[inline(always)]
    unsafe fn store<W: Wide>(self, simd: W, target: *mut f32, _step: usize, x: W::Vector) {
        // SAFETY: the caller's.
        unsafe { self.0.store(simd, target, x) }
    }
}

impl StoreTiles for AsValues {
    const VALUES: usize = 1;

    #[inline(always)]
    unsafe fn store<W: Wide>(self, simd: W, target: *mut f32, x: W::Vector) {
        // SAFETY: the caller's.
        unsafe { simd.store_adjoining(target, x) }
    }
}

impl StoreTiles for AsNeighbours {
    const VALUES: usize = 2;

    #[inline(always)]
    unsafe fn store<W: Wide>(self, simd: W, target: *mut f32, x: W::Vector) {
        // SAFETY: the caller's.
        unsafe { simd.store_neighbours_paired(target, x) }
    }
}

impl StoreTiles for AsPairsOfTiles {
    const VALUES: usize = 2;

    #[inline(always)]
    unsafe fn store<W: Wide>(self, simd: W, target: *mut f32, x: W::Vector) {
        // SAFETY: the caller's.
        unsafe { simd.store_parts_paired(target, x) }
    }
}

impl StoreTiles for AsBothPairs {
    const VALUES: usize = 2;

    #[inline(always)]
    unsafe fn store<W: Wide>(self, simd: W, target: *mut f32, x: W::Vector) {
        // SAFETY: the caller's, for the neighbours; the other planes are as long, and the target lies in the former.
        unsafe {
            simd.store_neighbours_paired(target, x);
            simd.store_parts_paired(self.tiles.offset(target.offset_from(self.neighbours)), x);
        }
    }
}
