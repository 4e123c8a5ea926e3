//! Tests of separable maps, dropout, and two maps joined.

use std::sync::Arc;

use allconv_kernels::{AxisMap, Dropout, Engine};

use super::{BOUNDS, assert_close, results_and_gradients, tensor};
use crate::operations::dropout::composed_dropout;
use crate::operations::joining::{composed_join, composed_sum};
use crate::operations::separable::{SeparableMaps, composed_maps};
use crate::operations::{SeparableMap, Together, concatenate_channels, dropout, separable_together, sum_of};

#[test]
fn separable_maps_equal_their_compositions() {
    let columns = AxisMap::new(3, vec![vec![(0, 0.25), (1, 0.5), (2, 0.25)], vec![(2, 1.0), (2, 0.5)]]);
    let maps = [
        AxisMap::new(4, vec![vec![(0, 0.5), (3, -1.0)], vec![(1, 2.0)], vec![]]),
        AxisMap::new(4, vec![vec![(1, 1.0)], vec![(0, 0.3), (1, 0.1)], vec![(2, -1.5)]]),
    ];
    let maps: Vec<_> = maps.map(|rows| SeparableMap::new(rows, columns.clone())).to_vec();
    let ways =
        [Together::Sum, Together::Bands, Together::SumOfBands, Together::ByImage(Arc::new(vec![1, 0]))];
    for (dtype, bound) in BOUNDS {
        for together in &ways {
            let operands = [tensor(7, [2, 6, 4, 3], dtype)];
            let ours = results_and_gradients(&operands, |operands| {
                let [x] = operands.try_into().unwrap();
                separable_together(x, maps.clone(), together.clone(), &Engine::detect())
            });
            let composition = results_and_gradients(&operands, |operands| {
                let [x] = operands.try_into().unwrap();
                composed_maps(x, &SeparableMaps { maps: Arc::new(maps.clone()), together: together.clone() })
            });
            assert_close(&ours, &composition, bound, &format!("{dtype:?}, {together:?}"));
        }
    }
}

#[test]
fn dropout_equals_its_composition_bit_for_bit_in_its_mask() {
    for (dtype, bound) in BOUNDS {
        for (key, rate) in [(0, 0.5), (1 << 40 | 3, 0.2), (u64::MAX, 0.9)] {
            let mask = Dropout { rate, key };
            let operands = [tensor(6, [3, 5, 7, 4], dtype)];
            let ours = results_and_gradients(&operands, |operands| {
                let [x] = operands.try_into().unwrap();
                dropout(x, mask, &Engine::detect())
            });
            let composition = results_and_gradients(&operands, |operands| {
                let [x] = operands.try_into().unwrap();
                composed_dropout(x, &mask)
            });
            let zeros = |outcome: &[Vec<f64>]| -> Vec<bool> {
                outcome[0].iter().map(|value| *value == 0.0).collect()
            };
            assert_eq!(zeros(&ours), zeros(&composition), "{mask:?}");
            assert!(zeros(&ours).contains(&true) && zeros(&ours).contains(&false));
            assert_close(&ours, &composition, bound, &format!("{dtype:?} {mask:?}"));
        }
    }
}

#[test]
fn joining_equals_its_composition() {
    for (dtype, bound) in BOUNDS {
        for ([first, second], [height, width]) in [([3, 4], [5, 2]), ([1, 1], [1, 1]), ([7, 2], [40, 40])] {
            let map = |seed, channels| tensor(seed, [2, channels, height, width], dtype);
            let operands = [map(1, first), map(2, second)];
            let ours = results_and_gradients(&operands, |operands| {
                let [first, second] = operands.try_into().unwrap();
                concatenate_channels(first, second)
            });
            let composition = results_and_gradients(&operands, |operands| {
                let [first, second] = operands.try_into().unwrap();
                composed_join(first, second)
            });
            assert_close(&ours, &composition, 0.0, &format!("{dtype:?} {first} and {second} channels"));

            let operands = [map(1, first), map(2, first)];
            for scale in [1.0, 0.25] {
                let ours = results_and_gradients(&operands, |operands| {
                    let [first, second] = operands.try_into().unwrap();
                    sum_of(first, second, scale)
                });
                let composition = results_and_gradients(&operands, |operands| {
                    let [first, second] = operands.try_into().unwrap();
                    composed_sum(first, second, scale)
                });
                assert_close(&ours, &composition, bound, &format!("{dtype:?} sum, scale {scale}"));
            }
        }
    }
}
