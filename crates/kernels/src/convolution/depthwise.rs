//! Depthwise convolution: one filter per channel, computed on runs of channels.
//!
//! No matrices are multiplied: every output is a sum of a few products, and memory bounds the speed. The sums of a run of channels stay in
//! registers until they are complete: over the taps of a pixel, the outputs that an input reaches, the pixels that a tap joins.

use rayon::prelude::*;

use super::geometry::ConvGeometry;
use super::operands::{ConvBackward, ConvForward};
use super::plan::Convolution;
use super::rounding::{round_operand, rounded_copy};
use crate::cpu::{Kernel, Simd, dispatch};
use crate::elementwise::{Epilogue, PreparedEpilogue};
use crate::engine::Engine;
use crate::memory::Scratch;
use crate::numbers::{InRuns, in_runs, load_run, store_run};

/// Returns weights `[C, 1, KH, KW]` as `[tap][C]`.
pub(super) fn weights_by_tap<'e>(engine: &'e Engine, geometry: &ConvGeometry, weight: &[f32]) -> Scratch<'e> {
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
    /// The first element of its weights.
    weight: usize,
    /// The first element of the pixel it reads, counted from the start of the window.
    pixel: usize,
}

/// The windows of a convolution: all those that lie wholly on the map share their taps.
struct Windows<'a> {
    geometry: &'a ConvGeometry,
    whole: Vec<Tap>,
    /// The taps of a window that does not lie wholly on the map.
    part: Vec<Tap>,
}

impl<'a> Windows<'a> {
    fn new(geometry: &'a ConvGeometry) -> Self {
        let ConvGeometry { kernel, dilation, width_in, channels_in, .. } = *geometry;
        let places = (0..kernel[0]).flat_map(|u| (0..kernel[1]).map(move |v| [u, v]));
        let whole = places.map(|[u, v]| Tap {
            weight: (u * kernel[1] + v) * channels_in,
            pixel: (u * dilation[0] * width_in + v * dilation[1]) * channels_in,
        });
        Self { geometry, whole: whole.collect(), part: Vec::new() }
    }

    /// Returns the taps of this row and column of the output that lie on the map, row by row, and the element from which their pixels
    /// count.
    #[inline(always)]
    fn at(&mut self, row: usize, column: usize) -> (usize, &[Tap]) {
        let ConvGeometry { kernel, stride, dilation, padding, height_in, width_in, channels_in, .. } =
            *self.geometry;
        // Above the map these wrap to far below it.
        let top = (row * stride[0]).wrapping_sub(padding.top);
        let left = (column * stride[1]).wrapping_sub(padding.left);
        let [tall, wide] = [0, 1].map(|axis| dilation[axis] * (kernel[axis] - 1));
        if top < height_in && left < width_in && top + tall < height_in && left + wide < width_in {
            return ((top * width_in + left) * channels_in, &self.whole);
        }
        self.part.clear();
        for u in 0..kernel[0] {
            let y = top.wrapping_add(u * dilation[0]);
            for v in 0..kernel[1] {
                let x = left.wrapping_add(v * dilation[1]);
                if y < height_in && x < width_in {
                    let weight = (u * kernel[1] + v) * channels_in;
                    self.part.push(Tap { weight, pixel: (y * width_in + x) * channels_in });
                }
            }
        }
        (0, &self.part)
    }
}

/// Computes the forward pass with weights from [`weights_by_tap`]: rows of the output in parallel.
pub(super) fn forward(convolution: &Convolution, weights: &[f32], job: ConvForward<'_, f32>) {
    let (engine, geometry) = (convolution.engine(), convolution.geometry());
    let ([height, width], channels) = (geometry.output_size(), geometry.channels_in);
    let epilogue = job.epilogue.prepare();
    let image_in = geometry.height_in * geometry.width_in * channels;
    let row_len = width * channels;
    let rounded = rounded_copy(engine, job.x);
    let x = rounded.as_deref().unwrap_or(job.x);
    job.y.par_chunks_mut(row_len).enumerate().for_each(|(line, y)| {
        let x = &x[line / height * image_in..][..image_in];
        let row = Row {
            geometry,
            row: line % height,
            weights,
            bias: job.bias,
            x,
            epilogue: (job.epilogue != Epilogue::IDENTITY).then_some(&epilogue),
            first: line * row_len,
            y,
        };
        dispatch(engine.isa(), row);
    });
}

/// One row of the output.
struct Row<'a> {
    geometry: &'a ConvGeometry,
    row: usize,
    weights: &'a [f32],
    bias: Option<&'a [f32]>,
    x: &'a [f32],
    epilogue: Option<&'a PreparedEpilogue>,
    /// The row's first element among all outputs.
    first: usize,
    y: &'a mut [f32],
}

impl Kernel for Row<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let channels = self.geometry.channels_in;
        let mut windows = Windows::new(self.geometry);
        for (column, y) in self.y.chunks_exact_mut(channels).enumerate() {
            let (begin, taps) = windows.at(self.row, column);
            let (x, weights) = (&self.x[begin..], self.weights);
            in_runs(channels, PixelSums { start: self.bias, taps, weights, values: x, sums: y });
        }
        let Some(epilogue) = self.epilogue else { return };
        for (element, y) in (self.first..).zip(self.y) {
            *y = epilogue.forward(*y, element);
        }
    }
}

/// For one pixel, the sum over its taps: `start + sum over the taps of weight * value`, in their order.
struct PixelSums<'a> {
    start: Option<&'a [f32]>,
    taps: &'a [Tap],
    weights: &'a [f32],
    values: &'a [f32],
    sums: &'a mut [f32],
}

impl InRuns for PixelSums<'_> {
    const LONG: bool = true;

    #[inline(always)]
    fn run<const N: usize>(&mut self, first: usize) {
        let mut sum = self.start.map_or([0.0; N], |start| load_run(start, first));
        for tap in self.taps {
            let weight: [f32; N] = load_run(self.weights, tap.weight + first);
            let value: [f32; N] = load_run(self.values, tap.pixel + first);
            for lane in 0..N {
                sum[lane] += weight[lane] * value[lane];
            }
        }
        store_run(sum, self.sums, first);
    }
}

/// Computes the backward pass: images in parallel, their weight and bias gradients added up in order.
pub(super) fn backward(convolution: &Convolution, weight: &[f32], job: ConvBackward<'_, f32>) {
    let (engine, geometry) = (convolution.engine(), convolution.geometry());
    let ([height, width], channels) = (geometry.output_size(), geometry.channels_in);
    let weights = weights_by_tap(engine, geometry, weight);
    let (image_in, image_out) =
        (geometry.height_in * geometry.width_in * channels, height * width * channels);
    let taps = geometry.kernel[0] * geometry.kernel[1];
    // Per image: the weight gradient by taps, then the bias gradient.
    let partial_len = (taps + 1) * channels;
    let mut partial = engine.scratch().take(geometry.batch * partial_len);
    let mut images: Vec<Option<&mut [f32]>> = match job.dx {
        Some(dx) => dx.chunks_mut(image_in).map(Some).collect(),
        None => (0..geometry.batch).map(|_| None).collect(),
    };
    let rounded = rounded_copy(engine, job.x);
    let x = rounded.as_deref().unwrap_or(job.x);
    let index = TapIndex::new(geometry, [height, width]);
    let tasks = partial.par_chunks_mut(partial_len).zip(images.par_iter_mut()).enumerate();
    tasks.for_each(|(image, (sums, dx))| {
        let range = image * image_out..(image + 1) * image_out;
        let before =
            before_epilogue(engine, job.epilogue, range.start, &job.y[range.clone()], &job.dy[range.clone()]);
        let dz = before.as_deref().unwrap_or(&job.dy[range]);
        let (dweight, dbias) = sums.split_at_mut(taps * channels);
        let rounded = rounded_copy(engine, dz);
        let image = Image {
            channels,
            index: &index,
            weights: &weights,
            x: &x[image * image_in..][..image_in],
            dz,
            operand: rounded.as_deref().unwrap_or(dz),
            dx: dx.as_deref_mut(),
            dweight,
            dbias,
        };
        dispatch(engine.isa(), image);
    });
    let taps_range = taps * channels;
    job.dweight.fill(0.0);
    for sums in partial.chunks_exact(partial_len) {
        for (channel, filter) in job.dweight.chunks_exact_mut(taps).enumerate() {
            for (tap, total) in filter.iter_mut().enumerate() {
                *total += sums[tap * channels + channel];
            }
        }
    }
    if let Some(dbias) = job.dbias {
        dbias.fill(0.0);
        for sums in partial.chunks_exact(partial_len) {
            dbias.iter_mut().zip(&sums[taps_range..]).for_each(|(total, sum)| *total += sum);
        }
    }
}

/// Returns the gradient before the epilogue, of results `y` from the element `first` on; none where the epilogue leaves it as it is.
fn before_epilogue<'e>(
    engine: &'e Engine,
    epilogue: Epilogue,
    first: usize,
    y: &[f32],
    dy: &[f32],
) -> Option<Scratch<'e>> {
    (epilogue != Epilogue::IDENTITY).then(|| {
        let epilogue = epilogue.prepare();
        let mut dz = engine.scratch().take(dy.len());
        for (element, ((dz, &y), &dy)) in (first..).zip(dz.iter_mut().zip(y).zip(dy)) {
            *dz = dy * epilogue.derivative(y, element);
        }
        dz
    })
}

/// The pairs of output and input pixels, in two orders.
struct TapIndex {
    /// For each tap of the filter, the first elements of the output pixels and of the input pixels it joins.
    by_tap: Vec<Vec<[usize; 2]>>,
    /// For each input pixel, the taps that reach it, with the output pixels they belong to, in the order of these.
    by_input: Vec<Tap>,
    /// How many of them each input pixel has.
    counts: Vec<usize>,
}

impl TapIndex {
    fn new(geometry: &ConvGeometry, [height, width]: [usize; 2]) -> Self {
        let ConvGeometry { kernel, channels_in: channels, height_in, width_in, .. } = *geometry;
        let mut by_tap = vec![Vec::with_capacity(height * width); kernel[0] * kernel[1]];
        let mut counts = vec![0; height_in * width_in];
        let mut windows = Windows::new(geometry);
        for place in 0..height * width {
            let (begin, taps) = windows.at(place / width, place % width);
            for tap in taps {
                by_tap[tap.weight / channels].push([place * channels, begin + tap.pixel]);
                counts[(begin + tap.pixel) / channels] += 1;
            }
        }
        let mut next: Vec<usize> = counts
            .iter()
            .scan(0, |end, count| {
                let begin = *end;
                *end += count;
                Some(begin)
            })
            .collect();
        let mut by_input = vec![Tap { weight: 0, pixel: 0 }; counts.iter().sum()];
        for place in 0..height * width {
            let (begin, taps) = windows.at(place / width, place % width);
            for tap in taps {
                let next = &mut next[(begin + tap.pixel) / channels];
                by_input[*next] = Tap { weight: tap.weight, pixel: place * channels };
                *next += 1;
            }
        }
        Self { by_tap, by_input, counts }
    }
}

/// The gradients from one image.
struct Image<'a> {
    channels: usize,
    index: &'a TapIndex,
    weights: &'a [f32],
    x: &'a [f32],
    /// The gradient before the epilogue.
    dz: &'a [f32],
    /// The same, rounded where products round their operands.
    operand: &'a [f32],
    dx: Option<&'a mut [f32]>,
    dweight: &'a mut [f32],
    dbias: &'a mut [f32],
}

impl Kernel for Image<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Self { channels, index, weights, x, dz, operand, dx, dweight, dbias } = self;
        in_runs(channels, BiasSums { dz, sums: dbias });
        for (pairs, sums) in index.by_tap.iter().zip(dweight.chunks_exact_mut(channels)) {
            in_runs(channels, TapSums { pairs, x, dz: operand, sums });
        }
        let Some(dx) = dx else { return };
        let mut rest = &index.by_input[..];
        for (sums, count) in dx.chunks_exact_mut(channels).zip(&index.counts) {
            let (taps, behind) = rest.split_at(*count);
            rest = behind;
            in_runs(channels, PixelSums { start: None, taps, weights, values: operand, sums });
        }
    }
}

/// The sums of a gradient over the pixels of an image.
struct BiasSums<'a> {
    dz: &'a [f32],
    sums: &'a mut [f32],
}

impl InRuns for BiasSums<'_> {
    #[inline(always)]
    fn run<const N: usize>(&mut self, first: usize) {
        let mut sum = [0.0; N];
        for dz in self.dz.chunks_exact(self.sums.len()) {
            let gradient: [f32; N] = load_run(dz, first);
            for lane in 0..N {
                sum[lane] += gradient[lane];
            }
        }
        store_run(sum, self.sums, first);
    }
}

/// For one tap, the sums of `x * dz` over the pixels it joins.
struct TapSums<'a> {
    pairs: &'a [[usize; 2]],
    x: &'a [f32],
    dz: &'a [f32],
    sums: &'a mut [f32],
}

impl InRuns for TapSums<'_> {
    #[inline(always)]
    fn run<const N: usize>(&mut self, first: usize) {
        let mut sum = [0.0; N];
        for [output, input] in self.pairs {
            let gradient: [f32; N] = load_run(self.dz, output + first);
            let x: [f32; N] = load_run(self.x, input + first);
            for lane in 0..N {
                sum[lane] += x[lane] * gradient[lane];
            }
        }
        store_run(sum, self.sums, first);
    }
}
