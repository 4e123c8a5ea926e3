//! Max pooling in large windows that overlap: first along the rows of the map, then along the columns of the result, which visits
//! `kernel * (stride + 1)` values for an output instead of `kernel²`.

use rayon::prelude::*;

use super::geometry::{PoolGeometry, taps_on_map};
use super::largest::{Maxima, wins};
use super::rows::checked_size;
use crate::cpu::{Kernel, Simd, dispatch};
use crate::engine::Engine;
use crate::numbers::{InRuns, Scalar, in_runs, load_run, store_run};

/// Returns whether two passes over memory are faster.
pub(super) const fn pays(geometry: &PoolGeometry) -> bool {
    let PoolGeometry { kernel, stride, .. } = *geometry;
    2 * kernel[0] > 3 * (stride[0] + 1) && kernel[1] > 1
}

/// Computes [`max_pool2d_forward`](super::maximum::max_pool2d_forward) to the same values and positions.
pub(super) fn forward<T: Scalar>(
    engine: &Engine,
    geometry: &PoolGeometry,
    x: &[T],
    y: &mut [T],
    indices: &mut [u32],
) {
    let [height, width] = checked_size(geometry, x.len(), y.len());
    let (input, output) = (x.len() / geometry.batch, height * width * geometry.channels);
    let images = y.par_chunks_mut(output).zip(indices.par_chunks_mut(output)).zip(x.par_chunks(input));
    images.for_each_init(Lines::default, |lines, ((y, indices), x)| {
        dispatch(engine.isa(), Image { geometry, width, x, lines, y, indices });
    });
}

/// For each row of an image's map and each column of the output, the largest value in the row's part of the window, and its place.
#[derive(Default)]
struct Lines<T> {
    values: Vec<T>,
    places: Vec<u32>,
}

struct Image<'a, T> {
    geometry: &'a PoolGeometry,
    /// Columns of the output.
    width: usize,
    x: &'a [T],
    lines: &'a mut Lines<T>,
    y: &'a mut [T],
    indices: &'a mut [u32],
}

impl<T: Scalar> Kernel for Image<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let PoolGeometry { height_in, width_in, channels, kernel, stride, padding, dilation, .. } =
            *self.geometry;
        let line = self.width * channels;
        let Lines { values, places } = self.lines;
        values.resize(height_in * line, T::ZERO);
        places.resize(height_in * line, 0);
        let taps = |axis: usize, output, before, size| -> Vec<usize> {
            taps_on_map(output, kernel[axis], stride[axis], dilation[axis], before, size).collect()
        };
        for column in 0..self.width {
            let across = taps(1, column, padding.left, width_in);
            for row in 0..height_in {
                let pixels: Vec<usize> = across.iter().map(|across| row * width_in + across).collect();
                let Some((&first, others)) = pixels.split_first() else {
                    panic!("a pooling window holds no pixel: {:?}", self.geometry)
                };
                let start = row * line + column * channels;
                let (y, indices) = (&mut values[start..][..channels], &mut places[start..][..channels]);
                in_runs(channels, Maxima { channels, first, others, x: self.x, y, indices });
            }
        }
        let outputs = self.y.chunks_exact_mut(line).zip(self.indices.chunks_exact_mut(line));
        for (row, (y, indices)) in outputs.enumerate() {
            let starts: Vec<usize> =
                taps(0, row, padding.top, height_in).iter().map(|down| down * line).collect();
            assert!(!starts.is_empty(), "a pooling window holds no pixel: {:?}", self.geometry);
            in_runs(line, LargestLines { starts: &starts, values, places, y, indices });
        }
    }
}

/// The largest of the values that lie in the same place of some lines, and where on the map they come from.
struct LargestLines<'a, T> {
    /// Where the lines begin.
    starts: &'a [usize],
    values: &'a [T],
    places: &'a [u32],
    y: &'a mut [T],
    indices: &'a mut [u32],
}

impl<T: Scalar> InRuns for LargestLines<'_, T> {
    #[inline(always)]
    fn run<const N: usize>(&mut self, first: usize) {
        let mut best: [T; N] = load_run(self.values, self.starts[0] + first);
        let mut from: [u32; N] = load_run(self.places, self.starts[0] + first);
        for start in &self.starts[1..] {
            let values: [T; N] = load_run(self.values, start + first);
            let places: [u32; N] = load_run(self.places, start + first);
            // Two loops, each of which compiles to vectors; as one it would not.
            for lane in 0..N {
                from[lane] = if wins(values[lane], best[lane]) { places[lane] } else { from[lane] };
            }
            for lane in 0..N {
                best[lane] = if wins(values[lane], best[lane]) { values[lane] } else { best[lane] };
            }
        }
        store_run(best, self.y, first);
        store_run(from, self.indices, first);
    }
}

#[cfg(test)]
mod tests {
    use super::super::maximum::{directly, max_pool2d_forward, max_pool2d_values};
    use super::*;
    use crate::windows::Padding;
    use allconv_random::philox4x32;

    /// Returns a map of few different values, so that many windows hold their maximum more than once; a NaN now and then.
    fn map(len: usize) -> Vec<f32> {
        let value = |index: usize| match philox4x32([7, 0], [index as u32, 0, 0, 0])[0] % 97 {
            0 => f32::NAN,
            drawn => (drawn % 5) as f32,
        };
        (0..len).map(value).collect()
    }

    #[test]
    fn values_and_positions_are_those_of_whole_windows() {
        let engine = Engine::detect();
        for (kernel, stride, dilation, padding) in [
            (5, 1, 1, Padding::NONE),
            (9, 1, 1, Padding { top: 0, bottom: 8, left: 0, right: 8 }),
            (4, 1, 2, Padding::same(1)),
            (7, 3, 1, Padding::same(3)),
            (6, 2, 1, Padding { top: 3, bottom: 0, left: 1, right: 2 }),
        ] {
            for channels in [1, 3, 8, 21, 40] {
                let geometry = PoolGeometry {
                    batch: 3,
                    height_in: 11,
                    width_in: 13,
                    channels,
                    kernel: [kernel; 2],
                    stride: [stride; 2],
                    padding,
                    dilation: [dilation; 2],
                    ceil_mode: false,
                };
                assert!(pays(&geometry), "{geometry:?}");
                let x = map(geometry.input_len());
                let outputs = geometry.output_len().unwrap();
                let (mut y, mut indices) = (vec![0.0; outputs], vec![0; outputs]);
                max_pool2d_forward(&engine, &geometry, &x, &mut y, &mut indices);
                let (mut expected, mut places) = (vec![0.0; outputs], vec![0; outputs]);
                directly(&engine, &geometry, &x, &mut expected, &mut places);
                let bits =
                    |values: &[f32]| -> Vec<u32> { values.iter().map(|value| value.to_bits()).collect() };
                assert_eq!((bits(&y), &indices), (bits(&expected), &places), "{geometry:?}");
                y.fill(0.0);
                max_pool2d_values(&engine, &geometry, &x, &mut y);
                assert_eq!(bits(&y), bits(&expected), "{geometry:?}");
            }
        }
    }
}
