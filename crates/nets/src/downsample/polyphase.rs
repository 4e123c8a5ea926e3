//! The four polyphase components of a map at stride 2, and the choice of one of them for each image.

use burn::tensor::{Int, Tensor, s};

use crate::ops::{CellChoice, gathered, picked};

/// The phases (row, column) in the order of adaptive polyphase sampling.
pub(super) const ADAPTIVE_ORDER: [[usize; 2]; 4] = [[0, 0], [1, 0], [0, 1], [1, 1]];
/// The phases (row, column) in the order of learned polyphase sampling and pixel unshuffle.
pub(super) const LEARNED_ORDER: [[usize; 2]; 4] = [[0, 0], [0, 1], [1, 0], [1, 1]];

/// The polyphase components of `x` `[n, c, h, w]` in this order: `[4, n, c, ceil(h/2), ceil(w/2)]`. An odd side first gets
/// one cell from its other end.
pub(super) fn phases(x: Tensor<4>, order: [[usize; 2]; 4]) -> Tensor<5> {
    let [_, _, height, width] = x.dims();
    let even = |side: usize| (0..side.next_multiple_of(2)).map(|cell| cell % side).collect::<Vec<_>>();
    let even_rows = picked(x, 2, &even(height));
    let even = picked(even_rows, 3, &even(width));
    let phase = |[row, column]: [usize; 2]| even.clone().slice(s![.., .., row..;2, column..;2]);
    Tensor::stack(order.map(phase).to_vec(), 0)
}

/// What [`strongest`] keeps of each phase: `scores` `[4, n]` to a 1 for the largest (the first on ties) among zeros.
pub(super) fn all_of_the_strongest(scores: Tensor<2>) -> Tensor<2> {
    let [count, batch] = scores.dims();
    let places: Tensor<1, Int> = Tensor::arange(0..count as i64, &scores.device());
    let winner = scores.clone().detach().argmax(0).expand([count, batch]);
    places.reshape([count, 1]).expand([count, batch]).equal(winner).float().cast(scores.dtype())
}

/// One phase of `x` for each image: `scores` `[4, n]`; the largest wins, the first on ties. A copy, bit by bit.
pub(super) fn strongest(x: Tensor<4>, order: [[usize; 2]; 4], scores: Tensor<2>) -> Tensor<4> {
    let winners: Vec<usize> = match scores.clone().detach().argmax(0).into_data().try_into_vec_as::<i64>() {
        Ok(winners) => winners.into_iter().map(|winner| winner as usize).collect(),
        Err(error) => panic!("phases could not be read from their device: {error}"),
    };
    let choice = CellChoice::Phase(winners.into_iter().map(|winner| order[winner]).collect());
    if !choice.has_kernel(&x) {
        return composed_strongest(phases(x, order), scores);
    }
    let [kept, _] = choice.positions(x.clone(), None);
    gathered(x, kept)
}

/// The same as a composition of Burn's operations.
fn composed_strongest(phases: Tensor<5>, scores: Tensor<2>) -> Tensor<4> {
    let [_, batch, channels, rows, columns] = phases.dims();
    let winner = scores.detach().argmax(0).reshape([1, batch, 1, 1, 1]);
    phases.gather(0, winner.expand([1, batch, channels, rows, columns])).squeeze_dim(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{assert_same, noise_tensor};

    #[test]
    fn the_kernel_keeps_what_the_composition_keeps_and_has_its_gradients() {
        for order in [ADAPTIVE_ORDER, LEARNED_ORDER] {
            let scores = |x: &Tensor<4>| noise_tensor(8, [4, 3], &x.device());
            let fast = |x: Tensor<4>| strongest(x.clone(), order, scores(&x));
            let slow = |x: Tensor<4>| composed_strongest(phases(x.clone(), order), scores(&x));
            assert_same([3, 2, 6, 8], fast, slow);
            assert_same([3, 2, 5, 7], fast, slow);
        }
    }
}
