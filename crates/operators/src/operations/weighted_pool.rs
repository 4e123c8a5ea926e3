//! Pooling by a smooth function of the window: softmax-weighted means, log-sum-exp, p-norms.
//!
//! Elsewhere than on the CPU it is a composition of Burn's operations, which is also its reference.

use allconv_kernels::{
    Elementary, Engine, Orders, PoolGeometry, Scalar, WindowFunction, unspecified_vec,
    weighted_pool2d_backward, weighted_pool2d_forward,
};
use burn::backend::{Autodiff, Dispatch, ExtensionType, Flex, backend_extension};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_backend::tensor::FloatTensor;
use burn_backend::{Backend, DType, Element, TensorMetadata};
use burn_flex::FlexTensor;
use bytemuck::Pod;

use super::average_pool::{Divisor, average_pool};
use super::max_pool::{kernels_geometry, max_pool, output_sizes};
use super::nhwc::{Dense, dense, from_channels_last};
use super::stacked::{StackedWindows, cell_counts, stacked_windows};
use super::window::PoolWindow;

/// `function` of each window: `[n, c, h, w]` to `[n, c, rows, columns]`. `orders` `[c]` holds the p of a norm for each
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
    let has_kernel = x.device().inner() == Device::flex()
        && matches!(x.dtype(), DType::F32 | DType::F64)
        && kernels_geometry(&x.shape(), window).is_some();
    if !has_kernel {
        return composed_weighted_pool(x, orders, window, function, engine);
    }
    let orders = orders.unwrap_or_else(|| Tensor::zeros([0], (&x.device(), x.dtype())));
    let (x, orders) = (x.into_dispatch(), orders.into_dispatch());
    let of = WindowedFunction { window, function };
    Tensor::from_dispatch(<Dispatch as WeightedPoolOps>::window_function(x, orders, of, engine.clone()))
}

/// The same as a composition of Burn's operations.
pub(crate) fn composed_weighted_pool(
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
            let weights = stacked.zero_beyond((stacked.cells.clone() - largest.unsqueeze_dim(0)).exp());
            StackedWindows::sum(weights.clone() * stacked.cells) / StackedWindows::sum(weights)
        }
        WindowFunction::LogSumExp { sharpness } => {
            let stacked = stacked_windows(x.clone(), window);
            let cells = cell_counts(&x, window);
            let largest = max_pool(x, window, engine).detach();
            let scaled = (stacked.cells.clone() - largest.clone().unsqueeze_dim(0)) * sharpness;
            let mean = StackedWindows::sum(stacked.zero_beyond(scaled.exp())) / cells;
            largest + mean.log() / sharpness
        }
        WindowFunction::Likeness => likeness_mean(x, window, engine),
        WindowFunction::SquareMean => {
            let positive = relu(x);
            // Shares do not change with the scale: the largest of each window is 1, so that no square is lost.
            let largest = max_pool(positive.clone().detach(), window, engine);
            let scale = largest.clone() + largest.equal_elem(0.0).float().cast(positive.dtype());
            let stacked = stacked_windows(positive, window);
            let cells = stacked.zero_beyond(stacked.cells.clone() / scale.clone().unsqueeze_dim(0));
            let sum = StackedWindows::sum(cells.clone());
            // An empty window divides its zeros by 1.
            let divisor = sum.clone() + sum.lower_equal_elem(0.0).float().cast(cells.dtype()).detach();
            scale * StackedWindows::sum(cells.clone() * cells) / divisor
        }
        WindowFunction::PNorm { mean } => match orders {
            Some(orders) => p_norm(x, orders, window, mean, engine),
            None => panic!("a norm needs its orders"),
        },
    }
}

/// The mean of each window weighted by the exponential of each cell's Dice–Sørensen likeness to the window's mean.
fn likeness_mean(x: Tensor<4>, window: PoolWindow, engine: &Engine) -> Tensor<4> {
    let dtype = x.dtype();
    let mean: Tensor<5> = average_pool(x.clone(), window, Divisor::Cells, engine).unsqueeze_dim(0);
    // Likeness does not change with the scale: the largest of the window is 1, so that no square is lost.
    let largest: Tensor<5> = max_pool(x.clone().abs().detach(), window, engine).unsqueeze_dim(0);
    let scale = largest.clone() + largest.equal_elem(0.0).float().cast(dtype);
    let stacked = stacked_windows(x, window);
    let (cells, mean) = (stacked.cells.clone() / scale.clone(), mean / scale);
    let sizes = cells.clone().square() + mean.clone().square();
    let empty = sizes.clone().detach().equal_elem(0.0).float().cast(dtype);
    let likeness = cells * mean * 2.0 / (sizes + empty);
    let weights = stacked.zero_beyond(likeness.exp());
    StackedWindows::sum(stacked.cells.clone() * weights.clone()) / StackedWindows::sum(weights)
}

/// With m the largest absolute value, `y = m·exp(ln(Σ exp(p·ln(|x|/m)))/p)`: all exponents are at most 0, and m, which
/// cancels, needs no gradient.
fn p_norm(x: Tensor<4>, orders: Tensor<1>, window: PoolWindow, mean: bool, engine: &Engine) -> Tensor<4> {
    let [_, channels, _, _] = x.dims();
    let p = orders.reshape([1, channels, 1, 1]);
    let size = x.clone().abs();
    let largest = max_pool(size.clone().detach(), window, engine);
    let empty = largest.clone().equal_elem(0.0);
    let divisor = largest.clone().mask_fill(empty.clone(), 1.0);
    let stacked = stacked_windows(size, window);
    let zero = stacked.cells.clone().detach().equal_elem(0.0);
    let logarithm = (stacked.cells.clone() / divisor.unsqueeze_dim(0)).mask_fill(zero.clone(), 1.0).log();
    let powers = (logarithm * p.clone().unsqueeze_dim(0)).exp().mask_fill(zero, 0.0);
    // An empty window takes the logarithm of 1 instead of 0.
    let sum = StackedWindows::sum(stacked.zero_beyond(powers)) + empty.float().cast(x.dtype());
    let sum = if mean { sum / cell_counts(&x, window) } else { sum };
    largest * (sum.log() / p).exp()
}

/// The gradients of [`weighted_pool`].
#[derive(ExtensionType)]
pub struct WeightedPoolGradients<B: Backend> {
    /// With respect to the input, `[n, c, h, w]`.
    pub dx: FloatTensor<B>,
    /// With respect to the orders, in their shape.
    pub dorders: FloatTensor<B>,
}

/// What is computed of which windows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WindowedFunction {
    /// The windows.
    pub window: PoolWindow,
    /// The function.
    pub function: WindowFunction,
}

/// Whether the gradient by the orders of a norm is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderGradient {
    /// They are learned.
    Wanted,
    /// They are settings.
    Unwanted,
}

/// [`weighted_pool`] as an operation of the CPU's backend; the others have the composition.
#[backend_extension(Flex, Autodiff)]
pub trait WeightedPoolOps: Backend {
    /// See [`weighted_pool`]; `orders` is empty where the function reads none.
    fn window_function(
        x: FloatTensor<Self>,
        orders: FloatTensor<Self>,
        of: WindowedFunction,
        engine: Engine,
    ) -> FloatTensor<Self>;

    /// The gradients, from the operands, the result `y` and its gradient `dy`; those of the orders are empty where they are not wanted.
    fn window_function_backward(
        x: FloatTensor<Self>,
        orders: FloatTensor<Self>,
        y: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        of: WindowedFunction,
        orders_wanted: OrderGradient,
        engine: Engine,
    ) -> WeightedPoolGradients<Self>;
}

impl WeightedPoolOps for Flex {
    fn window_function(
        x: FlexTensor,
        orders: FlexTensor,
        of: WindowedFunction,
        engine: Engine,
    ) -> FlexTensor {
        let geometry = checked_geometry(&x, of.window);
        match x.dtype() {
            DType::F64 => forward::<f64>(x, orders, &geometry, of.function, &engine),
            _ => forward::<f32>(x, orders, &geometry, of.function, &engine),
        }
    }

    fn window_function_backward(
        x: FlexTensor,
        orders: FlexTensor,
        y: FlexTensor,
        dy: FlexTensor,
        of: WindowedFunction,
        orders_wanted: OrderGradient,
        engine: Engine,
    ) -> WeightedPoolGradients<Self> {
        let geometry = checked_geometry(&x, of.window);
        let tensors = [x, orders, y, dy];
        match tensors[0].dtype() {
            DType::F64 => backward::<f64>(tensors, &geometry, of.function, orders_wanted, &engine),
            _ => backward::<f32>(tensors, &geometry, of.function, orders_wanted, &engine),
        }
    }
}

fn checked_geometry(x: &FlexTensor, window: PoolWindow) -> PoolGeometry {
    match kernels_geometry(&x.shape(), window) {
        Some(geometry) => geometry,
        None => panic!("{window:?} is no window of the kernels"),
    }
}

fn forward<T: Scalar + Elementary + Element + Pod>(
    x: FlexTensor,
    orders: FlexTensor,
    geometry: &PoolGeometry,
    function: WindowFunction,
    engine: &Engine,
) -> FlexTensor {
    let sizes = output_sizes(geometry);
    let mut y = unspecified_vec(sizes.iter().product());
    let (x, orders) = (Dense::channels_last(x), Dense::in_order(orders));
    weighted_pool2d_forward::<T>(engine, geometry, function, Orders(orders.slice()), x.slice(), &mut y);
    from_channels_last(y, sizes)
}

fn backward<T: Scalar + Elementary + Element + Pod>(
    [x, orders, y, dy]: [FlexTensor; 4],
    geometry: &PoolGeometry,
    function: WindowFunction,
    orders_wanted: OrderGradient,
    engine: &Engine,
) -> WeightedPoolGradients<Flex> {
    let [x, y, dy] = [x, y, dy].map(Dense::channels_last);
    let orders = Dense::in_order(orders);
    let orders: &[T] = orders.slice();
    let mut dorders = match orders_wanted {
        OrderGradient::Wanted => vec![T::ZERO; orders.len()],
        OrderGradient::Unwanted => Vec::new(),
    };
    let mut dx = unspecified_vec(geometry.input_len());
    weighted_pool2d_backward::<T>(
        engine,
        geometry,
        function,
        Orders(orders),
        x.slice(),
        y.slice(),
        dy.slice(),
        &mut dx,
        &mut dorders,
    );
    let PoolGeometry { batch, height_in, width_in, channels, .. } = *geometry;
    let count = dorders.len();
    WeightedPoolGradients {
        dx: from_channels_last(dx, [batch, height_in, width_in, channels]),
        dorders: dense(dorders, &[count], T::dtype()),
    }
}

/// The gradient of a smooth function of windows.
#[derive(Debug)]
struct WeightedPoolBackward;

/// Operands, result and settings.
#[derive(Clone, Debug)]
struct Saved<F> {
    x: F,
    orders: F,
    y: F,
    of: WindowedFunction,
    engine: Engine,
}

impl<B: WeightedPoolOps> Backward<B, 2> for WeightedPoolBackward {
    type State = Saved<FloatTensor<B>>;

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [x_node, orders_node] = ops.parents;
        let dy = gradients.consume::<B>(&ops.node);
        let Saved { x, orders, y, of, engine } = ops.state;
        let wanted = if orders_node.is_some() { OrderGradient::Wanted } else { OrderGradient::Unwanted };
        let found = B::window_function_backward(x, orders, y, dy, of, wanted, engine);
        if let Some(node) = x_node {
            gradients.register::<B>(node.id, found.dx);
        }
        if let Some(node) = orders_node {
            gradients.register::<B>(node.id, found.dorders);
        }
    }
}

impl<B: WeightedPoolOps, C: CheckpointStrategy> WeightedPoolOps for Autodiff<B, C> {
    fn window_function(
        x: FloatTensor<Self>,
        orders: FloatTensor<Self>,
        of: WindowedFunction,
        engine: Engine,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), orders.node()];
        let (x, orders) = (x.into_primitive(), orders.into_primitive());
        let y = B::window_function(x.clone(), orders.clone(), of, engine.clone());
        match WeightedPoolBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => {
                preparation.finish(Saved { x, orders, y: y.clone(), of, engine }, y)
            }
            OpsKind::UnTracked(preparation) => preparation.finish(y),
        }
    }

    fn window_function_backward(
        _x: FloatTensor<Self>,
        _orders: FloatTensor<Self>,
        _y: FloatTensor<Self>,
        _dy: FloatTensor<Self>,
        _of: WindowedFunction,
        _orders_wanted: OrderGradient,
        _engine: Engine,
    ) -> WeightedPoolGradients<Self> {
        panic!("gradients of gradients are not available")
    }
}
