//! NHWC maps to channel-blocked bands.
//!
//! A band is `[image, block, row, column, lane]`: a block holds `lanes` neighbouring channels of every pixel, so that
//! vectors, tiles and matrix rows are contiguous. Padding, columns beyond the map and missing channels are zero.

use std::ops::Range;

use super::shape::{Channels, StageShape};
use super::tiling::{Tiling, signed};
use crate::cpu::{Kernel, LANES, LINE, Simd, prefetch};
use crate::elementwise::{Activation, PreparedEpilogue};

/// How far ahead of the pixel in work a map is fetched, in elements (4 KiB): further than memory takes to answer, and little compared with
/// the second-level cache.
pub(super) const AHEAD: usize = 1024;

/// Prefetches the pixel that lies [`AHEAD`] of this one.
#[inline(always)]
fn fetch_ahead(pixel: &[f32]) {
    for line in pixel.chunks(LINE) {
        prefetch(line.as_ptr().wrapping_add(AHEAD));
    }
}

/// Fills a band of the input from the images of a slot.
pub(crate) struct StageInput<'a> {
    pub(crate) tiling: &'a Tiling,
    pub(crate) shape: StageShape,
    pub(crate) channels: Channels,
    pub(crate) band: usize,
    /// Rows of the map that are here: all, or those that the band reads.
    pub(crate) rows: Range<usize>,
    /// These rows of every image.
    pub(crate) images: &'a [f32],
    pub(crate) stage: &'a mut [f32],
}

impl Kernel for StageInput<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let (geometry, shape, channels) = (&self.tiling.geometry, self.shape, self.channels);
        let image_len = self.rows.len() * geometry.width_in * channels.total;
        let first_row = self.tiling.first_input_row(self.band);
        // Columns left of the map, on the map, and right of it.
        let left = geometry.padding.left.min(shape.columns);
        let on_map = geometry.width_in.min(shape.columns - left);
        for (image, stage) in self.stage.chunks_exact_mut(shape.image_len()).enumerate() {
            let Some(source) = self.images.get(image * image_len..(image + 1) * image_len) else {
                stage.fill(0.0);
                continue;
            };
            for row in 0..shape.rows {
                let map_row =
                    usize::try_from(first_row + signed(row)).ok().filter(|row| self.rows.contains(row));
                let Some(map_row) = map_row else {
                    for block in 0..shape.blocks {
                        stage[block * shape.block_len() + row * shape.row_len()..][..shape.row_len()]
                            .fill(0.0);
                    }
                    continue;
                };
                // Pixel by pixel: along a row there are few, and filling them would be a call for every block.
                for column in (0..left).chain(left + on_map..shape.columns) {
                    let in_first = row * shape.row_len() + column * shape.lanes;
                    for block in 0..shape.blocks {
                        let target = &mut stage[in_first + block * shape.block_len()..][..shape.lanes];
                        match target.first_chunk_mut::<LANES>() {
                            Some(target) => *target = [0.0; LANES],
                            None => target.fill(0.0),
                        }
                    }
                }
                let line = &source[(map_row - self.rows.start) * geometry.width_in * channels.total..];
                // Pixel by pixel, so that the map is read in one stream.
                for (column, pixel) in line.chunks_exact(channels.total).take(on_map).enumerate() {
                    let pixel = &pixel[channels.first..channels.first + channels.count];
                    fetch_ahead(pixel);
                    let mut target = row * shape.row_len() + (left + column) * shape.lanes;
                    let rest = if shape.lanes == LANES {
                        let (blocks, rest) = pixel.as_chunks::<LANES>();
                        for values in blocks {
                            stage[target..target + LANES].copy_from_slice(values);
                            target += shape.block_len();
                        }
                        rest
                    } else {
                        // One block, as wide as there are channels, or a little wider.
                        pixel
                    };
                    if !rest.is_empty() {
                        let target = &mut stage[target..target + shape.lanes];
                        target[..rest.len()].copy_from_slice(rest);
                        target[rest.len()..].fill(0.0);
                    }
                }
            }
        }
    }
}

/// Fills a band of the output's gradient, `dy * derivative(y)`, and adds it to the sums that make the bias gradient.
pub(crate) struct StageGradient<'a> {
    pub(crate) tiling: &'a Tiling,
    pub(crate) shape: StageShape,
    pub(crate) channels: Channels,
    pub(crate) band: usize,
    pub(crate) epilogue: &'a PreparedEpilogue,
    /// Flat index of the first element of `y` and `dy` in the whole output.
    pub(crate) first_element: usize,
    pub(crate) y: &'a [f32],
    pub(crate) dy: &'a [f32],
    /// One sum per lane of every block, and as much memory for the sums of one row; empty where they are not wanted.
    pub(crate) sums: &'a mut [f32],
    pub(crate) stage: &'a mut [f32],
}

impl Kernel for StageGradient<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let epilogue = *self.epilogue;
        let scale = epilogue.scale;
        match (epilogue.activation, epilogue.mask) {
            (Activation::Identity, None) => self.fill(|_, dy, _| dy),
            (Activation::Relu, _) => {
                self.fill(|y, dy, _| lanes(|l| if y[l] > 0.0 { dy[l] * scale } else { 0.0 }))
            }
            (Activation::Identity, Some(mask)) => {
                self.fill(|_, dy, first| mask.select(lanes(|l| dy[l] * scale), first))
            }
            (Activation::LeakyRelu { slope }, None) => {
                self.fill(|y, dy, _| lanes(|l| if y[l] > 0.0 { dy[l] } else { dy[l] * slope }));
            }
            (Activation::LeakyRelu { slope }, Some(mask)) => self.fill(|y, dy, first| {
                let negative = scale * slope;
                mask.select(lanes(|l| dy[l] * if y[l] > 0.0 { scale } else { negative }), first)
            }),
        }
    }
}

/// Returns a vector's worth of values, computed lane by lane.
#[inline(always)]
pub(super) fn lanes(value: impl Fn(usize) -> f32) -> [f32; LANES] {
    let mut values = [0.0; LANES];
    for (lane, target) in values.iter_mut().enumerate() {
        *target = value(lane);
    }
    values
}

impl StageGradient<'_> {
    #[inline(always)]
    fn fill(self, gradient: impl Fn([f32; LANES], [f32; LANES], u32) -> [f32; LANES]) {
        let (tiling, shape, channels) = (self.tiling, self.shape, self.channels);
        let image_len = tiling.height_out * tiling.width_out * channels.total;
        let summed = !self.sums.is_empty();
        let (sums, row_sums) = self.sums.split_at_mut(if summed { shape.blocks * LANES } else { 0 });
        for (image, stage) in self.stage.chunks_exact_mut(shape.image_len()).enumerate() {
            let range = image * image_len..(image + 1) * image_len;
            let (Some(y), Some(dy)) = (self.y.get(range.clone()), self.dy.get(range)) else {
                stage.fill(0.0);
                continue;
            };
            for row in 0..shape.rows {
                let map_row = self.band * tiling.rows_out + row;
                let in_row = |block: usize| block * shape.block_len() + row * shape.row_len();
                if map_row >= tiling.height_out {
                    for block in 0..shape.blocks {
                        stage[in_row(block)..][..shape.row_len()].fill(0.0);
                    }
                    continue;
                }
                if tiling.width_out < shape.columns {
                    for block in 0..shape.blocks {
                        stage[in_row(block)..][..shape.row_len()][tiling.width_out * LANES..].fill(0.0);
                    }
                }
                // Sums of a row are made by themselves, then added to those of the rows before.
                row_sums.fill(0.0);
                let (row_sums, _) = row_sums.as_chunks_mut::<LANES>();
                // Pixel by pixel, so that the maps are read in two streams.
                for column in 0..tiling.width_out {
                    let pixel = (map_row * tiling.width_out + column) * channels.total + channels.first;
                    let element =
                        crate::elementwise::element_index(self.first_element + image * image_len + pixel);
                    let own = pixel..pixel + channels.count;
                    let (y, dy) = (&y[own.clone()], &dy[own]);
                    fetch_ahead(y);
                    fetch_ahead(dy);
                    let (y, dy) = (y.chunks(LANES), dy.chunks(LANES));
                    let mut target = row * shape.row_len() + column * LANES;
                    for (block, (y, dy)) in y.zip(dy).enumerate() {
                        let element = element.wrapping_add((block * LANES) as u32);
                        let values = gradient(padded(y), padded(dy), element);
                        stage[target..target + LANES].copy_from_slice(&values);
                        if summed {
                            let row_sum = &mut row_sums[block];
                            for lane in 0..LANES {
                                row_sum[lane] += values[lane];
                            }
                        }
                        target += shape.block_len();
                    }
                }
                sums.iter_mut().zip(row_sums.as_flattened()).for_each(|(sum, row_sum)| *sum += row_sum);
            }
        }
    }
}

/// Returns a vector's worth of values, with zeros for those that are missing.
#[inline(always)]
fn padded(values: &[f32]) -> [f32; LANES] {
    if let Ok(whole) = values.try_into() {
        return whole;
    }
    let mut lanes = [0.0; LANES];
    lanes[..values.len()].copy_from_slice(values);
    lanes
}
