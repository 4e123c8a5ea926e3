//! Linear maps of tiles in memory, down and across, for as many neighbouring tiles as a vector spans.

use std::marker::PhantomData;

use super::axis::Axis;
use crate::cpu::{Simd, Single, Wide};

/// A tile in memory: its first vector, and the distances of its rows and columns in elements.
#[derive(Clone, Copy)]
pub(super) struct Place<T> {
    pub(super) first: T,
    pub(super) row: usize,
    pub(super) column: usize,
}

/// A route of tiles between a stage and planes. Neighbouring tiles, as many as a vector spans, adjoin in the planes and lie `step`
/// elements apart in the stage.
pub(super) trait Route: Copy {
    /// Loads from the source.
    ///
    /// # Safety
    /// The vectors must be readable.
    unsafe fn load<W: Wide>(self, simd: W, source: *const f32, step: usize) -> W::Vector;
    /// Stores to the target.
    ///
    /// # Safety
    /// The vectors must be writable, and readable where they are added to.
    unsafe fn store<W: Wide>(self, simd: W, target: *mut f32, step: usize, x: W::Vector);
}

/// A linear map of tiles: one map down and one across, `D x Aᵀ`.
pub(super) trait TileMap {
    /// Rows and columns of the tile that is mapped.
    const FROM: [usize; 2];
    /// Rows and columns of the result.
    const TO: [usize; 2];

    /// Maps a tile, or as many neighbouring tiles as a vector spans.
    ///
    /// Columns are stored from right to left: where neighbouring tiles overlap and are added, the left tile is then added
    /// first, however many are taken at a time.
    ///
    /// # Safety
    /// The vectors of `FROM` at `source` must be readable, and those of `TO` at `target` as the route requires.
    unsafe fn apply<W: Wide>(
        simd: W,
        route: impl Route,
        step: usize,
        source: Place<*const f32>,
        target: Place<*mut f32>,
    );
}

/// `D` down, from `DF` to `DT` rows, and `A` across.
pub(super) struct Map<D, A, const DF: usize, const DT: usize, const AF: usize, const AT: usize>(
    PhantomData<(D, A)>,
);

impl<D, A, const DF: usize, const DT: usize, const AF: usize, const AT: usize> TileMap
    for Map<D, A, DF, DT, AF, AT>
where
    D: Axis<DF, DT>,
    A: Axis<AF, AT>,
{
    const FROM: [usize; 2] = [DF, AF];
    const TO: [usize; 2] = [DT, AT];

    #[inline(always)]
    unsafe fn apply<W: Wide>(
        simd: W,
        route: impl Route,
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
                *x = unsafe { route.load(simd, source.first.add(place), step) };
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
                unsafe { route.store(simd, target.first.add(place), step, x) };
            }
        }
    }
}

/// Transforms as many tiles of a row as the vectors take, or one where fewer are left; returns their number.
///
/// # Safety
/// As [`TileMap::apply`], for the `left` tiles that follow.
#[inline(always)]
pub(super) unsafe fn together<S: Simd, M: TileMap>(
    simd: S,
    route: impl Route,
    left: usize,
    step: usize,
    source: Place<*const f32>,
    target: Place<*mut f32>,
) -> usize {
    let vectors = <S::Wide as Wide>::VECTORS;
    // SAFETY: the caller's; no more tiles are taken than there are.
    unsafe {
        if left >= vectors {
            M::apply::<S::Wide>(simd.wide(), route, step, source, target);
            vectors
        } else {
            M::apply::<Single<S>>(Single(simd), route, step, source, target);
            1
        }
    }
}
