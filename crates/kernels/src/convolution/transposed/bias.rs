//! The bias gradient of a transposed convolution.

use rayon::prelude::*;

use crate::cpu::{Kernel, Simd, dispatch};
use crate::elementwise::PreparedEpilogue;
use crate::engine::Engine;
use crate::numbers::Scalar;

/// Channels whose pixels one task adds up.
const CHANNELS_TOGETHER: usize = 32;

/// Computes the bias gradient: the sums over the pixels of the gradient before the epilogue, image by image, pixel by pixel, then the
/// images, independent of the number of threads.
pub(super) fn bias_gradient<T: Scalar>(
    engine: &Engine,
    epilogue: &PreparedEpilogue,
    batch: usize,
    [y, dy]: [&[T]; 2],
    sums: &mut [T],
) {
    let (channels, image_len) = (sums.len(), y.len() / batch);
    let mut by_image = vec![T::ZERO; batch * channels];
    let maps = y.chunks_exact(image_len).zip(dy.chunks_exact(image_len)).enumerate();
    let images = by_image.chunks_exact_mut(channels).zip(maps);
    let runs: Vec<AddGradients<'_, T>> = images
        .flat_map(|(sums, (image, (y, dy)))| {
            sums.chunks_mut(CHANNELS_TOGETHER).enumerate().map(move |(run, sums)| {
                let (epilogue, first_channel) = (*epilogue, run * CHANNELS_TOGETHER);
                AddGradients { epilogue, channels, first_channel, first: image * image_len, y, dy, sums }
            })
        })
        .collect();
    runs.into_par_iter().with_max_len(1).for_each(|run| dispatch(engine.isa(), run));
    sums.fill(T::ZERO);
    for image in by_image.chunks_exact(channels) {
        sums.iter_mut().zip(image).for_each(|(total, &sum)| *total += sum);
    }
}

/// The sums of some channels of a map whose first element has this index.
struct AddGradients<'a, T> {
    epilogue: PreparedEpilogue,
    channels: usize,
    first_channel: usize,
    first: usize,
    y: &'a [T],
    dy: &'a [T],
    sums: &'a mut [T],
}

impl<T: Scalar> Kernel for AddGradients<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let Self { epilogue, channels, first_channel, first, y, dy, sums } = self;
        let pixels = y.chunks_exact(channels).zip(dy.chunks_exact(channels));
        if epilogue.mask.is_some() {
            for (pixel, (y, dy)) in pixels.enumerate() {
                let element = first + pixel * channels + first_channel;
                let values = y[first_channel..].iter().zip(&dy[first_channel..]).enumerate();
                for (sum, (channel, (y, dy))) in sums.iter_mut().zip(values) {
                    *sum += *dy * epilogue.derivative(*y, element + channel);
                }
            }
        } else {
            let negative = T::from_f64(f64::from(epilogue.negative));
            for (y, dy) in pixels {
                let values = y[first_channel..].iter().zip(&dy[first_channel..]);
                for (sum, (y, dy)) in sums.iter_mut().zip(values) {
                    *sum += *dy * if *y > T::ZERO { T::ONE } else { negative };
                }
            }
        }
    }
}
