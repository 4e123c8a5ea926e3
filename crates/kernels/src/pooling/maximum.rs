//! Max pooling with the position of every maximum.

use rayon::prelude::*;

use crate::convolution::check_len;
use crate::engine::Engine;
use crate::pooling::cells::scatter_cells;
use crate::pooling::geometry::{PoolGeometry, taps_on_map};
use crate::scalar::Scalar;
use crate::simd::{Kernel, LANES, Simd, dispatch};

/// The largest value of every window, and where it stands.
///
/// `y[n,i,j,c] = max over the window of x[n,·,·,c]`; `indices` holds `row * W + column` of the maximum in the input map,
/// the first one in reading order on ties. NaN counts as larger than every number. Padding never wins.
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
    let [height, width] = checked_size(geometry, x.len(), y.len());
    check_len("indices", indices.len(), y.len());
    let (row_len, image_len) = (width * geometry.channels, geometry.input_len() / geometry.batch);
    let rows = y.par_chunks_mut(row_len).zip(indices.par_chunks_mut(row_len)).enumerate();
    rows.for_each(|(line, (y, indices))| {
        let x = &x[line / height * image_len..][..image_len];
        dispatch(engine.isa(), Row { geometry, row: line % height, x, y, indices });
    });
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
        let PoolGeometry { height_in, width_in, channels, kernel, stride, padding, dilation, .. } =
            *self.geometry;
        let taps_down = taps_on_map(self.row, kernel[0], stride[0], dilation[0], padding.top, height_in);
        let pixels =
            self.y.chunks_exact_mut(channels).zip(self.indices.chunks_exact_mut(channels)).enumerate();
        for (column, (y, indices)) in pixels {
            let taps_across = taps_on_map(column, kernel[1], stride[1], dilation[1], padding.left, width_in);
            let mut first = true;
            for row in taps_down.clone() {
                for column in taps_across.clone() {
                    let pixel = row * width_in + column;
                    let values = &self.x[pixel * channels..][..channels];
                    if first {
                        y.copy_from_slice(values);
                        indices.fill(pixel_index(pixel));
                        first = false;
                    } else {
                        keep_larger(y, indices, values, pixel_index(pixel));
                    }
                }
            }
            assert!(!first, "a pooling window holds no pixel: {:?}", self.geometry);
        }
    }
}

/// Takes over the values that are larger than the best so far, and their position.
#[inline(always)]
fn keep_larger<T: Scalar>(best: &mut [T], indices: &mut [u32], values: &[T], position: u32) {
    let (best, best_rest) = best.as_chunks_mut::<LANES>();
    let (indices, indices_rest) = indices.as_chunks_mut::<LANES>();
    let (values, values_rest) = values.as_chunks::<LANES>();
    for ((best, indices), values) in best.iter_mut().zip(indices).zip(values) {
        for lane in 0..LANES {
            keep_larger_value(&mut best[lane], &mut indices[lane], values[lane], position);
        }
    }
    for ((best, index), &value) in best_rest.iter_mut().zip(indices_rest).zip(values_rest) {
        keep_larger_value(best, index, value, position);
    }
}

/// One value of [`keep_larger`]. NaN (`v != v`) wins once and then stays. Without short circuits, so that it vectorises.
#[inline(always)]
fn keep_larger_value<T: Scalar>(best: &mut T, index: &mut u32, value: T, position: u32) {
    #[expect(clippy::eq_op, reason = "the test for NaN that a generic scalar offers")]
    let wins = (value > *best) | ((value != value) & (*best == *best));
    *best = if wins { value } else { *best };
    *index = if wins { position } else { *index };
}

/// The gradient of [`max_pool2d_forward`]: every `dy` is added to the input pixel that was the maximum.
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
    scatter_cells(geometry.batch, geometry.channels, indices, dy, dx);
}

/// The output size, after checking geometry and lengths.
pub(crate) fn checked_size(geometry: &PoolGeometry, input: usize, output: usize) -> [usize; 2] {
    let size = (geometry.height_out(), geometry.width_out());
    let (Ok(height), Ok(width)) = size else { panic!("invalid pooling geometry {geometry:?}: {size:?}") };
    check_len("the input map", input, geometry.input_len());
    check_len("the output map", output, geometry.batch * height * width * geometry.channels);
    [height, width]
}

#[expect(clippy::cast_possible_truncation, reason = "geometries limit maps to 2^32 elements")]
pub(super) const fn pixel_index(pixel: usize) -> u32 {
    pixel as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Padding;

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
