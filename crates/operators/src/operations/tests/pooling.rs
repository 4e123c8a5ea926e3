//! Tests of pooling.

use allconv_kernels::{Engine, WindowFunction};
use burn::tensor::Tensor;

use super::{BOUNDS, assert_close, results_and_gradients, signal, tensor, vector};
use crate::host::to_host;
use crate::operations::average_pool::{composed_mean, composed_mean_gradient};
use crate::operations::max_pool::composed_maximum;
use crate::operations::positions::added_at;
use crate::operations::weighted_pool::composed_weighted_pool;
use crate::operations::{
    Divisor, PoolBorder, PoolWindow, average_pool, max_pool, max_pool_with_indices, weighted_pool,
};

fn windows() -> Vec<(PoolWindow, [usize; 4])> {
    let shapes = [[2, 3, 4, 6], [1, 2, 5, 3], [2, 1, 1, 2], [1, 4, 1, 1], [1, 2, 7, 8]];
    let cut_off =
        [(3, 2), (2, 2), (1, 2), (2, 3), (3, 1)].map(|(kernel, stride)| PoolWindow::cut_off(kernel, stride));
    let padded = [(3, 2, 1, false), (3, 2, 1, true), (2, 2, 1, true), (2, 2, 0, false), (3, 1, 1, false)]
        .map(|(kernel, stride, padding, ceil)| PoolWindow {
            border: PoolBorder::Padded { padding, ceil },
            ..PoolWindow::cut_off(kernel, stride)
        });
    let centred =
        [2, 3].map(|kernel| PoolWindow { border: PoolBorder::Centred, ..PoolWindow::cut_off(kernel, 2) });
    let all = || cut_off.iter().chain(&padded).chain(&centred);
    let fits = |window: &PoolWindow, shape: [usize; 4]| {
        shape[2..].iter().all(|size| window.size_out(*size).is_some())
    };
    shapes
        .iter()
        .flat_map(|shape| all().filter(|window| fits(window, *shape)).map(|window| (*window, *shape)))
        .collect()
}

#[test]
fn max_pooling_equals_its_composition() {
    let dilated = PoolWindow { dilation: 2, ..PoolWindow::cut_off(3, 2) };
    let dilated = [[1, 2, 7, 8], [2, 1, 1, 3]].map(|shape| (dilated, shape));
    let cases: Vec<_> = windows().into_iter().chain(dilated).collect();
    let engine = Engine::detect();
    for (dtype, bound) in BOUNDS {
        for (window, shape) in cases.iter().copied() {
            let case = format!("{dtype:?} {window:?} {shape:?}");
            let operands = [tensor(4, shape, dtype)];
            let ours = results_and_gradients(&operands, |operands| {
                let [x] = operands.try_into().unwrap();
                max_pool(x, window, &engine)
            });
            let composition = results_and_gradients(&operands, |operands| {
                let [x] = operands.try_into().unwrap();
                composed_maximum(x, window).0
            });
            assert_close(&ours, &composition, bound, &case);

            let [x] = operands.map(|operand| operand.inner());
            let (y, positions) = composed_maximum(x.clone(), window);
            let (_, own) = max_pool_with_indices(x.clone(), window, &engine);
            let [found, expected] = [own, positions.clone()].map(to_host::<i64, 4, _>);
            assert_eq!(found, expected, "positions, {case}");
            assert_eq!(
                to_host::<f64, 4, _>(max_pool(x, window, &engine)),
                ours[0],
                "without a graph, {case}"
            );
            let dx = to_host(added_at(signal(&y), positions, [shape[2], shape[3]]));
            assert_close(&[dx], &composition[1..], bound, &format!("composed {case}"));
        }
    }
}

#[test]
fn average_pooling_equals_its_composition() {
    for (divisor, (dtype, bound)) in [Divisor::Elements, Divisor::Window]
        .into_iter()
        .flat_map(|divisor| BOUNDS.map(|bounds| (divisor, bounds)))
    {
        for (window, shape) in windows() {
            let case = format!("{dtype:?} {window:?} {shape:?} {divisor:?}");
            let operands = [tensor(5, shape, dtype)];
            let ours = results_and_gradients(&operands, |operands| {
                let [x] = operands.try_into().unwrap();
                average_pool(x, window, divisor, &Engine::detect())
            });
            let composition = results_and_gradients(&operands, |operands| {
                let [x] = operands.try_into().unwrap();
                composed_mean(x, window, divisor)
            });
            assert_close(&ours, &composition, bound, &case);

            let [x] = operands.map(|operand| operand.inner());
            let dy = signal(&composed_mean(x, window, divisor));
            let dx = to_host(composed_mean_gradient(dy, shape, window, divisor));
            assert_close(&[dx], &composition[1..], bound, &format!("composed {case}"));
        }
    }
}

#[test]
fn smooth_functions_of_windows_equal_their_composition() {
    let functions = [
        WindowFunction::SoftMean,
        WindowFunction::LogSumExp { sharpness: 2.5 },
        WindowFunction::RankMean { top: 3 },
        WindowFunction::PNorm { mean: true },
        WindowFunction::PNorm { mean: false },
    ];
    for (function, (dtype, bound)) in
        functions.into_iter().flat_map(|function| BOUNDS.map(|bounds| (function, bounds)))
    {
        for (window, shape) in windows() {
            let mut operands = vec![tensor(8, shape, dtype)];
            if matches!(function, WindowFunction::PNorm { .. }) {
                operands.push(tensor(9, [1, 1, 1, shape[1]], dtype) * 2.0 + 4.0);
            }
            type Pool = fn(Tensor<4>, Option<Tensor<1>>, PoolWindow, WindowFunction, &Engine) -> Tensor<4>;
            let [ours, composition] = [weighted_pool as Pool, composed_weighted_pool].map(|pool| {
                results_and_gradients(&operands, |operands| {
                    let orders = operands.get(1).cloned().map(vector);
                    pool(operands[0].clone(), orders, window, function, &Engine::detect())
                })
            });
            assert_close(&ours, &composition, bound, &format!("{dtype:?} {window:?} {shape:?} {function:?}"));
        }
    }
}
