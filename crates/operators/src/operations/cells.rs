//! Cells of a map by their positions: gathered and scattered, each the gradient of the other, and which cells a pooling picks.
//!
//! Operators that pick cells have a composition of Burn's operations too; it is their reference, and what runs elsewhere than on the
//! CPU.

use std::sync::Arc;

use allconv_kernels::{
    Engine, PoolGeometry, RegionLists, Scalar, assign_cells, assign_cells_backward, drawn_cells,
    gather_cells, median_cells, region_max_cells, scatter_cells, unspecified_vec,
};
use burn::backend::{Autodiff, Dispatch, Flex, backend_extension};
use burn::tensor::{Device, Int, Tensor};
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use burn_backend::tensor::{FloatTensor, IntTensor};
use burn_backend::{Backend, DType, Element, TensorMetadata};
use burn_flex::FlexTensor;
use bytemuck::Pod;

use super::max_pool::{kernels_geometry, output_sizes};
use super::nhwc::{Dense, from_channels_last};
use super::window::PoolWindow;

/// Cells of the largest window whose medians have a kernel.
const MOST_RANKED: usize = 64;

/// Which cell of each window is picked.
#[derive(Clone, Debug)]
pub enum CellChoice {
    /// The two in the middle, the same one of an odd number of cells.
    Median(PoolWindow, Engine),
    /// One drawn with a probability in proportion to its value; all are at least 0.
    Drawn(PoolWindow, Engine),
    /// The largest of regions that each map has for itself.
    RegionMaximum(Arc<RegionLists>, Engine),
}

impl CellChoice {
    /// Whether the kernels can make this choice on maps like `x`.
    pub fn has_kernel(&self, x: &Tensor<4>) -> bool {
        let on_the_cpu = x.device().inner() == Device::flex() && matches!(x.dtype(), DType::F32 | DType::F64);
        on_the_cpu
            && match self {
                Self::Median(window, _) => {
                    window.kernel.pow(2) <= MOST_RANKED && kernels_geometry(&x.shape(), *window).is_some()
                }
                Self::Drawn(window, _) => kernels_geometry(&x.shape(), *window).is_some(),
                Self::RegionMaximum(..) => true,
            }
    }

    /// The positions `row · width + column` of the cells of `x` that are picked, `[n, c, rows, columns]`; the second ones differ from the
    /// first for medians alone. `draws`, of that shape, are uniform in [0, 1); only a drawn choice reads them.
    ///
    /// # Panics
    ///
    /// Where there is no kernel.
    pub fn positions(self, x: Tensor<4>, draws: Option<Tensor<4>>) -> [Tensor<4, Int>; 2] {
        let x = x.detach();
        let draws = draws.unwrap_or_else(|| Tensor::zeros([0, 0, 0, 0], (&x.device(), x.dtype())));
        let (first, second) =
            <Dispatch as CellOps>::chosen_cells(x.into_dispatch(), draws.into_dispatch(), self);
        [Tensor::from_dispatch(first), Tensor::from_dispatch(second)]
    }
}

/// The cells of `x` `[n, c, h, w]` at `positions` `[n, c, rows, columns]`, on the CPU.
pub fn gathered(x: Tensor<4>, positions: Tensor<4, Int>) -> Tensor<4> {
    let y = <Dispatch as CellOps>::gathered_cells(x.into_dispatch(), positions.into_dispatch());
    Tensor::from_dispatch(y)
}

/// Whether [`scattered`] can take these values and positions.
pub fn scatters(values: &Tensor<4>, positions: &Tensor<4, Int>) -> bool {
    values.device().inner() == Device::flex()
        && matches!(values.dtype(), DType::F32 | DType::F64)
        && positions.dtype() == DType::I32
}

/// A map of `sides` in which every value `[n, c, rows, columns]` is added to the cell at its position; 0 elsewhere. On the CPU.
pub fn scattered(values: Tensor<4>, positions: Tensor<4, Int>, sides: [usize; 2]) -> Tensor<4> {
    let x = <Dispatch as CellOps>::scattered_cells(values.into_dispatch(), positions.into_dispatch(), sides);
    Tensor::from_dispatch(x)
}

/// A map of `sides` in which every cell holds the largest of the values `[n, c, rows, columns]` with its position, 0 where there is
/// none; equal values share the gradient. On the CPU, where [`scatters`] says so.
pub fn assigned(values: Tensor<4>, positions: Tensor<4, Int>, sides: [usize; 2]) -> Tensor<4> {
    let x = <Dispatch as CellOps>::assigned_cells(values.into_dispatch(), positions.into_dispatch(), sides);
    Tensor::from_dispatch(x)
}

/// Cells of the CPU's backend; see [`CellChoice`] and [`gathered`].
#[backend_extension(Flex, Autodiff)]
pub trait CellOps: Backend {
    /// See [`CellChoice::positions`].
    fn chosen_cells(
        x: FloatTensor<Self>,
        draws: FloatTensor<Self>,
        choice: CellChoice,
    ) -> (IntTensor<Self>, IntTensor<Self>);

    /// See [`gathered`].
    fn gathered_cells(x: FloatTensor<Self>, positions: IntTensor<Self>) -> FloatTensor<Self>;

    /// A map of `sides` in which every value is added to its cell.
    fn scattered_cells(
        values: FloatTensor<Self>,
        positions: IntTensor<Self>,
        sides: [usize; 2],
    ) -> FloatTensor<Self>;

    /// See [`assigned`].
    fn assigned_cells(
        values: FloatTensor<Self>,
        positions: IntTensor<Self>,
        sides: [usize; 2],
    ) -> FloatTensor<Self>;

    /// The gradient of [`Self::assigned_cells`] by the values, from its result `x` and the result's gradient `dx`.
    fn assigned_cells_backward(
        values: FloatTensor<Self>,
        positions: IntTensor<Self>,
        x: FloatTensor<Self>,
        dx: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

impl CellOps for Flex {
    fn chosen_cells(x: FlexTensor, draws: FlexTensor, choice: CellChoice) -> (FlexTensor, FlexTensor) {
        match x.dtype() {
            DType::F64 => chosen::<f64>(x, draws, &choice),
            _ => chosen::<f32>(x, draws, &choice),
        }
    }

    fn gathered_cells(x: FlexTensor, positions: FlexTensor) -> FlexTensor {
        match x.dtype() {
            DType::F64 => gather::<f64>(x, positions),
            _ => gather::<f32>(x, positions),
        }
    }

    fn scattered_cells(values: FlexTensor, positions: FlexTensor, sides: [usize; 2]) -> FlexTensor {
        match values.dtype() {
            DType::F64 => scatter::<f64>(values, positions, sides),
            _ => scatter::<f32>(values, positions, sides),
        }
    }

    fn assigned_cells(values: FlexTensor, positions: FlexTensor, sides: [usize; 2]) -> FlexTensor {
        match values.dtype() {
            DType::F64 => assign::<f64>(values, positions, sides),
            _ => assign::<f32>(values, positions, sides),
        }
    }

    fn assigned_cells_backward(
        values: FlexTensor,
        positions: FlexTensor,
        x: FlexTensor,
        dx: FlexTensor,
    ) -> FlexTensor {
        match values.dtype() {
            DType::F64 => assign_backward::<f64>(values, positions, x, dx),
            _ => assign_backward::<f32>(values, positions, x, dx),
        }
    }
}

fn chosen<T: Scalar + Element + Pod>(
    x: FlexTensor,
    draws: FlexTensor,
    choice: &CellChoice,
) -> (FlexTensor, FlexTensor) {
    let shape = x.shape();
    let geometry = |window: PoolWindow| -> PoolGeometry {
        match kernels_geometry(&shape, window) {
            Some(geometry) => geometry,
            None => panic!("{window:?} is no window of the kernels"),
        }
    };
    let x = Dense::channels_last(x);
    let empty = |sizes: [usize; 4]| -> Vec<u32> { unspecified_vec(sizes.iter().product()) };
    let tensor = |positions: Vec<u32>, sizes| {
        // Positions in a map stay far below 2³¹, so the signed integers that Burn prefers hold the same bits.
        from_channels_last(bytemuck::cast_vec::<u32, i32>(positions), sizes)
    };
    match choice {
        CellChoice::Median(window, engine) => {
            let geometry = geometry(*window);
            let sizes = output_sizes(&geometry);
            let (mut lower, mut upper) = (empty(sizes), empty(sizes));
            median_cells::<T>(engine, &geometry, x.slice(), &mut lower, &mut upper);
            (tensor(lower, sizes), tensor(upper, sizes))
        }
        CellChoice::Drawn(window, engine) => {
            let geometry = geometry(*window);
            let sizes = output_sizes(&geometry);
            let (draws, mut drawn) = (Dense::channels_last(draws), empty(sizes));
            drawn_cells::<T>(engine, &geometry, x.slice(), draws.slice(), &mut drawn);
            let drawn = tensor(drawn, sizes);
            (drawn.clone(), drawn)
        }
        CellChoice::RegionMaximum(regions, engine) => {
            let [batch, height, width, channels] = x.sizes();
            let sizes = [batch, regions.rows[0].len(), regions.columns[0].len(), channels];
            let mut largest = empty(sizes);
            let map = [batch, height, width, channels];
            region_max_cells::<T>(engine, map, regions, x.slice(), &mut largest);
            let largest = tensor(largest, sizes);
            (largest.clone(), largest)
        }
    }
}

fn gather<T: Scalar + Element + Pod>(x: FlexTensor, positions: FlexTensor) -> FlexTensor {
    let (x, positions) = (Dense::channels_last(x), Dense::channels_last(positions));
    let ([batch, _, _, channels], sizes) = (x.sizes(), positions.sizes());
    let mut y = unspecified_vec(sizes.iter().product());
    gather_cells::<T>(batch, channels, unsigned(&positions), x.slice(), &mut y);
    from_channels_last(y, sizes)
}

fn scatter<T: Scalar + Element + Pod>(
    values: FlexTensor,
    positions: FlexTensor,
    [height, width]: [usize; 2],
) -> FlexTensor {
    let (values, positions) = (Dense::channels_last(values), Dense::channels_last(positions));
    let [batch, _, _, channels] = values.sizes();
    let mut x = unspecified_vec(batch * height * width * channels);
    scatter_cells::<T>(batch, channels, unsigned(&positions), values.slice(), &mut x);
    from_channels_last(x, [batch, height, width, channels])
}

fn assign<T: Scalar + Element + Pod>(
    values: FlexTensor,
    positions: FlexTensor,
    [height, width]: [usize; 2],
) -> FlexTensor {
    let (values, positions) = (Dense::channels_last(values), Dense::channels_last(positions));
    let [batch, _, _, channels] = values.sizes();
    let mut x = unspecified_vec(batch * height * width * channels);
    assign_cells::<T>(batch, channels, unsigned(&positions), values.slice(), &mut x);
    from_channels_last(x, [batch, height, width, channels])
}

fn assign_backward<T: Scalar + Element + Pod>(
    values: FlexTensor,
    positions: FlexTensor,
    x: FlexTensor,
    dx: FlexTensor,
) -> FlexTensor {
    let [values, positions, x, dx] = [values, positions, x, dx].map(Dense::channels_last);
    let sizes = values.sizes();
    let [batch, _, _, channels] = sizes;
    let mut dvalues = unspecified_vec(sizes.iter().product());
    let maps = [x.slice(), dx.slice()];
    assign_cells_backward::<T>([batch, channels], unsigned(&positions), values.slice(), maps, &mut dvalues);
    from_channels_last(dvalues, sizes)
}

fn unsigned(positions: &Dense) -> &[u32] {
    bytemuck::cast_slice(positions.slice::<i32>())
}

/// The gradient of gathering.
#[derive(Debug)]
struct GatherBackward;

impl<B: CellOps> Backward<B, 1> for GatherBackward {
    type State = (IntTensor<B>, [usize; 2]);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [node] = ops.parents;
        let dy = gradients.consume::<B>(&ops.node);
        let (positions, sides) = ops.state;
        if let Some(node) = node {
            gradients.register::<B>(node.id, B::scattered_cells(dy, positions, sides));
        }
    }
}

impl<B: CellOps, C: CheckpointStrategy> CellOps for Autodiff<B, C> {
    fn chosen_cells(
        x: FloatTensor<Self>,
        draws: FloatTensor<Self>,
        choice: CellChoice,
    ) -> (IntTensor<Self>, IntTensor<Self>) {
        B::chosen_cells(x.into_primitive(), draws.into_primitive(), choice)
    }

    fn gathered_cells(x: FloatTensor<Self>, positions: IntTensor<Self>) -> FloatTensor<Self> {
        let node = x.node();
        let x = x.into_primitive();
        let shape = x.shape();
        let y = B::gathered_cells(x, positions.clone());
        match GatherBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => preparation.finish((positions, [shape[2], shape[3]]), y),
            OpsKind::UnTracked(preparation) => preparation.finish(y),
        }
    }

    fn scattered_cells(
        values: FloatTensor<Self>,
        positions: IntTensor<Self>,
        sides: [usize; 2],
    ) -> FloatTensor<Self> {
        let node = values.node();
        let x = B::scattered_cells(values.into_primitive(), positions.clone(), sides);
        match ScatterBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => preparation.finish(positions, x),
            OpsKind::UnTracked(preparation) => preparation.finish(x),
        }
    }

    fn assigned_cells(
        values: FloatTensor<Self>,
        positions: IntTensor<Self>,
        sides: [usize; 2],
    ) -> FloatTensor<Self> {
        let node = values.node();
        let values = values.into_primitive();
        let x = B::assigned_cells(values.clone(), positions.clone(), sides);
        match AssignBackward.prepare::<C>([node]).compute_bound().stateful() {
            OpsKind::Tracked(preparation) => preparation.finish((values, positions, x.clone()), x),
            OpsKind::UnTracked(preparation) => preparation.finish(x),
        }
    }

    fn assigned_cells_backward(
        _values: FloatTensor<Self>,
        _positions: IntTensor<Self>,
        _x: FloatTensor<Self>,
        _dx: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        panic!("gradients of gradients are not available")
    }
}

/// The gradient of assigning.
#[derive(Debug)]
struct AssignBackward;

impl<B: CellOps> Backward<B, 1> for AssignBackward {
    /// Values, positions, and the result.
    type State = (FloatTensor<B>, IntTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [node] = ops.parents;
        let dx = gradients.consume::<B>(&ops.node);
        let (values, positions, x) = ops.state;
        if let Some(node) = node {
            gradients.register::<B>(node.id, B::assigned_cells_backward(values, positions, x, dx));
        }
    }
}

/// The gradient of scattering.
#[derive(Debug)]
struct ScatterBackward;

impl<B: CellOps> Backward<B, 1> for ScatterBackward {
    type State = IntTensor<B>;

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [node] = ops.parents;
        let dy = gradients.consume::<B>(&ops.node);
        if let Some(node) = node {
            gradients.register::<B>(node.id, B::gathered_cells(dy, ops.state));
        }
    }
}
