//! Depthwise convolution: one filter per channel, computed on vectors of channels.
//!
//! There is nothing to multiply as matrices: every output is a handful of products, and memory sets the pace.

use rayon::prelude::*;

use crate::bfloat16::{round_operand, rounded_copy};
use crate::channels::{Channels, lanes};
use crate::convolution::{BackwardJob, ForwardJob};
use crate::engine::Engine;
use crate::epilogue::Epilogue;
use crate::fast::output_size;
use crate::geometry::ConvGeometry;
use crate::scratch::Scratch;
use crate::simd::{Kernel, LANES, Simd, dispatch};

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

/// A tap of an output pixel that lies on the map.
#[derive(Clone, Copy)]
struct Tap {
    /// Its place in the filter.
    place: usize,
    /// The first element of the input pixel it meets.
    input: usize,
}

/// Adds the taps of one output pixel that lie on the map to a list, row by row.
fn list_taps(geometry: &ConvGeometry, row: usize, column: usize, taps: &mut Vec<Tap>) {
    let ConvGeometry { kernel, stride, dilation, padding, height_in, width_in, channels_in, .. } = *geometry;
    for u in 0..kernel[0] {
        // Above the map this wraps to far below it.
        let y = (row * stride[0] + u * dilation[0]).wrapping_sub(padding.top);
        for v in 0..kernel[1] {
            let x = (column * stride[1] + v * dilation[1]).wrapping_sub(padding.left);
            if y < height_in && x < width_in {
                taps.push(Tap { place: u * kernel[1] + v, input: (y * width_in + x) * channels_in });
            }
        }
    }
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
        dispatch(
            engine.isa(),
            Row { geometry: &geometry, row: line % height, weights, bias: job.bias, x, y },
        );
        if job.epilogue != Epilogue::IDENTITY {
            for (element, y) in (line * row_len..).zip(y) {
                *y = epilogue.forward(*y, element);
            }
        }
    });
}

/// One row of the output, before the epilogue.
struct Row<'a> {
    geometry: &'a ConvGeometry,
    row: usize,
    weights: &'a [f32],
    bias: Option<&'a [f32]>,
    x: &'a [f32],
    y: &'a mut [f32],
}

impl Kernel for Row<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let channels = self.geometry.channels_in;
        let mut taps = Vec::new();
        for (column, y) in self.y.chunks_exact_mut(channels).enumerate() {
            taps.clear();
            list_taps(self.geometry, self.row, column, &mut taps);
            for block in Channels::blocks(channels) {
                let mut sum = self.bias.map_or([0.0; LANES], |bias| block.load(bias));
                for tap in &taps {
                    let x = block.load(&self.x[tap.input..]);
                    let weight = block.load(&self.weights[tap.place * channels..]);
                    for lane in 0..LANES {
                        sum[lane] += weight[lane] * x[lane];
                    }
                }
                block.store(sum, y);
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
    let meetings = Meetings::new(&geometry, [height, width]);
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
            Image { channels, meetings: &meetings, weights: &weights, x, dz: &dz, dx, dweight },
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

/// Which output pixels meet which input pixels, in two orders.
struct Meetings {
    /// The taps of all output pixels in turn.
    taps: Vec<Tap>,
    /// How many of them each output pixel has.
    counts: Vec<usize>,
    /// For each tap of the filter, the first elements of the output pixels and of the input pixels it joins.
    pairs: Vec<Vec<[usize; 2]>>,
}

impl Meetings {
    fn new(geometry: &ConvGeometry, [height, width]: [usize; 2]) -> Self {
        let (filter, channels) = (geometry.kernel[0] * geometry.kernel[1], geometry.channels_in);
        let (mut taps, mut counts) = (Vec::with_capacity(height * width * filter), Vec::new());
        let mut pairs = vec![Vec::with_capacity(height * width); filter];
        for place in 0..height * width {
            let before = taps.len();
            list_taps(geometry, place / width, place % width, &mut taps);
            counts.push(taps.len() - before);
            for tap in &taps[before..] {
                pairs[tap.place].push([place * channels, tap.input]);
            }
        }
        Self { taps, counts, pairs }
    }
}

/// The gradients of input and weight that one image causes.
struct Image<'a> {
    channels: usize,
    meetings: &'a Meetings,
    weights: &'a [f32],
    x: &'a [f32],
    dz: &'a [f32],
    dx: Option<&'a mut [f32]>,
    dweight: &'a mut [f32],
}

impl Kernel for Image<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let channels = self.channels;
        for (pairs, dweight) in self.meetings.pairs.iter().zip(self.dweight.chunks_exact_mut(channels)) {
            for block in Channels::blocks(channels) {
                let mut sum = [0.0; LANES];
                for [output, input] in pairs {
                    let (slope, x) = (block.load(&self.dz[*output..]), block.load(&self.x[*input..]));
                    for lane in 0..LANES {
                        sum[lane] += x[lane] * slope[lane];
                    }
                }
                block.store(sum, dweight);
            }
        }
        let Some(dx) = self.dx else { return };
        dx.fill(0.0);
        let mut rest = &self.meetings.taps[..];
        for (dz, count) in self.dz.chunks_exact(channels).zip(&self.meetings.counts) {
            let (taps, behind) = rest.split_at(*count);
            rest = behind;
            for block in Channels::blocks(channels) {
                let slope = block.load(dz);
                for tap in taps {
                    let weight = block.load(&self.weights[tap.place * channels..]);
                    block.add(lanes!(lane => weight[lane] * slope[lane]), &mut dx[tap.input..]);
                }
            }
        }
    }
}
