//! The four polyphase components of a map at stride 2, and the choice of one of them for each image.

use allconv_kernels::{AxisMap, Engine};
use burn::tensor::{Tensor, s};
use std::sync::Arc;

use crate::host::to_host;
use crate::operations::{SeparableMap, Together, picked, separable_together};

/// The phases (row, column) in the order of adaptive polyphase sampling.
pub(super) const ADAPTIVE_ORDER: [[usize; 2]; 4] = [[0, 0], [1, 0], [0, 1], [1, 1]];
/// The phases (row, column) in the order of learned polyphase sampling and pixel unshuffle.
pub(super) const LEARNED_ORDER: [[usize; 2]; 4] = [[0, 0], [0, 1], [1, 0], [1, 1]];

/// Returns the polyphase components of `x` `[n, c, h, w]` in this order: `[4, n, c, ceil(h/2), ceil(w/2)]`. An odd height or width first
/// gets one position from its other end.
pub(super) fn phases(x: Tensor<4>, order: [[usize; 2]; 4]) -> Tensor<5> {
    let [_, _, height, width] = x.dims();
    let even =
        |size: usize| (0..size.next_multiple_of(2)).map(|position| position % size).collect::<Vec<_>>();
    let even_rows = picked(x, 2, &even(height));
    let even = picked(even_rows, 3, &even(width));
    let phase = |[row, column]: [usize; 2]| even.clone().slice(s![.., .., row..;2, column..;2]);
    Tensor::stack(order.map(phase).to_vec(), 0)
}

/// Returns the phase with the largest of `scores` `[4, n]` for each image, the first on ties, as an index in the order.
pub(super) fn strongest(scores: Tensor<2>) -> Vec<usize> {
    to_host::<i64, 2, _>(scores.detach().argmax(0)).into_iter().map(|winner| winner as usize).collect()
}

/// Returns, for each image of `x`, the component of [`phases`] whose index in the order is in `kept`.
pub(super) fn kept_phases(
    x: Tensor<4>,
    order: [[usize; 2]; 4],
    kept: &[usize],
    engine: &Engine,
) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    let along = |size: usize, phase: usize| {
        AxisMap::new(
            size,
            (0..size.div_ceil(2)).map(|output| vec![((2 * output + phase) % size, 1.0)]).collect(),
        )
    };
    let map = |[row, column]: [usize; 2]| SeparableMap::new(along(height, row), along(width, column));
    separable_together(x, order.map(map).to_vec(), Together::ByImage(Arc::new(kept.to_vec())), engine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::assert_same;
    use burn::tensor::Device;

    #[test]
    fn phases_that_images_keep_are_those_among_all_and_have_their_gradients() {
        let (engine, kept) = (Engine::detect(), [2, 0, 3]);
        for order in [ADAPTIVE_ORDER, LEARNED_ORDER] {
            let fast = |x: Tensor<4>| kept_phases(x, order, &kept, &engine);
            let slow = |x: Tensor<4>| {
                let all = phases(x, order);
                let of = |(image, phase): (usize, &usize)| {
                    let phase: Tensor<4> = all.clone().narrow(0, *phase, 1).squeeze_dim(0);
                    phase.narrow(0, image, 1)
                };
                Tensor::cat(kept.iter().enumerate().map(of).collect(), 0)
            };
            assert_same([3, 2, 6, 8], fast, slow);
            assert_same([3, 2, 5, 7], fast, slow);
        }
    }

    #[test]
    fn the_first_of_the_strongest_wins() {
        let scores = Tensor::from_data([[1.0, 2.0], [3.0, 2.0], [3.0, 1.0], [0.0, 0.0]], &Device::flex());
        assert_eq!(strongest(scores), [1, 0]);
    }
}
