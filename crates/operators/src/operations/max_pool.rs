//! Max pooling with the positions of the maxima.

use allconv_kernels::{
    Engine, PoolGeometry, max_pool2d_backward, max_pool2d_forward, max_pool2d_values, unspecified_vec,
};
use burn::backend::Dispatch;
use burn::tensor::{Int, Tensor};
use burn_backend::get_or_init_device_settings;
use burn_backend::ops::ModuleOps;

use super::differentiable::differentiable;
use super::layout::{Dense, from_channels_last, positions_from_channels_last};
use super::place::{Number, Place, placed};
use super::positions::added_at;
use super::window::{PoolWindow, bordered, input_sizes, output_sizes};

/// Returns the maximum of each window: `[n, c, h, w]` to `[n, c, ceil(h/stride), ceil(w/stride)]`.
pub fn max_pool(x: Tensor<4>, window: PoolWindow, engine: &Engine) -> Tensor<4> {
    if x.is_autodiff() {
        return max_pool_with_indices(x, window, engine).0;
    }
    placed!(
        Place::of(&x),
        with geometry = window.geometry(x.dims()),
        T => values::<T>(x, &geometry, engine),
        else composed_maximum(x, window).0
    )
}

/// Returns the maximum of each window, and its position `row · width + column` in the map (the first one on ties).
pub fn max_pool_with_indices(
    x: Tensor<4>,
    window: PoolWindow,
    engine: &Engine,
) -> (Tensor<4>, Tensor<4, Int>) {
    let (y, indices) = placed!(
        Place::of(&x),
        with geometry = window.geometry(x.dims()),
        T => forward::<T>(x.clone().inner(), &geometry, engine),
        else composed_maximum(x.clone().inner(), window)
    );
    let (sizes, engine, positions) = (x.dims(), engine.clone(), indices.clone());
    let y = differentiable(y, [(&x).into()], move |dy, _| {
        let dx = placed!(
            Place::of(&dy),
            with geometry = window.geometry(sizes),
            T => backward::<T>(dy, positions, &geometry, &engine),
            else added_at(dy, positions, [sizes[2], sizes[3]])
        );
        [Some(dx.into())]
    });
    (y, if x.is_autodiff() { indices.autodiff() } else { indices })
}

fn forward<T: Number>(x: Tensor<4>, geometry: &PoolGeometry, engine: &Engine) -> (Tensor<4>, Tensor<4, Int>) {
    let sizes = output_sizes(geometry);
    let values: usize = sizes.iter().product();
    let (mut y, mut indices) = (unspecified_vec(values), unspecified_vec(values));
    max_pool2d_forward::<T>(engine, geometry, Dense::channels_last(x).slice(), &mut y, &mut indices);
    (from_channels_last(y, sizes), positions_from_channels_last(indices, sizes))
}

fn values<T: Number>(x: Tensor<4>, geometry: &PoolGeometry, engine: &Engine) -> Tensor<4> {
    let sizes = output_sizes(geometry);
    let mut y = unspecified_vec(sizes.iter().product());
    max_pool2d_values::<T>(engine, geometry, Dense::channels_last(x).slice(), &mut y);
    from_channels_last(y, sizes)
}

fn backward<T: Number>(
    dy: Tensor<4>,
    indices: Tensor<4, Int>,
    geometry: &PoolGeometry,
    engine: &Engine,
) -> Tensor<4> {
    let (dy, indices) = (Dense::channels_last(dy), Dense::channels_last(indices));
    let mut dx = unspecified_vec(geometry.input_len());
    max_pool2d_backward::<T>(engine, geometry, dy.slice(), indices.positions(), &mut dx);
    from_channels_last(dx, input_sizes(geometry))
}

/// Computes [`max_pool_with_indices`] as a composition of Burn's operations.
pub(super) fn composed_maximum(x: Tensor<4>, window: PoolWindow) -> (Tensor<4>, Tensor<4, Int>) {
    let [_, _, height, width] = x.dims();
    let (rows, columns) = (window.windows(height), window.windows(width));
    let dtype = get_or_init_device_settings::<Dispatch>(x.device().as_dispatch()).int_dtype;
    let padded = bordered(x, window, f32::NEG_INFINITY);
    let [batch, channels, _, padded_width] = padded.dims();
    let (kernel, stride, dilation) = ([window.kernel; 2], [window.stride; 2], [window.dilation; 2]);
    let found = Dispatch::max_pool2d_with_indices(
        padded.into_dispatch(),
        kernel,
        stride,
        [0, 0],
        dilation,
        false,
        dtype,
    );
    // Room for further windows may be left behind the last one: PyTorch's rule rounds down.
    let windows = [0..batch, 0..channels, 0..rows, 0..columns];
    let y = Tensor::<4>::from_dispatch(found.output).slice(windows.clone());
    let indices = Tensor::<4, Int>::from_dispatch(found.indices).slice(windows);
    let before = window.before() as i64;
    if padded_width == width && before == 0 {
        return (y, indices);
    }
    let row = indices.clone().div_scalar(padded_width as i64);
    let indices = indices - row.mul_scalar((padded_width - width) as i64);
    (y, indices.sub_scalar(before * (width as i64 + 1)))
}
