//! Pooling by a function of the window: softmax-weighted means, log-sum-exp, means of the largest values, p-norms.

use allconv_kernels::{
    Engine, Orders, PoolGeometry, WeightedPoolBackward, WindowFunction, unspecified_vec,
    weighted_pool2d_backward, weighted_pool2d_forward,
};
use burn::tensor::Tensor;
use burn::tensor::activation::relu;

use super::average_pool::{Divisor, average_pool};
use super::differentiable::{OperandGradients, differentiable};
use super::layout::{Dense, from_channels_last, from_elements};
use super::max_pool::max_pool;
use super::place::{Number, Place, placed};
use super::stacked::{StackedWindows, position_counts, stacked_windows};
use super::window::{PoolWindow, input_sizes, output_sizes};

/// Computes `function` of each window: `[n, c, h, w]` to `[n, c, rows, columns]`. `orders` `[c]` holds the p of a norm for each
/// channel; other functions do not read it.
///
/// # Panics
///
/// When a norm has no orders, or not one for each channel.
pub fn weighted_pool(
    x: Tensor<4>,
    orders: Option<Tensor<1>>,
    window: PoolWindow,
    function: WindowFunction,
    engine: &Engine,
) -> Tensor<4> {
    placed!(
        Place::of(&x),
        with geometry = window.geometry(x.dims()),
        T => on_kernels::<T>(x, orders, geometry, function, engine),
        else composed_weighted_pool(x, orders, window, function, engine)
    )
}

fn on_kernels<T: Number>(
    x: Tensor<4>,
    orders: Option<Tensor<1>>,
    geometry: PoolGeometry,
    function: WindowFunction,
    engine: &Engine,
) -> Tensor<4> {
    let orders = orders.unwrap_or_else(|| Tensor::zeros([0], (&x.device(), x.dtype())));
    let parents = [(&x).into(), (&orders).into()];
    let (x, orders) = (x.inner(), orders.inner());
    let y = forward::<T>(x.clone(), orders.clone(), &geometry, function, engine);
    let (result, engine) = (y.clone(), engine.clone());
    differentiable(y, parents, move |dy, wanted| {
        backward::<T>([x, result, dy], orders, &geometry, function, wanted, &engine)
    })
}

fn forward<T: Number>(
    x: Tensor<4>,
    orders: Tensor<1>,
    geometry: &PoolGeometry,
    function: WindowFunction,
    engine: &Engine,
) -> Tensor<4> {
    let sizes = output_sizes(geometry);
    let mut y = unspecified_vec(sizes.iter().product());
    let (x, orders) = (Dense::channels_last(x), Dense::in_order(orders));
    weighted_pool2d_forward::<T>(engine, geometry, function, Orders(orders.slice()), x.slice(), &mut y);
    from_channels_last(y, sizes)
}

/// Computes the gradients from the map, the result and its gradient; that of the orders only where it is wanted.
fn backward<T: Number>(
    maps: [Tensor<4>; 3],
    orders: Tensor<1>,
    geometry: &PoolGeometry,
    function: WindowFunction,
    [_, dorders_wanted]: [bool; 2],
    engine: &Engine,
) -> OperandGradients<2> {
    let [x, y, dy] = maps.map(Dense::channels_last);
    let orders = Dense::in_order(orders);
    let orders: &[T] = orders.slice();
    let mut dorders = vec![T::ZERO; if dorders_wanted { orders.len() } else { 0 }];
    let mut dx = unspecified_vec(geometry.input_len());
    let operands = WeightedPoolBackward {
        orders: Orders(orders),
        x: x.slice(),
        y: y.slice(),
        dy: dy.slice(),
        dx: &mut dx,
        dorders: &mut dorders,
    };
    weighted_pool2d_backward::<T>(engine, geometry, function, operands);
    let count = dorders.len();
    [
        Some(from_channels_last(dx, input_sizes(geometry)).into()),
        dorders_wanted.then(|| from_elements(dorders, [count]).into()),
    ]
}

/// Computes [`weighted_pool`] as a composition of Burn's operations, whose gradient is Burn's.
pub(super) fn composed_weighted_pool(
    x: Tensor<4>,
    orders: Option<Tensor<1>>,
    window: PoolWindow,
    function: WindowFunction,
    engine: &Engine,
) -> Tensor<4> {
    match function {
        WindowFunction::SoftMean => {
            let stacked = stacked_windows(x.clone(), window);
            let largest = max_pool(x, window, engine).detach();
            let weights = stacked.zero_beyond((stacked.elements.clone() - largest.unsqueeze_dim(0)).exp());
            StackedWindows::sum(weights.clone() * stacked.elements) / StackedWindows::sum(weights)
        }
        WindowFunction::LogSumExp { sharpness } => {
            let stacked = stacked_windows(x.clone(), window);
            let counts = position_counts(&x, window);
            let largest = max_pool(x, window, engine).detach();
            let scaled = (stacked.elements.clone() - largest.clone().unsqueeze_dim(0)) * sharpness;
            let mean = StackedWindows::sum(stacked.zero_beyond(scaled.exp())) / counts;
            largest + mean.log() / sharpness
        }
        WindowFunction::Similarity => similarity_mean(x, window, engine),
        WindowFunction::SquareMean => {
            let positive = relu(x);
            // The weights do not change with the scale: the largest of each window is 1, so that no square is lost.
            let largest = max_pool(positive.clone().detach(), window, engine);
            let scale = largest.clone() + largest.equal_elem(0.0).float().cast(positive.dtype());
            let stacked = stacked_windows(positive, window);
            let elements = stacked.zero_beyond(stacked.elements.clone() / scale.clone().unsqueeze_dim(0));
            let sum = StackedWindows::sum(elements.clone());
            // An empty window divides its zeros by 1.
            let divisor = sum.clone() + sum.lower_equal_elem(0.0).float().cast(elements.dtype()).detach();
            scale * StackedWindows::sum(elements.clone() * elements) / divisor
        }
        WindowFunction::RankMean { top } => rank_mean(x, window, top),
        WindowFunction::PNorm { mean } => match orders {
            Some(orders) => p_norm(x, orders, window, mean, engine),
            None => panic!("a norm needs its orders"),
        },
    }
}

/// Returns the mean of each window weighted by the exponential of each value's Dice–Sørensen similarity to the window's mean.
fn similarity_mean(x: Tensor<4>, window: PoolWindow, engine: &Engine) -> Tensor<4> {
    let dtype = x.dtype();
    let mean: Tensor<5> = average_pool(x.clone(), window, Divisor::Elements, engine).unsqueeze_dim(0);
    // Similarity does not change with the scale: the largest of the window is 1, so that no square is lost.
    let largest: Tensor<5> = max_pool(x.clone().abs().detach(), window, engine).unsqueeze_dim(0);
    let scale = largest.clone() + largest.equal_elem(0.0).float().cast(dtype);
    let stacked = stacked_windows(x, window);
    let (elements, mean) = (stacked.elements.clone() / scale.clone(), mean / scale);
    let sizes = elements.clone().square() + mean.clone().square();
    let empty = sizes.clone().detach().equal_elem(0.0).float().cast(dtype);
    let similarity = elements * mean * 2.0 / (sizes + empty);
    let weights = stacked.zero_beyond(similarity.exp());
    StackedWindows::sum(stacked.elements.clone() * weights.clone()) / StackedWindows::sum(weights)
}

/// Returns the mean of the `top` largest values of each window.
fn rank_mean(x: Tensor<4>, window: PoolWindow, top: u32) -> Tensor<4> {
    let counts = position_counts(&x, window).clamp_max(top);
    let stacked = stacked_windows(x, window);
    // Positions beyond the map are sorted after all others.
    let keys = stacked.elements.clone().detach();
    let keys = match stacked.beyond() {
        None => keys,
        Some(beyond) => keys.mask_fill(beyond, f32::MIN),
    };
    let [places, batch, channels, rows, columns] = keys.dims();
    let ranks = places.min(top as usize);
    let largest = keys.argsort_descending(0).narrow(0, 0, ranks);
    let values = stacked.elements.gather(0, largest);
    let counted = (0..ranks).map(|rank| counts.clone().greater_elem(rank as f64));
    let counted = Tensor::stack::<5>(counted.collect(), 0).expand([ranks, batch, channels, rows, columns]);
    StackedWindows::sum(values.mask_fill(counted.bool_not(), 0.0)) / counts
}

/// Computes, with m the largest absolute value, `y = m·exp(ln(Σ exp(p·ln(|x|/m)))/p)`: all exponents are at most 0, and m, which
/// cancels, needs no gradient.
fn p_norm(x: Tensor<4>, orders: Tensor<1>, window: PoolWindow, mean: bool, engine: &Engine) -> Tensor<4> {
    let [_, channels, _, _] = x.dims();
    let p = orders.reshape([1, channels, 1, 1]);
    let size = x.clone().abs();
    let largest = max_pool(size.clone().detach(), window, engine);
    let empty = largest.clone().equal_elem(0.0);
    let divisor = largest.clone().mask_fill(empty.clone(), 1.0);
    let stacked = stacked_windows(size, window);
    let zero = stacked.elements.clone().detach().equal_elem(0.0);
    let logarithm = (stacked.elements.clone() / divisor.unsqueeze_dim(0)).mask_fill(zero.clone(), 1.0).log();
    let powers = (logarithm * p.clone().unsqueeze_dim(0)).exp().mask_fill(zero, 0.0);
    // An empty window takes the logarithm of 1 instead of 0.
    let sum = StackedWindows::sum(stacked.zero_beyond(powers)) + empty.float().cast(x.dtype());
    let sum = if mean { sum / position_counts(&x, window) } else { sum };
    largest * (sum.log() / p).exp()
}
