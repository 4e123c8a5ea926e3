//! Blocks of positions as channels, and back: each the inverse and the gradient of the other.

use allconv_kernels::{BlockGeometry, BlockOrder, depth_to_space, space_to_depth, unspecified_vec};
use burn::tensor::Tensor;
use burn::tensor::ops::PadMode;

use super::differentiable::differentiable;
use super::layout::{Dense, channels_first, channels_last, from_channels_last};
use super::place::{Number, Place, placed};

/// Rearranges `[n, c, h, w]` to `[n, c·factor², ceil(h/factor), ceil(w/factor)]`, zeros beyond the far edges.
pub fn blocks_to_channels(x: Tensor<4>, factor: usize, order: BlockOrder) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let geometry = BlockGeometry { batch, height, width, channels, factor, order };
    differentiable(gathered(x.clone().inner(), geometry), [(&x).into()], move |dy, _| {
        [Some(scattered(dy, geometry).into())]
    })
}

/// Rearranges `[n, c·factor², h, w]` to `[n, c, rows, columns]`, what blocks have beyond them cut off.
pub fn channels_to_blocks(
    y: Tensor<4>,
    [height, width]: [usize; 2],
    factor: usize,
    order: BlockOrder,
) -> Tensor<4> {
    let [batch, channels, ..] = y.dims();
    let channels = channels / (factor * factor);
    let geometry = BlockGeometry { batch, height, width, channels, factor, order };
    differentiable(scattered(y.clone().inner(), geometry), [(&y).into()], move |dx, _| {
        [Some(gathered(dx, geometry).into())]
    })
}

fn gathered(x: Tensor<4>, geometry: BlockGeometry) -> Tensor<4> {
    placed!(Place::of(&x), T => gather::<T>(x, &geometry), else composed_gather(x, &geometry))
}

fn scattered(y: Tensor<4>, geometry: BlockGeometry) -> Tensor<4> {
    placed!(Place::of(&y), T => scatter::<T>(y, &geometry), else composed_scatter(y, &geometry))
}

fn gather<T: Number>(x: Tensor<4>, geometry: &BlockGeometry) -> Tensor<4> {
    let [rows, columns] = geometry.blocks();
    let sizes = [geometry.batch, rows, columns, geometry.factor.pow(2) * geometry.channels];
    let mut y = unspecified_vec(sizes.iter().product());
    space_to_depth::<T>(geometry, Dense::channels_last(x).slice(), &mut y);
    from_channels_last(y, sizes)
}

fn scatter<T: Number>(y: Tensor<4>, geometry: &BlockGeometry) -> Tensor<4> {
    let BlockGeometry { batch, height, width, channels, .. } = *geometry;
    let sizes = [batch, height, width, channels];
    let mut x = unspecified_vec(sizes.iter().product());
    depth_to_space::<T>(geometry, Dense::channels_last(y).slice(), &mut x);
    from_channels_last(x, sizes)
}

/// Computes [`blocks_to_channels`] as a composition of Burn's operations.
fn composed_gather(x: Tensor<4>, geometry: &BlockGeometry) -> Tensor<4> {
    let BlockGeometry { batch, height, width, channels, factor, order } = *geometry;
    let [rows, columns] = geometry.blocks();
    let (below, right) = (rows * factor - height, columns * factor - width);
    let padded = if below + right > 0 { x.pad((0, right, 0, below), PadMode::Constant(0.0)) } else { x };
    // From [n, row, row in block, column, column in block, c], one pass over a map that lies channels-last.
    let blocks = channels_last(padded).reshape([batch, rows, factor, columns, factor, channels]);
    let axes = match order {
        BlockOrder::ChannelMajor => [0, 1, 3, 5, 2, 4],
        BlockOrder::PhaseMajorDown => [0, 1, 3, 4, 2, 5],
        BlockOrder::PhaseMajorAcross => [0, 1, 3, 2, 4, 5],
    };
    channels_first(blocks.permute(axes).reshape([batch, rows, columns, channels * factor * factor]))
}

/// Computes [`channels_to_blocks`] as a composition of Burn's operations.
fn composed_scatter(y: Tensor<4>, geometry: &BlockGeometry) -> Tensor<4> {
    let BlockGeometry { batch, height, width, channels, factor, order } = *geometry;
    let [rows, columns] = geometry.blocks();
    let y = channels_last(y);
    // To [n, row, row in block, column, column in block, c], one pass over a map that lies channels-last.
    let blocks = match order {
        BlockOrder::ChannelMajor => {
            y.reshape([batch, rows, columns, channels, factor, factor]).permute([0, 1, 4, 2, 5, 3])
        }
        BlockOrder::PhaseMajorDown => {
            y.reshape([batch, rows, columns, factor, factor, channels]).permute([0, 1, 4, 2, 3, 5])
        }
        BlockOrder::PhaseMajorAcross => {
            y.reshape([batch, rows, columns, factor, factor, channels]).permute([0, 1, 3, 2, 4, 5])
        }
    };
    let whole = channels_first(blocks.reshape([batch, factor * rows, factor * columns, channels]));
    if [factor * rows, factor * columns] == [height, width] {
        return whole;
    }
    whole.slice([0..batch, 0..channels, 0..height, 0..width])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::assert_same;

    #[test]
    fn the_kernels_move_blocks_as_the_compositions_do_and_have_their_gradients() {
        for order in [BlockOrder::ChannelMajor, BlockOrder::PhaseMajorDown, BlockOrder::PhaseMajorAcross] {
            for factor in [1, 2, 3] {
                let geometry = |height, width, channels| BlockGeometry {
                    batch: 2,
                    height,
                    width,
                    channels,
                    factor,
                    order,
                };
                for (height, width) in [(6, 6), (5, 4), (1, 2)] {
                    let whole = geometry(height, width, 3);
                    assert_same(
                        [2, 3, height, width],
                        |x| blocks_to_channels(x, factor, order),
                        |x| composed_gather(x, &whole),
                    );
                    let [rows, columns] = whole.blocks();
                    assert_same(
                        [2, 3 * factor * factor, rows, columns],
                        |y| channels_to_blocks(y, [height, width], factor, order),
                        |y| composed_scatter(y, &whole),
                    );
                }
            }
        }
    }
}
