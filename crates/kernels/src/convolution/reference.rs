//! The passes of a convolution as loops over its defining sum: slow, generic over f32 and f64, the reference for every fast path.
//!
//! These functions share no index arithmetic with the fast paths. They also serve `f64`, so that gradient checks in f64 pass through the
//! same backward formulas.

use rayon::prelude::*;

use super::geometry::ConvGeometry;
use crate::elementwise::Epilogue;
use crate::numbers::Scalar;

/// Returns the input coordinate of a tap, or `None` in the padding.
fn source(
    output: usize,
    stride: usize,
    tap: usize,
    dilation: usize,
    padding: usize,
    limit: usize,
) -> Option<usize> {
    (output * stride + tap * dilation).checked_sub(padding).filter(|&position| position < limit)
}

/// Calls `visit(output pixel, input pixel, tap)` for every tap of every output pixel of one image that lies on the map.
/// Pixels are `row * width + column`, taps `u * KW + v`.
fn for_each_tap(geometry: &ConvGeometry, mut visit: impl FnMut(usize, usize, usize)) {
    let ConvGeometry { height_in, width_in, kernel, stride, padding, dilation, .. } = *geometry;
    let [height_out, width_out] = geometry.output_size();
    for row in 0..height_out {
        for column in 0..width_out {
            for u in 0..kernel[0] {
                let Some(y) = source(row, stride[0], u, dilation[0], padding.top, height_in) else {
                    continue;
                };
                for v in 0..kernel[1] {
                    let Some(x) = source(column, stride[1], v, dilation[1], padding.left, width_in) else {
                        continue;
                    };
                    visit(row * width_out + column, y * width_in + x, u * kernel[1] + v);
                }
            }
        }
    }
}

/// Computes `y = epilogue(x * weight + bias)`; see [`ConvForward`](crate::ConvForward) for the shapes.
///
/// # Panics
/// When the geometry is invalid or a slice has the wrong length.
pub fn convolve<T: Scalar>(
    geometry: &ConvGeometry,
    x: &[T],
    weight: &[T],
    bias: Option<&[T]>,
    epilogue: &Epilogue,
    y: &mut [T],
) {
    let [group_in, group_out] = geometry.group_channels();
    let epilogue = epilogue.prepare();
    let (input, output) = (geometry.input_len() / geometry.batch, y.len() / geometry.batch);
    let taps = geometry.kernel[0] * geometry.kernel[1];
    y.par_chunks_mut(output).zip(x.par_chunks(input)).enumerate().for_each(|(image, (y, x))| {
        match bias {
            Some(bias) => y.chunks_mut(geometry.channels_out).for_each(|pixel| pixel.copy_from_slice(bias)),
            None => y.fill(T::ZERO),
        }
        for_each_tap(geometry, |to, from, tap| {
            for out in 0..geometry.channels_out {
                let first = out / group_out * group_in;
                for c in 0..group_in {
                    let w = weight[(out * group_in + c) * taps + tap];
                    y[to * geometry.channels_out + out] += w * x[from * geometry.channels_in + first + c];
                }
            }
        });
        for (element, value) in (image * output..).zip(y) {
            *value = epilogue.forward(*value, element);
        }
    });
}

/// Returns the gradient before the epilogue: `dz = dy * derivative(y)`.
#[must_use]
pub fn output_gradient<T: Scalar>(epilogue: &Epilogue, y: &[T], dy: &[T]) -> Vec<T> {
    let epilogue = epilogue.prepare();
    dy.iter().zip(y).enumerate().map(|(element, (&dy, &y))| dy * epilogue.derivative(y, element)).collect()
}

/// Computes `dx`, the adjoint of [`convolve`] without epilogue in its input.
///
/// # Panics
/// As [`convolve`].
pub fn input_gradient<T: Scalar>(geometry: &ConvGeometry, weight: &[T], dz: &[T], dx: &mut [T]) {
    let [group_in, group_out] = geometry.group_channels();
    let (input, output) = (geometry.input_len() / geometry.batch, dz.len() / geometry.batch);
    let taps = geometry.kernel[0] * geometry.kernel[1];
    dx.par_chunks_mut(input).zip(dz.par_chunks(output)).for_each(|(dx, dz)| {
        dx.fill(T::ZERO);
        for_each_tap(geometry, |to, from, tap| {
            for out in 0..geometry.channels_out {
                let first = out / group_out * group_in;
                let gradient = dz[to * geometry.channels_out + out];
                for c in 0..group_in {
                    let w = weight[(out * group_in + c) * taps + tap];
                    dx[from * geometry.channels_in + first + c] += w * gradient;
                }
            }
        });
    });
}

/// Computes `dweight`, the adjoint of [`convolve`] without epilogue in its weight.
///
/// # Panics
/// As [`convolve`].
pub fn weight_gradient<T: Scalar>(geometry: &ConvGeometry, x: &[T], dz: &[T], dweight: &mut [T]) {
    let [group_in, group_out] = geometry.group_channels();
    let (input, output) = (geometry.input_len() / geometry.batch, dz.len() / geometry.batch);
    let taps = geometry.kernel[0] * geometry.kernel[1];
    dweight.par_chunks_mut(group_in * taps).enumerate().for_each(|(out, dweight)| {
        dweight.fill(T::ZERO);
        let first = out / group_out * group_in;
        for (x, dz) in x.chunks(input).zip(dz.chunks(output)) {
            for_each_tap(geometry, |to, from, tap| {
                let gradient = dz[to * geometry.channels_out + out];
                for c in 0..group_in {
                    dweight[c * taps + tap] += gradient * x[from * geometry.channels_in + first + c];
                }
            });
        }
    });
}

/// Computes `dbias[o] = sum of dz[.., o]`.
pub fn bias_gradient<T: Scalar>(dz: &[T], dbias: &mut [T]) {
    dbias.fill(T::ZERO);
    for pixel in dz.chunks(dbias.len()) {
        for (sum, &gradient) in dbias.iter_mut().zip(pixel) {
            *sum += gradient;
        }
    }
}
