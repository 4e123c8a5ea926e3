//! Gathering and scattering of values by their positions in a map, each the gradient of the other, and the positions that a pooling
//! chooses.

use std::sync::Arc;

use allconv_kernels::{
    Engine, PoolGeometry, RegionLists, assign_positions, assign_positions_backward, drawn_positions,
    gather_positions, median_positions, region_max_positions, scatter_positions, unspecified_vec,
};
use burn::tensor::{DType, IndexingUpdateOp, Int, Tensor};

use super::differentiable::differentiable;
use super::layout::{Dense, from_channels_last, positions_from_channels_last};
use super::place::{Number, Place, placed};
use super::window::{PoolWindow, output_sizes};

/// Positions of the largest window whose medians have a kernel.
const MOST_RANKED: usize = 64;

/// The choice of a position of each window.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "it lives for one call")]
pub enum PositionChoice {
    /// The two in the middle, the same one twice for an odd number of values.
    Median(PoolWindow),
    /// One drawn with a probability in proportion to its value; all are at least 0. The draws are uniform in [0, 1) and have the result's
    /// shape.
    Drawn(PoolWindow, Tensor<4>),
    /// The largest of regions that each map has for itself.
    RegionMaximum(Arc<RegionLists>),
}

impl PositionChoice {
    /// Returns the positions `row · width + column` of the values of `x` that are chosen, `[n, c, rows, columns]`; the second ones differ
    /// from the first for medians alone. `None` where there is no kernel: such operators are compositions there as a whole.
    pub fn positions(&self, x: &Tensor<4>, engine: &Engine) -> Option<[Tensor<4, Int>; 2]> {
        let geometry = match self {
            Self::Median(window) if window.kernel.pow(2) > MOST_RANKED => return None,
            Self::Median(window) | Self::Drawn(window, _) => Some(window.geometry(x.dims())?),
            Self::RegionMaximum(_) => None,
        };
        placed!(
            Place::of(x),
            T => Some(chosen::<T>(self, x.clone().inner(), geometry, engine)),
            else None
        )
    }
}

/// Returns the values of `x` `[n, c, h, w]` at `positions` `[n, c, rows, columns]`.
pub fn gathered(x: Tensor<4>, positions: Tensor<4, Int>) -> Tensor<4> {
    let positions = positions.inner();
    let y = values_at(x.clone().inner(), positions.clone());
    let [_, _, height, width] = x.dims();
    differentiable(y, [(&x).into()], move |dy, _| [Some(added_at(dy, positions, [height, width]).into())])
}

/// Returns a map of this height and width in which every value `[n, c, rows, columns]` is added at its position; 0 elsewhere.
pub fn scattered(values: Tensor<4>, positions: Tensor<4, Int>, size: [usize; 2]) -> Tensor<4> {
    let positions = positions.inner();
    let x = added_at(values.clone().inner(), positions.clone(), size);
    differentiable(x, [(&values).into()], move |dx, _| [Some(values_at(dx, positions).into())])
}

/// Returns a map of this height and width that holds at every position the largest of the values `[n, c, rows, columns]` for it, 0 where
/// there is none; equal values share the gradient.
pub fn assigned(values: Tensor<4>, positions: Tensor<4, Int>, size: [usize; 2]) -> Tensor<4> {
    placed!(
        place(&values, &positions),
        T => assigned_by_kernels::<T>(values, positions.inner(), size),
        else composed_assign(values, positions, size)
    )
}

fn assigned_by_kernels<T: Number>(
    values: Tensor<4>,
    positions: Tensor<4, Int>,
    size: [usize; 2],
) -> Tensor<4> {
    let inner = values.clone().inner();
    let x = assign::<T>(inner.clone(), positions.clone(), size);
    let result = x.clone();
    differentiable(x, [values.into()], move |dx, _| {
        [Some(assign_backward::<T>(inner, positions, result, dx).into())]
    })
}

/// Returns the place of an operation: kernels take positions in the number type that they return.
fn place(values: &Tensor<4>, positions: &Tensor<4, Int>) -> Place {
    Place::of(values).where_kernels_take(positions.dtype() == DType::I32)
}

fn values_at(x: Tensor<4>, positions: Tensor<4, Int>) -> Tensor<4> {
    placed!(place(&x, &positions), T => gather::<T>(x, positions), else composed_gather(x, positions))
}

/// Computes [`scattered`] without a graph.
pub(super) fn added_at(values: Tensor<4>, positions: Tensor<4, Int>, size: [usize; 2]) -> Tensor<4> {
    placed!(
        place(&values, &positions),
        T => scatter::<T>(values, positions, size),
        else composed_scatter(values, positions, size)
    )
}

fn chosen<T: Number>(
    choice: &PositionChoice,
    x: Tensor<4>,
    geometry: Option<PoolGeometry>,
    engine: &Engine,
) -> [Tensor<4, Int>; 2] {
    let x = Dense::channels_last(x);
    let empty = |sizes: [usize; 4]| -> Vec<u32> { unspecified_vec(sizes.iter().product()) };
    match (choice, geometry) {
        (PositionChoice::Median(_), Some(geometry)) => {
            let sizes = output_sizes(&geometry);
            let (mut lower, mut upper) = (empty(sizes), empty(sizes));
            median_positions::<T>(engine, &geometry, x.slice(), &mut lower, &mut upper);
            [lower, upper].map(|positions| positions_from_channels_last(positions, sizes))
        }
        (PositionChoice::Drawn(_, draws), Some(geometry)) => {
            let sizes = output_sizes(&geometry);
            let (draws, mut drawn) = (Dense::channels_last(draws.clone().inner()), empty(sizes));
            drawn_positions::<T>(engine, &geometry, x.slice(), draws.slice(), &mut drawn);
            let drawn = positions_from_channels_last(drawn, sizes);
            [drawn.clone(), drawn]
        }
        (PositionChoice::RegionMaximum(regions), _) => {
            let map @ [batch, _, _, channels] = x.sizes();
            let sizes = [batch, regions.rows[0].len(), regions.columns[0].len(), channels];
            let mut largest = empty(sizes);
            region_max_positions::<T>(engine, map, regions, x.slice(), &mut largest);
            let largest = positions_from_channels_last(largest, sizes);
            [largest.clone(), largest]
        }
        (PositionChoice::Median(_) | PositionChoice::Drawn(..), None) => {
            unreachable!("windows that the kernels take have a geometry")
        }
    }
}

fn gather<T: Number>(x: Tensor<4>, positions: Tensor<4, Int>) -> Tensor<4> {
    let (x, positions) = (Dense::channels_last(x), Dense::channels_last(positions));
    let ([batch, _, _, channels], sizes) = (x.sizes(), positions.sizes());
    let mut y = unspecified_vec(sizes.iter().product());
    gather_positions::<T>(batch, channels, positions.positions(), x.slice(), &mut y);
    from_channels_last(y, sizes)
}

fn scatter<T: Number>(
    values: Tensor<4>,
    positions: Tensor<4, Int>,
    [height, width]: [usize; 2],
) -> Tensor<4> {
    let (values, positions) = (Dense::channels_last(values), Dense::channels_last(positions));
    let [batch, _, _, channels] = values.sizes();
    let mut x = unspecified_vec(batch * height * width * channels);
    scatter_positions::<T>(batch, channels, positions.positions(), values.slice(), &mut x);
    from_channels_last(x, [batch, height, width, channels])
}

fn assign<T: Number>(values: Tensor<4>, positions: Tensor<4, Int>, [height, width]: [usize; 2]) -> Tensor<4> {
    let (values, positions) = (Dense::channels_last(values), Dense::channels_last(positions));
    let [batch, _, _, channels] = values.sizes();
    let mut x = unspecified_vec(batch * height * width * channels);
    assign_positions::<T>(batch, channels, positions.positions(), values.slice(), &mut x);
    from_channels_last(x, [batch, height, width, channels])
}

fn assign_backward<T: Number>(
    values: Tensor<4>,
    positions: Tensor<4, Int>,
    x: Tensor<4>,
    dx: Tensor<4>,
) -> Tensor<4> {
    let [values, x, dx] = [values, x, dx].map(Dense::channels_last);
    let positions = Dense::channels_last(positions);
    let sizes @ [batch, _, _, channels] = values.sizes();
    let mut dvalues = unspecified_vec(sizes.iter().product());
    let maps = [x.slice::<T>(), dx.slice()];
    assign_positions_backward([batch, channels], positions.positions(), values.slice(), maps, &mut dvalues);
    from_channels_last(dvalues, sizes)
}

/// Computes [`gathered`] as a composition of Burn's operations.
fn composed_gather(x: Tensor<4>, positions: Tensor<4, Int>) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let [_, _, rows, columns] = positions.dims();
    let x: Tensor<3> = x.reshape([batch, channels, height * width]);
    let y = x.gather(2, positions.reshape([batch, channels, rows * columns]));
    y.reshape([batch, channels, rows, columns])
}

/// Computes [`scattered`] as a composition of Burn's operations.
fn composed_scatter(values: Tensor<4>, positions: Tensor<4, Int>, [height, width]: [usize; 2]) -> Tensor<4> {
    let [batch, channels, rows, columns] = values.dims();
    let planes = Tensor::<2>::zeros([batch * channels, height * width], (&values.device(), values.dtype()));
    let flat = [batch * channels, rows * columns];
    let sums = planes.scatter(1, positions.reshape(flat), values.reshape(flat), IndexingUpdateOp::Add);
    sums.reshape([batch, channels, height, width])
}

/// Computes [`assigned`] as a composition of Burn's operations, whose gradient is Burn's.
fn composed_assign(values: Tensor<4>, positions: Tensor<4, Int>, [rows, columns]: [usize; 2]) -> Tensor<4> {
    let [batch, channels, height, width] = values.dims();
    let values: Tensor<3> = values.reshape([batch, channels, height * width]);
    let positions: Tensor<3, Int> = positions.reshape([batch, channels, height * width]);
    let options = (&values.device(), values.dtype());
    let plane = |fill: f64| Tensor::<3>::full([batch, channels, rows * columns], fill, options);
    let added = |values: Tensor<3>| plane(0.0).scatter(2, positions.clone(), values, IndexingUpdateOp::Add);
    let known = values.clone().detach();
    let lowest = plane(f64::NEG_INFINITY);
    let largest = lowest.scatter(2, positions.clone(), known.clone(), IndexingUpdateOp::Max);
    let stays = known.equal(largest.clone().gather(2, positions.clone())).float().cast(values.dtype());
    let count = added(stays.clone());
    let nothing = count.clone().equal_elem(0.0);
    // Equal values share the gradient; their mean is the value itself but for its rounding, which is undone.
    let mean = added(values * stays) / count.clamp_min(1.0);
    let rounding = (largest.mask_fill(nothing, 0.0) - mean.clone()).detach();
    (mean + rounding).reshape([batch, channels, rows, columns])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::max_pool_with_indices;
    use crate::test_support::assert_same;

    /// Returns the result of `unpool` for the maxima of windows that overlap, in maps of few different values, so that many are equal.
    fn unpooled(x: Tensor<4>, unpool: impl Fn(Tensor<4>, Tensor<4, Int>) -> Tensor<4>) -> Tensor<4> {
        let steps = (x * 3.0).round();
        let (y, positions) = max_pool_with_indices(steps, PoolWindow::cut_off(3, 2), &Engine::detect());
        unpool(y, positions)
    }

    #[test]
    fn the_kernels_move_what_the_compositions_move_and_have_their_gradients() {
        let shape = [2, 3, 7, 6];
        for (fast, slow) in [
            (
                assigned as fn(Tensor<4>, Tensor<4, Int>, [usize; 2]) -> Tensor<4>,
                composed_assign as fn(_, _, _) -> _,
            ),
            (scattered, composed_scatter),
        ] {
            let [fast, slow] =
                [fast, slow].map(|way| move |x| unpooled(x, |y, positions| way(y, positions, [7, 6])));
            assert_same(shape, fast, slow);
        }
        let positions =
            |x: &Tensor<4>| max_pool_with_indices(x.clone(), PoolWindow::cut_off(3, 2), &Engine::detect()).1;
        assert_same(
            shape,
            |x| gathered(x.clone(), positions(&x)),
            |x| composed_gather(x.clone(), positions(&x)),
        );
    }
}
