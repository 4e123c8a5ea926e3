//! Depthwise convolution: one filter per channel, computed on vectors of channels.
//!
//! There is nothing to multiply as matrices: every output is a handful of products, and memory sets the pace.

use rayon::prelude::*;

use crate::bfloat16::{round_operand, rounded_copy};
use crate::convolution::{BackwardJob, ForwardJob};
use crate::engine::Engine;
use crate::fast::output_size;
use crate::geometry::ConvGeometry;
use crate::scratch::Scratch;
use crate::simd::{Kernel, Simd, dispatch};

/// Weights `[C, 1, KH, KW]` as `[tap][C]`.
pub(crate) fn weights_by_tap<'e>(engine: &'e Engine, geometry: &ConvGeometry, weight: &[f32]) -> Scratch<'e> {
    let (taps, channels) = (geometry.kernel[0] * geometry.kernel[1], geometry.channels_in);
    let mut by_tap = engine.scratch().take(taps * channels);
    for (channel, filter) in weight.chunks_exact(taps).enumerate() {
        for (tap, &value) in filter.iter().enumerate() {
            by_tap[tap * channels + channel] = value;
        }
    }
    round_operand(engine, &mut by_tap);
    by_tap
}

/// The taps of one output pixel that lie on the map, as `(tap, first element of the input pixel)`.
#[inline(always)]
fn taps_on_map(geometry: &ConvGeometry, row: usize, column: usize) -> impl Iterator<Item = (usize, usize)> {
    let ConvGeometry { kernel, stride, dilation, padding, height_in, width_in, channels_in, .. } = *geometry;
    let rows = (0..kernel[0]).filter_map(move |u| {
        let y = (row * stride[0] + u * dilation[0]).checked_sub(padding.top).filter(|&y| y < height_in)?;
        Some((u, y))
    });
    rows.flat_map(move |(u, y)| {
        (0..kernel[1]).filter_map(move |v| {
            let x =
                (column * stride[1] + v * dilation[1]).checked_sub(padding.left).filter(|&x| x < width_in)?;
            Some((u * kernel[1] + v, (y * width_in + x) * channels_in))
        })
    })
}

/// The forward pass with weights from [`weights_by_tap`]: rows of the output in parallel.
pub(crate) fn forward(engine: &Engine, weights: &[f32], job: ForwardJob<'_, f32>) {
    let geometry = job.geometry;
    let ([height, width], channels) = (output_size(&geometry), geometry.channels_in);
    let epilogue = job.epilogue.prepare();
    let image_in = geometry.height_in * geometry.width_in * channels;
    let row_len = width * channels;
    let rounded = rounded_copy(engine, job.x);
    let x = rounded.as_deref().unwrap_or(job.x);
    job.y.par_chunks_mut(row_len).enumerate().for_each(|(line, y)| {
        let x = &x[line / height * image_in..][..image_in];
        match job.bias {
            Some(bias) => y.chunks_exact_mut(channels).for_each(|pixel| pixel.copy_from_slice(bias)),
            None => y.fill(0.0),
        }
        dispatch(engine.isa(), Row { geometry: &geometry, row: line % height, weights, x, y });
        for (element, y) in (line * row_len..).zip(y) {
            *y = epilogue.forward(*y, element);
        }
    });
}

/// Adds the convolution to one row of the output.
struct Row<'a> {
    geometry: &'a ConvGeometry,
    row: usize,
    weights: &'a [f32],
    x: &'a [f32],
    y: &'a mut [f32],
}

impl Kernel for Row<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let channels = self.geometry.channels_in;
        for (column, y) in self.y.chunks_exact_mut(channels).enumerate() {
            for (tap, pixel) in taps_on_map(self.geometry, self.row, column) {
                let (x, weights) =
                    (&self.x[pixel..][..channels], &self.weights[tap * channels..][..channels]);
                for ((y, x), weight) in y.iter_mut().zip(x).zip(weights) {
                    *y += weight * x;
                }
            }
        }
    }
}

/// The backward pass: images in parallel, their weight and bias gradients added up in order.
pub(crate) fn backward(engine: &Engine, job: BackwardJob<'_, f32>) {
    let geometry = job.geometry;
    let ([height, width], channels) = (output_size(&geometry), geometry.channels_in);
    let weights = weights_by_tap(engine, &geometry, job.weight);
    let epilogue = job.epilogue.prepare();
    let (image_in, image_out) =
        (geometry.height_in * geometry.width_in * channels, height * width * channels);
    let taps = geometry.kernel[0] * geometry.kernel[1];
    // Per image: the weight gradient by taps, then the bias gradient.
    let partial_len = (taps + 1) * channels;
    let mut partial = engine.scratch().take(geometry.batch * partial_len);
    let mut images: Vec<Option<&mut [f32]>> = match job.gradients.dx {
        Some(dx) => dx.chunks_mut(image_in).map(Some).collect(),
        None => (0..geometry.batch).map(|_| None).collect(),
    };
    let rounded = rounded_copy(engine, job.x);
    let x = rounded.as_deref().unwrap_or(job.x);
    let tasks = partial.par_chunks_mut(partial_len).zip(images.par_iter_mut()).enumerate();
    tasks.for_each(|(image, (sums, dx))| {
        let mut dz = engine.scratch().take(image_out);
        let range = image * image_out..(image + 1) * image_out;
        for (element, ((dz, &y), &dy)) in
            range.clone().zip(dz.iter_mut().zip(&job.y[range.clone()]).zip(&job.dy[range]))
        {
            *dz = dy * epilogue.slope(y, element);
        }
        sums.fill(0.0);
        let (dweight, dbias) = sums.split_at_mut(taps * channels);
        for dz in dz.chunks_exact(channels) {
            dbias.iter_mut().zip(dz).for_each(|(sum, slope)| *sum += slope);
        }
        round_operand(engine, &mut dz);
        let x = &x[image * image_in..][..image_in];
        let dx = dx.as_deref_mut();
        dispatch(
            engine.isa(),
            Image { geometry: &geometry, width, weights: &weights, x, dz: &dz, dx, dweight },
        );
    });
    let taps_range = taps * channels;
    job.gradients.dweight.fill(0.0);
    for sums in partial.chunks_exact(partial_len) {
        for (channel, filter) in job.gradients.dweight.chunks_exact_mut(taps).enumerate() {
            for (tap, total) in filter.iter_mut().enumerate() {
                *total += sums[tap * channels + channel];
            }
        }
    }
    if let Some(dbias) = job.gradients.dbias {
        dbias.fill(0.0);
        for sums in partial.chunks_exact(partial_len) {
            dbias.iter_mut().zip(&sums[taps_range..]).for_each(|(total, sum)| *total += sum);
        }
    }
}

/// The gradients of input and weight that one image causes.
struct Image<'a> {
    geometry: &'a ConvGeometry,
    /// Columns of the output.
    width: usize,
    weights: &'a [f32],
    x: &'a [f32],
    dz: &'a [f32],
    dx: Option<&'a mut [f32]>,
    dweight: &'a mut [f32],
}

impl Kernel for Image<'_> {
    #[inline(always)]
    fn run<S: Simd>(mut self, _simd: S) {
        let channels = self.geometry.channels_in;
        if let Some(dx) = &mut self.dx {
            dx.fill(0.0);
        }
        for (place, dz) in self.dz.chunks_exact(channels).enumerate() {
            for (tap, pixel) in taps_on_map(self.geometry, place / self.width, place % self.width) {
                let sums = &mut self.dweight[tap * channels..][..channels];
                for ((sum, x), slope) in sums.iter_mut().zip(&self.x[pixel..][..channels]).zip(dz) {
                    *sum += x * slope;
                }
                if let Some(dx) = &mut self.dx {
                    let weights = &self.weights[tap * channels..][..channels];
                    for ((dx, weight), slope) in dx[pixel..][..channels].iter_mut().zip(weights).zip(dz) {
                        *dx += weight * slope;
                    }
                }
            }
        }
    }
}
