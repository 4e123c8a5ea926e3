//! The division of maps into bands of output rows, and the input rows that a band reads.

use super::shape::StageShape;
use crate::convolution::ConvGeometry;
use crate::cpu::LANES;

/// The requirements of an algorithm for a [`Tiling`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct TilingRequest {
    /// Output rows and columns come in multiples of these: the edges of a Winograd tile, or 1.
    pub(crate) tile: [usize; 2],
    /// Output pixels that a band should have, at least, where the maps are large enough.
    pub(crate) pixels: usize,
    /// Bands that the whole batch should have, at least, where that leaves a row of tiles to each: for several threads to share them.
    pub(crate) bands: usize,
}

/// Bands of one convolution. A *slot* is a run of whole images; where it holds more than one image it has one band.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tiling {
    /// The convolution.
    pub(crate) geometry: ConvGeometry,
    /// Rows of the output map.
    pub(crate) height_out: usize,
    /// Columns of the output map.
    pub(crate) width_out: usize,
    /// Images of a slot.
    pub(crate) images: usize,
    /// Slots of the batch; the last one may lack images.
    pub(crate) slots: usize,
    /// Output rows of a band.
    pub(crate) rows_out: usize,
    /// Output columns of a band: the width, rounded up to whole tiles.
    pub(crate) columns_out: usize,
    /// Bands of an image.
    pub(crate) bands: usize,
    /// Input rows of a band, those shared with the next band included.
    pub(crate) rows_in: usize,
    /// Input columns of a band.
    pub(crate) columns_in: usize,
    /// Input rows between the starts of two bands.
    pub(crate) row_step: usize,
}

impl Tiling {
    /// Cuts the maps of a valid geometry.
    pub(crate) fn new(geometry: &ConvGeometry, request: TilingRequest) -> Self {
        let [height_out, width_out] = geometry.output_size();
        let [tile_height, tile_width] = request.tile;
        let (tile_rows, columns_out) =
            (height_out.div_ceil(tile_height), width_out.next_multiple_of(tile_width));
        let pixels = request.pixels.min((geometry.batch * height_out * columns_out).div_ceil(request.bands));
        // As many tile rows as the requested pixels take, spread evenly over the bands.
        let wanted = pixels.div_ceil(columns_out * tile_height).clamp(1, tile_rows);
        let rows_out = tile_rows.div_ceil(tile_rows.div_ceil(wanted)) * tile_height;
        let bands = height_out.div_ceil(rows_out);
        let images =
            if bands == 1 { pixels.div_ceil(rows_out * columns_out).clamp(1, geometry.batch) } else { 1 };
        let slots = geometry.batch.div_ceil(images);
        let images = geometry.batch.div_ceil(slots);
        let reach = [0, 1].map(|axis| geometry.dilation[axis] * (geometry.kernel[axis] - 1) + 1);
        let row_step = rows_out * geometry.stride[0];
        // Where the stride exceeds the kernel, the rows in between belong to the band although no output reads them.
        let rows_in = ((rows_out - 1) * geometry.stride[0] + reach[0]).max(row_step);
        let columns_in =
            ((columns_out - 1) * geometry.stride[1] + reach[1]).max(columns_out * geometry.stride[1]);
        Self {
            geometry: *geometry,
            height_out,
            width_out,
            images,
            slots,
            rows_out,
            columns_out,
            bands,
            rows_in,
            columns_in,
            row_step,
        }
    }

    /// Returns the number of input rows that a band shares with the next one.
    pub(crate) const fn carried_rows(&self) -> usize {
        self.rows_in - self.row_step
    }

    /// Returns the number of images of a slot that exist.
    pub(crate) fn images_of(&self, slot: usize) -> usize {
        self.images.min(self.geometry.batch - slot * self.images)
    }

    /// Returns the shape of a staged band of the input, in blocks of so many lanes.
    pub(crate) const fn input_stage(&self, blocks: usize, lanes: usize) -> StageShape {
        StageShape { images: self.images, blocks, rows: self.rows_in, columns: self.columns_in, lanes }
    }

    /// Returns the shape of a staged band of the output, or of its gradient.
    pub(crate) const fn output_stage(&self, blocks: usize) -> StageShape {
        StageShape {
            images: self.images,
            blocks,
            rows: self.rows_out,
            columns: self.columns_out,
            lanes: LANES,
        }
    }

    /// Returns the first input row of a band; negative in the padding.
    pub(crate) fn first_input_row(&self, band: usize) -> isize {
        signed(band * self.row_step) - signed(self.geometry.padding.top)
    }
}

/// Returns a size as a signed number: coordinates in the padding are negative.
#[expect(clippy::cast_possible_wrap, reason = "sizes of tensors in memory are far below isize::MAX")]
pub(crate) const fn signed(size: usize) -> isize {
    size as isize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::windows::Padding;

    fn tiling(batch: usize, height: usize, tile: usize, pixels: usize) -> Tiling {
        let geometry = ConvGeometry {
            batch,
            height_in: height,
            width_in: height,
            channels_in: 8,
            channels_out: 8,
            kernel: [3, 3],
            stride: [1, 1],
            padding: Padding::same(1),
            dilation: [1, 1],
            groups: 1,
        };
        Tiling::new(&geometry, TilingRequest { tile: [tile; 2], pixels, bands: 1 })
    }

    #[test]
    fn large_maps_are_cut_into_equal_bands_and_small_ones_are_gathered() {
        let large = tiling(128, 32, 4, 256);
        assert_eq!((large.rows_out, large.bands, large.images, large.slots), (8, 4, 1, 128));
        assert_eq!((large.rows_in, large.columns_in, large.carried_rows()), (10, 34, 2));
        let small = tiling(10, 6, 3, 144);
        assert_eq!((small.rows_out, small.bands, small.images, small.slots), (6, 1, 4, 3));
        assert_eq!([0, 1, 2].map(|slot| small.images_of(slot)), [4, 4, 2]);
    }

    #[test]
    fn a_single_image_is_cut_finer_for_several_threads() {
        let geometry = ConvGeometry { batch: 1, ..tiling(1, 16, 4, 256).geometry };
        let cut = |bands| Tiling::new(&geometry, TilingRequest { tile: [4; 2], pixels: 256, bands }).bands;
        assert_eq!([1, 2, 4, 100].map(cut), [1, 2, 4, 4]);
    }

    #[test]
    fn a_map_that_tiles_do_not_divide_is_covered() {
        let odd = tiling(1, 13, 4, 100);
        assert!(odd.rows_out * odd.bands >= 13 && odd.rows_out.is_multiple_of(4) && odd.columns_out == 16);
    }
}
