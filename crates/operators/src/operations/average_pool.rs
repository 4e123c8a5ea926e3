//! Average pooling.

use allconv_kernels::{
    AverageDivisor, Engine, PoolGeometry, average_pool2d_backward, average_pool2d_forward, unspecified_vec,
};
use burn::backend::Dispatch;
use burn::tensor::module::avg_pool2d_backward;
use burn::tensor::ops::PadMode;
use burn::tensor::{Tensor, TensorData};
use burn_backend::ops::ModuleOps;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::differentiable::differentiable;
use super::layout::{Dense, from_channels_last};
use super::place::{Number, Place, placed};
use super::window::{PoolWindow, bordered, input_sizes, output_sizes};

/// The divisor of the sum of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Divisor {
    /// The number of its positions that lie inside the map.
    #[default]
    #[serde(rename = "cells")]
    Elements,
    /// The number of positions of a whole window, also where the edge cuts it off.
    Window,
}

impl From<Divisor> for AverageDivisor {
    fn from(divisor: Divisor) -> Self {
        match divisor {
            Divisor::Elements => Self::ExcludePadding,
            Divisor::Window => Self::IncludePadding,
        }
    }
}

/// Returns the mean of each window: `[n, c, h, w]` to `[n, c, ceil(h/stride), ceil(w/stride)]`.
pub fn average_pool(x: Tensor<4>, window: PoolWindow, divisor: Divisor, engine: &Engine) -> Tensor<4> {
    let y = mean(x.clone().inner(), window, divisor, engine);
    let (sizes, engine) = (x.dims(), engine.clone());
    differentiable(y, [(&x).into()], move |dy, _| {
        [Some(mean_gradient(dy, sizes, window, divisor, &engine).into())]
    })
}

fn mean(x: Tensor<4>, window: PoolWindow, divisor: Divisor, engine: &Engine) -> Tensor<4> {
    placed!(
        Place::of(&x),
        with geometry = window.geometry(x.dims()),
        T => forward::<T>(x, &geometry, divisor, engine),
        else composed_mean(x, window, divisor)
    )
}

/// Computes the gradient for an input of `sizes` `[n, c, h, w]`, from the result's gradient.
fn mean_gradient(
    dy: Tensor<4>,
    sizes: [usize; 4],
    window: PoolWindow,
    divisor: Divisor,
    engine: &Engine,
) -> Tensor<4> {
    placed!(
        Place::of(&dy),
        with geometry = window.geometry(sizes),
        T => backward::<T>(dy, &geometry, divisor, engine),
        else composed_mean_gradient(dy, sizes, window, divisor)
    )
}

fn forward<T: Number>(x: Tensor<4>, geometry: &PoolGeometry, divisor: Divisor, engine: &Engine) -> Tensor<4> {
    let sizes = output_sizes(geometry);
    let mut y = unspecified_vec(sizes.iter().product());
    average_pool2d_forward::<T>(engine, geometry, divisor.into(), Dense::channels_last(x).slice(), &mut y);
    from_channels_last(y, sizes)
}

fn backward<T: Number>(
    dy: Tensor<4>,
    geometry: &PoolGeometry,
    divisor: Divisor,
    engine: &Engine,
) -> Tensor<4> {
    let mut dx = unspecified_vec(geometry.input_len());
    average_pool2d_backward::<T>(engine, geometry, divisor.into(), Dense::channels_last(dy).slice(), &mut dx);
    from_channels_last(dx, input_sizes(geometry))
}

/// Computes [`average_pool`] as a composition of Burn's operations.
pub(super) fn composed_mean(x: Tensor<4>, window: PoolWindow, divisor: Divisor) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let factor = correction(&x, [height, width], window, divisor);
    let padded = bordered(x, window, 0.0).into_dispatch();
    let (kernel, stride) = ([window.kernel; 2], [window.stride; 2]);
    let mean = Tensor::<4>::from_dispatch(Dispatch::avg_pool2d(padded, kernel, stride, [0, 0], true, false));
    let mean = mean.slice([0..batch, 0..channels, 0..window.windows(height), 0..window.windows(width)]);
    match factor {
        None => mean,
        Some(factor) => mean * factor,
    }
}

/// Computes the gradient of [`composed_mean`].
pub(super) fn composed_mean_gradient(
    dy: Tensor<4>,
    [batch, channels, height, width]: [usize; 4],
    window: PoolWindow,
    divisor: Divisor,
) -> Tensor<4> {
    let dy = match correction(&dy, [height, width], window, divisor) {
        None => dy,
        Some(factor) => dy * factor,
    };
    // Exactly as many positions as the windows reach, so that Burn counts the same windows.
    let reached = |size| (window.windows(size) - 1) * window.stride + window.kernel;
    let [rows, columns] = [reached(height), reached(width)];
    let x = Tensor::zeros([batch, channels, rows, columns], (&dy.device(), dy.dtype()));
    let (kernel, stride) = ([window.kernel; 2], [window.stride; 2]);
    let dx = avg_pool2d_backward(x, dy, kernel, stride, [0, 0], true, false);
    let before = window.before();
    let after =
        [(rows, height), (columns, width)].map(|(reached, size)| (before + size).saturating_sub(reached));
    let dx = if after == [0; 2] { dx } else { dx.pad((0, after[1], 0, after[0]), PadMode::Constant(0.0)) };
    dx.slice([0..batch, 0..channels, before..before + height, before..before + width])
}

/// Returns positions of a window over divisor for each window, `[1, 1, rows, columns]`, where it is not 1 throughout.
fn correction(
    like: &Tensor<4>,
    [height, width]: [usize; 2],
    window: PoolWindow,
    divisor: Divisor,
) -> Option<Tensor<4>> {
    let counts = |size| match divisor {
        Divisor::Elements => window.counts(size),
        Divisor::Window => window.counts_with_border(size),
    };
    let (rows, columns) = (counts(height), counts(width));
    if rows.iter().chain(&columns).all(|count| *count == window.kernel) {
        return None;
    }
    let area = (window.kernel * window.kernel) as f64;
    let factors: Vec<f64> =
        rows.iter().flat_map(|row| columns.iter().map(move |column| area / (row * column) as f64)).collect();
    let data = TensorData::new(factors, [1, 1, rows.len(), columns.len()]);
    Some(Tensor::from_data(data, (&like.device(), like.dtype())))
}
