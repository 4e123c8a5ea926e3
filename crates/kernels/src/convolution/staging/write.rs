//! Channel-blocked bands to NHWC maps.

use super::shape::{Channels, StageShape};
use super::stage::{AHEAD, lanes};
use super::tiling::{Tiling, signed};
use crate::cpu::{Kernel, LANES, LINE, Simd, prefetch_to_write};
use crate::elementwise::{Activation, PreparedEpilogue};

/// Prefetches for writing the pixel that lies [`AHEAD`] of this one: a store waits until the core owns its line.
#[inline(always)]
fn claim_ahead(pixel: &[f32]) {
    for line in pixel.chunks(LINE) {
        prefetch_to_write(line.as_ptr().wrapping_add(AHEAD));
    }
}

/// Writes a band of the output: bias, activation and dropout applied.
pub(crate) struct WriteOutput<'a> {
    pub(crate) tiling: &'a Tiling,
    pub(crate) shape: StageShape,
    pub(crate) channels: Channels,
    pub(crate) epilogue: &'a PreparedEpilogue,
    /// Bias of the group, zero-padded to whole blocks.
    pub(crate) bias: &'a [f32],
    /// Flat index of the first element of `output` in the whole output.
    pub(crate) first_element: usize,
    /// Rows and columns that the channels of a pixel are spread over, see [`ForwardOperands`](super::ForwardOperands).
    pub(crate) spread: [usize; 2],
    pub(crate) stage: &'a [f32],
    /// The rows of the band, or the images of the slot.
    pub(crate) output: &'a mut [f32],
}

impl Kernel for WriteOutput<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let epilogue = *self.epilogue;
        let scale = epilogue.scale;
        match (epilogue.activation, epilogue.mask) {
            (Activation::Identity, None) => self.write(|z, _| z),
            (Activation::Identity, Some(mask)) => {
                self.write(|z, first| mask.select(lanes(|l| z[l] * scale), first))
            }
            (Activation::Relu, None) => self.write(|z, _| lanes(|l| rectified(z[l]))),
            (Activation::Relu, Some(mask)) => {
                self.write(|z, first| mask.select(lanes(|l| rectified(z[l]) * scale), first));
            }
            (Activation::LeakyRelu { slope }, None) => {
                self.write(|z, _| lanes(|l| if z[l] > 0.0 { z[l] } else { z[l] * slope }));
            }
            (Activation::LeakyRelu { slope }, Some(mask)) => self.write(|z, first| {
                let negative = scale * slope;
                mask.select(lanes(|l| z[l] * if z[l] > 0.0 { scale } else { negative }), first)
            }),
        }
    }
}

/// Computes `max(value, 0)`, except that NaN stays NaN.
#[inline(always)]
fn rectified(value: f32) -> f32 {
    if value <= 0.0 { 0.0 } else { value }
}

impl WriteOutput<'_> {
    #[inline(always)]
    fn write(self, finish: impl Fn([f32; LANES], u32) -> [f32; LANES]) {
        let (bias, _) = self.bias.as_chunks::<LANES>();
        let (tiling, shape, channels) = (self.tiling, self.shape, self.channels);
        let [tall, wide] = self.spread;
        let parts = tall * wide;
        let image_len = tiling.width_out
            * channels.total
            * if tiling.bands == 1 { tiling.height_out } else { shape.rows };
        for (image, output) in self.output.chunks_mut(image_len).enumerate() {
            let stage = &self.stage[image * shape.image_len()..][..shape.image_len()];
            let line_len = tiling.width_out * channels.total;
            for (row, line) in output.chunks_exact_mut(line_len).enumerate() {
                for (column, part) in
                    (0..tiling.width_out).flat_map(|column| (0..parts).map(move |part| (column, part)))
                {
                    let place = (part / wide * tiling.width_out + column) * wide + part % wide;
                    let start = place * channels.total / parts + channels.first;
                    let target = &mut line[start..start + channels.count / parts];
                    claim_ahead(target);
                    let start = image * image_len + row * line_len + start;
                    let element = crate::elementwise::element_index(self.first_element + start);
                    let first = row * shape.row_len() + column * LANES;
                    let first_block = part * (channels.count / parts) / LANES;
                    let finished = |block: usize, bias: &[f32; LANES]| {
                        let source = first + (first_block + block) * shape.block_len();
                        let mut values = [0.0; LANES];
                        values.copy_from_slice(&stage[source..source + LANES]);
                        for lane in 0..LANES {
                            values[lane] += bias[lane];
                        }
                        finish(values, element.wrapping_add((block * LANES) as u32))
                    };
                    // Whole vectors apart from the rest: a copy of either length would be a call.
                    let (whole, rest) = target.as_chunks_mut::<LANES>();
                    let (blocks, bias) = (whole.len(), &bias[first_block..]);
                    for (block, (target, bias)) in whole.iter_mut().zip(bias).enumerate() {
                        *target = finished(block, bias);
                    }
                    if !rest.is_empty() {
                        rest.copy_from_slice(&finished(blocks, &bias[blocks])[..rest.len()]);
                    }
                }
            }
        }
    }
}

/// Writes the rows of a band of the input's gradient that no later band adds to.
pub(crate) struct WriteInputGradient<'a> {
    pub(crate) tiling: &'a Tiling,
    pub(crate) shape: StageShape,
    pub(crate) channels: Channels,
    pub(crate) band: usize,
    pub(crate) stage: &'a [f32],
    /// The images of the slot.
    pub(crate) images: &'a mut [f32],
}

impl Kernel for WriteInputGradient<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let (tiling, shape, channels) = (self.tiling, self.shape, self.channels);
        let geometry = &tiling.geometry;
        let first = tiling.first_input_row(self.band);
        let start = usize::try_from(first).unwrap_or(0);
        let end = if self.band + 1 == tiling.bands {
            geometry.height_in
        } else {
            usize::try_from(first + signed(tiling.row_step)).unwrap_or(0).min(geometry.height_in)
        };
        let image_len = geometry.height_in * geometry.width_in * channels.total;
        for (image, target) in self.images.chunks_exact_mut(image_len).enumerate() {
            let stage = &self.stage[image * shape.image_len()..][..shape.image_len()];
            for map_row in start..end {
                let row = usize::try_from(signed(map_row) - first).unwrap_or(0);
                let line = &mut target[map_row * geometry.width_in * channels.total..]
                    [..geometry.width_in * channels.total];
                for (column, pixel) in line.chunks_exact_mut(channels.total).enumerate() {
                    let pixel = &mut pixel[channels.first..channels.first + channels.count];
                    claim_ahead(pixel);
                    let column = column + geometry.padding.left;
                    if row >= shape.rows || column >= shape.columns {
                        pixel.fill(0.0);
                        continue;
                    }
                    let mut source = row * shape.row_len() + column * LANES;
                    let (whole, rest) = pixel.as_chunks_mut::<LANES>();
                    for pixel in whole {
                        pixel.copy_from_slice(&stage[source..source + LANES]);
                        source += shape.block_len();
                    }
                    if !rest.is_empty() {
                        rest.copy_from_slice(&stage[source..source + rest.len()]);
                    }
                }
            }
        }
    }
}
