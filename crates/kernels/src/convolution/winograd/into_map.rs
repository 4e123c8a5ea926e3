//! Tiles of the output from their planes straight into the map, with bias and activation.

use super::maps::{Maps, UseOfMaps, with_maps};
use super::scheme::Scheme;
use super::tile_map::{Place, Route, TileMap, together};
use crate::convolution::staging::OutputBand;
use crate::cpu::{Kernel, LANES, LINE, Simd, Wide, prefetch_to_write};

/// Planes to whole tiles of the output.
pub(super) struct LowerIntoMap<'a> {
    pub(super) scheme: Scheme,
    /// Blocks of channels.
    pub(super) blocks: usize,
    /// Tiles of the planes; those of images that do not exist come last and are left out.
    pub(super) tiles: usize,
    /// Elements between planes.
    pub(super) plane: usize,
    pub(super) planes: &'a [f32],
    pub(super) band: OutputBand<'a>,
}

/// From the planes to the map.
#[derive(Clone, Copy)]
struct IntoMap<const RECTIFY: bool> {
    /// Read again for every store: kept in a register it would displace a value of the transform.
    bias: *const f32,
    /// Whether this block is the first of a cache line, and the next line will be written too.
    claims: bool,
}

impl<const RECTIFY: bool> Route for IntoMap<RECTIFY> {
    #[inline(always)]
    unsafe fn load<W: Wide>(self, simd: W, source: *const f32, _step: usize) -> W::Vector {
        // SAFETY: the caller's.
        unsafe { simd.load_adjoining(source) }
    }

    #[inline(always)]
    unsafe fn store<W: Wide>(self, simd: W, target: *mut f32, step: usize, x: W::Vector) {
        if self.claims {
            for part in 0..W::VECTORS {
                prefetch_to_write(target.wrapping_add(part * step + LINE));
            }
        }
        // SAFETY: the caller's; the bias is a vector, and every part of the wide one is loaded from it.
        unsafe {
            let z = simd.add(x, simd.load(self.bias, 0));
            simd.store(target, step, if RECTIFY { simd.rectify(z) } else { z });
        }
    }
}

impl LowerIntoMap<'_> {
    #[inline(always)]
    fn each<S: Simd, M: TileMap, const RECTIFY: bool>(self, simd: S) {
        let OutputBand { images, rows, columns, channels, spread, bias, output, .. } = self.band;
        let [tile_height, tile_width] = M::TO;
        let (down, across) = (rows / tile_height, columns / tile_width);
        let row_len = columns * channels.total;
        assert!(
            self.scheme.tile_in() == M::FROM
                && spread == [1, 1]
                && [down * tile_height, across * tile_width] == [rows, columns]
                && output.len() == images * rows * row_len
                && channels.count == self.blocks * LANES
                && channels.first + channels.count <= channels.total
                && images * down * across <= self.tiles
                && self.blocks * self.tiles * LANES <= self.plane
                && self.planes.len() >= self.scheme.planes() * self.plane,
            "{} by {columns} outputs of {images} images, {channels:?}, from {} tiles of {:?}",
            rows,
            self.tiles,
            self.scheme
        );
        let (output, planes) = (output.as_mut_ptr(), self.planes.as_ptr());
        let (bias, _) = bias.as_chunks::<LANES>();
        let step = tile_width * channels.total;
        for row in 0..images * down {
            // Block by block along a row of tiles: its lines are still in the cache when their other half is written.
            for (block, bias) in bias.iter().enumerate().take(self.blocks) {
                let to = row * tile_height * row_len + channels.first + block * LANES;
                let from = (block * self.tiles + row * across) * LANES;
                let in_line = LINE / LANES;
                let claims = block % in_line == 0 && block + in_line < self.blocks;
                let route = IntoMap::<RECTIFY> { bias: bias.as_ptr(), claims };
                let mut tile = 0;
                while tile < across {
                    let first = planes.wrapping_add(from + tile * LANES);
                    let source = Place { first, row: M::FROM[1] * self.plane, column: self.plane };
                    let first = output.wrapping_add(to + tile * step);
                    let target = Place { first, row: row_len, column: channels.total };
                    // SAFETY: as was asserted, the tiles up to `across` lie in the planes, and their pixels in the output.
                    tile += unsafe { together::<S, M>(simd, route, across - tile, step, source, target) };
                }
            }
        }
    }
}

impl UseOfMaps for LowerIntoMap<'_> {
    #[inline(always)]
    fn with<S: Simd, M: Maps>(self, simd: S) {
        if self.band.rectify {
            self.each::<S, M::Output, true>(simd);
        } else {
            self.each::<S, M::Output, false>(simd);
        }
    }
}

impl Kernel for LowerIntoMap<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        with_maps(self.scheme, simd, self);
    }
}
