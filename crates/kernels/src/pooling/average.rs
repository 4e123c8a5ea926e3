//! Average pooling.

use rayon::prelude::*;

use super::geometry::{PoolGeometry, taps_on_map};
use super::rows::{checked_size, list_pixels, rows};
use crate::cpu::{Kernel, LANES, Simd, dispatch};
use crate::engine::Engine;
use crate::numbers::{Channels, InRuns, Scalar, in_runs, lanes, load_run, store_run};

/// The divisor of the sum over a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AverageDivisor {
    /// The taps on the padded map: PyTorch's `count_include_pad=True`. Taps beyond the padding (ceil mode) do not count.
    IncludePadding,
    /// The taps on the map itself.
    ExcludePadding,
}

/// Writes the pixels of the window in this row and column of the output, and returns the reciprocal of its divisor.
#[inline(always)]
fn list_window(
    geometry: &PoolGeometry,
    divisor: AverageDivisor,
    [row, column]: [usize; 2],
    pixels: &mut Vec<usize>,
) -> f64 {
    list_pixels(geometry, row, column, pixels);
    let count = match divisor {
        AverageDivisor::ExcludePadding => pixels.len(),
        AverageDivisor::IncludePadding => {
            let PoolGeometry { height_in, width_in, kernel, stride, padding, dilation, .. } = *geometry;
            let (tall, wide) =
                (height_in + padding.top + padding.bottom, width_in + padding.left + padding.right);
            taps_on_map(row, kernel[0], stride[0], dilation[0], 0, tall).count()
                * taps_on_map(column, kernel[1], stride[1], dilation[1], 0, wide).count()
        }
    };
    assert!(count > 0, "a pooling window holds no pixel: {geometry:?}");
    #[expect(clippy::cast_precision_loss, reason = "windows are far smaller than 2^53 pixels")]
    let weight = 1.0 / count as f64;
    weight
}

/// Computes the mean of every window: `y[n,i,j,c] = sum over the window of x[n,·,·,c] / divisor`.
///
/// Shapes: `x` `[N, H, W, C]`, `y` `[N, H_out, W_out, C]`.
///
/// # Panics
/// When the geometry is invalid, a slice has the wrong length, or a window holds no pixel.
pub fn average_pool2d_forward<T: Scalar>(
    engine: &Engine,
    geometry: &PoolGeometry,
    divisor: AverageDivisor,
    x: &[T],
    y: &mut [T],
) {
    rows(geometry, x, y).for_each(|(row, x, y)| {
        dispatch(engine.isa(), Forward { geometry, divisor, row, x, y });
    });
}

/// One row of the output.
struct Forward<'a, T> {
    geometry: &'a PoolGeometry,
    divisor: AverageDivisor,
    row: usize,
    /// The image.
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Scalar> Kernel for Forward<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let channels = self.geometry.channels;
        let mut pixels = Vec::new();
        for (column, y) in self.y.chunks_exact_mut(channels).enumerate() {
            let weight =
                T::from_f64(list_window(self.geometry, self.divisor, [self.row, column], &mut pixels));
            in_runs(channels, Means { channels, pixels: &pixels, weight, x: self.x, y });
        }
    }
}

/// `weight` times the sum over the pixels of a window.
struct Means<'a, T> {
    channels: usize,
    pixels: &'a [usize],
    weight: T,
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Scalar> InRuns for Means<'_, T> {
    #[inline(always)]
    fn run<const N: usize>(&mut self, first: usize) {
        let mut sum = [T::ZERO; N];
        for pixel in self.pixels {
            let values: [T; N] = load_run(self.x, pixel * self.channels + first);
            for lane in 0..N {
                sum[lane] += values[lane];
            }
        }
        for sum in &mut sum {
            *sum = *sum * self.weight;
        }
        store_run(sum, self.y, first);
    }
}

/// Computes the gradient of [`average_pool2d_forward`]: every `dy` is spread evenly over its window.
///
/// # Panics
/// As [`average_pool2d_forward`].
pub fn average_pool2d_backward<T: Scalar>(
    engine: &Engine,
    geometry: &PoolGeometry,
    divisor: AverageDivisor,
    dy: &[T],
    dx: &mut [T],
) {
    let [height, width] = checked_size(geometry, dx.len(), dy.len());
    let channels = geometry.channels;
    let (input, output) = (geometry.input_len() / geometry.batch, height * width * channels);
    dx.par_chunks_mut(input).zip(dy.par_chunks(output)).for_each(|(dx, dy)| {
        dispatch(engine.isa(), Backward { geometry, divisor, width, dy, dx });
    });
}

/// One image.
struct Backward<'a, T> {
    geometry: &'a PoolGeometry,
    divisor: AverageDivisor,
    /// Columns of the output.
    width: usize,
    dy: &'a [T],
    dx: &'a mut [T],
}

impl<T: Scalar> Kernel for Backward<'_, T> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let channels = self.geometry.channels;
        let mut pixels = Vec::new();
        self.dx.fill(T::ZERO);
        for (place, dy) in self.dy.chunks_exact(channels).enumerate() {
            let place = [place / self.width, place % self.width];
            let weight = T::from_f64(list_window(self.geometry, self.divisor, place, &mut pixels));
            for block in Channels::blocks(channels) {
                let gradient = block.load(dy);
                let gradient: [T; LANES] = lanes!(lane => gradient[lane] * weight);
                for pixel in &pixels {
                    block.add(gradient, &mut self.dx[pixel * channels..][..channels]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::windows::Padding;

    const PADDED: PoolGeometry = PoolGeometry {
        batch: 1,
        height_in: 3,
        width_in: 3,
        channels: 1,
        kernel: [2, 2],
        stride: [2, 2],
        padding: Padding::same(1),
        dilation: [1, 1],
        ceil_mode: true,
    };

    #[test]
    fn the_divisor_decides_at_the_border() {
        let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0_f64];
        let mut y = [0.0; 4];
        average_pool2d_forward(&Engine::detect(), &PADDED, AverageDivisor::IncludePadding, &x, &mut y);
        assert_eq!(y, [0.25, 1.25, 2.75, 7.0]);
        average_pool2d_forward(&Engine::detect(), &PADDED, AverageDivisor::ExcludePadding, &x, &mut y);
        assert_eq!(y, [1.0, 2.5, 5.5, 7.0]);
    }

    #[test]
    fn backward_is_the_adjoint_of_forward() {
        let geometry = PoolGeometry { kernel: [3, 2], stride: [1, 2], channels: 2, height_in: 5, ..PADDED };
        for divisor in [AverageDivisor::IncludePadding, AverageDivisor::ExcludePadding] {
            let outputs = geometry.output_len().unwrap_or(0);
            // Small integers, so that both inner products are exact up to the divisors 1..6.
            let x: Vec<f64> = (0..geometry.input_len()).map(|i| ((i * 7) % 11) as f64).collect();
            let dy: Vec<f64> = (0..outputs).map(|i| ((i * 5) % 13) as f64).collect();
            let (mut y, mut dx) = (vec![0.0; outputs], vec![0.0; x.len()]);
            average_pool2d_forward(&Engine::detect(), &geometry, divisor, &x, &mut y);
            average_pool2d_backward(&Engine::detect(), &geometry, divisor, &dy, &mut dx);
            let (left, right) = (dot(&y, &dy), dot(&x, &dx));
            assert!((left - right).abs() < 1e-12 * left.abs(), "{left} against {right}");
        }
    }

    fn dot(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }
}
