//! Max pooling with the position of every maximum.

use rayon::prelude::*;

use super::geometry::PoolGeometry;
use super::large_maximum;
use super::largest::{Maxima, wins};
use super::positions::scatter_positions;
use super::rows::{checked_size, list_pixels, rows};
use crate::cpu::{Kernel, Simd, dispatch};
use crate::engine::Engine;
use crate::memory::unspecified_vec;
use crate::numbers::{InRuns, Scalar, in_runs, load_run, store_run};

/// Computes the largest value of every window, and its position.
///
/// `y[n,i,j,c] = max over the window of x[n,·,·,c]`; `indices` holds `row * W + column` of the maximum in the input map,
/// the first one in reading order on ties. NaN counts as larger than every number. Padding is never the maximum.
/// Shapes: `x` `[N, H, W, C]`, `y` and `indices` `[N, H_out, W_out, C]`.
///
/// # Panics
/// When the geometry is invalid or a slice has the wrong length.
pub fn max_pool2d_forward<T: Scalar>(
    engine: &Engine,
    geometry: &PoolGeometry,
    x: &[T],
    y: &mut [T],
    indices: &mut [u32],
) {
    match large_maximum::pays(geometry) {
        true => large_maximum::forward(engine, geometry, x, y, indices),
        false => directly(engine, geometry, x, y, indices),
    }
}

/// Computes the same, window by window.
pub(super) fn directly<T: Scalar>(
    engine: &Engine,
    geometry: &PoolGeometry,
    x: &[T],
    y: &mut [T],
    indices: &mut [u32],
) {
    rows(geometry, x, y).zip(rows(geometry, x, indices)).for_each(|((row, x, y), (_, _, indices))| {
        dispatch(engine.isa(), Row { geometry, row, x, y, indices });
    });
}

/// Computes the largest value of every window, as [`max_pool2d_forward`] has it, without its position.
///
/// # Panics
/// As [`max_pool2d_forward`].
pub fn max_pool2d_values<T: Scalar>(engine: &Engine, geometry: &PoolGeometry, x: &[T], y: &mut [T]) {
    if large_maximum::pays(geometry) {
        let mut indices = unspecified_vec(y.len());
        return large_maximum::forward(engine, geometry, x, y, &mut indices);
    }
    rows(geometry, x, y).for_each(|(row, x, y)| dispatch(engine.isa(), ValueRow { geometry, row, x, y }));
}

/// One row of the output.
struct Row<'a, T> {
    geometry: &'a PoolGeometry,
    row: usize,
    /// The image.
    x: &'a [T],
    y: &'a mut [T],
    indices: &'a mut [u32],
}

impl<T: Scalar> Kernel for Row<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let channels = self.geometry.channels;
        let mut pixels = Vec::new();
        let outputs = self.y.chunks_exact_mut(channels).zip(self.indices.chunks_exact_mut(channels));
        for (column, (y, indices)) in outputs.enumerate() {
            list_pixels(self.geometry, self.row, column, &mut pixels);
            let Some((&first, others)) = pixels.split_first() else {
                panic!("a pooling window holds no pixel: {:?}", self.geometry)
            };
            in_runs(channels, Maxima { channels, first, others, x: self.x, y, indices });
        }
    }
}

/// One row of the output without positions.
struct ValueRow<'a, T> {
    geometry: &'a PoolGeometry,
    row: usize,
    /// The image.
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Scalar> Kernel for ValueRow<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let channels = self.geometry.channels;
        let mut pixels = Vec::new();
        for (column, y) in self.y.chunks_exact_mut(channels).enumerate() {
            list_pixels(self.geometry, self.row, column, &mut pixels);
            let Some((&first, others)) = pixels.split_first() else {
                panic!("a pooling window holds no pixel: {:?}", self.geometry)
            };
            in_runs(channels, LargestValues { channels, first, others, x: self.x, y });
        }
    }
}

/// The largest values of the pixels of a window, `first` and `others`.
struct LargestValues<'a, T> {
    channels: usize,
    first: usize,
    others: &'a [usize],
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Scalar> InRuns for LargestValues<'_, T> {
    #[inline(always)]
    fn run<const N: usize>(&mut self, first: usize) {
        let mut best: [T; N] = load_run(self.x, self.first * self.channels + first);
        for pixel in self.others {
            let values: [T; N] = load_run(self.x, pixel * self.channels + first);
            for lane in 0..N {
                best[lane] = if wins(values[lane], best[lane]) { values[lane] } else { best[lane] };
            }
        }
        store_run(best, self.y, first);
    }
}

/// Computes the gradient of [`max_pool2d_forward`]: every `dy` is added to the input pixel that was the maximum.
///
/// # Panics
/// As [`max_pool2d_forward`], and when an index lies outside the map.
pub fn max_pool2d_backward<T: Scalar>(
    _engine: &Engine,
    geometry: &PoolGeometry,
    dy: &[T],
    indices: &[u32],
    dx: &mut [T],
) {
    let _ = checked_size(geometry, dx.len(), dy.len());
    scatter_positions(geometry.batch, geometry.channels, indices, dy, dx);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::windows::Padding;

    const OVERLAPPING: PoolGeometry = PoolGeometry {
        batch: 1,
        height_in: 4,
        width_in: 4,
        channels: 1,
        kernel: [3, 3],
        stride: [2, 2],
        padding: Padding::NONE,
        dilation: [1, 1],
        ceil_mode: true,
    };

    #[test]
    fn overlapping_windows_by_hand_and_their_gradient() {
        #[rustfmt::skip]
        let x = [
            1.0, 2.0, 3.0, 0.0,
            4.0, 5.0, 9.0, 1.0,
            0.0, 0.0, 7.0, 2.0,
            8.0, 6.0, 7.0, 7.0_f32,
        ];
        let (mut y, mut indices) = ([0.0; 4], [0; 4]);
        max_pool2d_forward(&Engine::detect(), &OVERLAPPING, &x, &mut y, &mut indices);
        assert_eq!((y, indices), ([9.0, 9.0, 8.0, 7.0], [6, 6, 12, 10]));
        let mut dx = [0.0; 16];
        max_pool2d_backward(&Engine::detect(), &OVERLAPPING, &[1.0, 2.0, 4.0, 8.0], &indices, &mut dx);
        assert_eq!((dx[6], dx[12], dx[10], dx.iter().sum::<f32>()), (3.0, 4.0, 8.0, 15.0));
    }

    #[test]
    fn the_first_of_equal_maxima_wins_and_padding_never_does() {
        let geometry = PoolGeometry { padding: Padding::same(1), ceil_mode: false, ..OVERLAPPING };
        let (mut y, mut indices) = ([0.0; 4], [0; 4]);
        max_pool2d_forward(&Engine::detect(), &geometry, &[-1.0_f64; 16], &mut y, &mut indices);
        assert_eq!((y, indices), ([-1.0; 4], [0, 1, 4, 5]));
    }

    #[test]
    fn not_a_number_is_passed_on() {
        let mut x = [1.0_f32; 16];
        x[5] = f32::NAN;
        let (mut y, mut indices) = ([0.0; 4], [0; 4]);
        max_pool2d_forward(&Engine::detect(), &OVERLAPPING, &x, &mut y, &mut indices);
        assert!(y[0].is_nan() && indices[0] == 5 && y[3] == 1.0);
    }
}
