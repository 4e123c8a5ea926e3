//! Each operator on the CPU against its composition of Burn's operations: results and all gradients, f32 and f64.

use std::sync::Arc;

use allconv_kernels::{Activation, AxisMap, Dropout, Engine, Epilogue, Padding, WindowFunction};
use burn::backend::{Autodiff, Flex};
use burn::tensor::{Device, Tensor};
use burn_backend::ops::FloatTensorOps;
use burn_backend::tensor::FloatTensor;
use burn_backend::{AutodiffBackend, DType, TensorData, TensorMetadata};
use burn_flex::FlexTensor;

use super::weighted_pool::{composed_weighted_pool, weighted_pool};
use super::{
    AveragePoolOps, ConvolutionOps, ConvolutionSettings, Divisor, DropoutOps, MaxPoolOps, PoolBorder,
    PoolWindow, SeparableMap, SeparableMaps, SeparableOps, Together, TransposedConvolutionOps,
    TransposedConvolutionSettings, composed,
};
use crate::tests::{noise, noise_tensor};

pub(super) type Tracked = Autodiff<Flex>;

/// Bounds on |difference| / (largest value). f32: sums of at most 300 products, or the Winograd transforms' 4e-6.
/// f64: the slope of the activation and the scale of dropout are f32, and so is their product in the kernels.
pub(super) const BOUNDS: [(DType, f64); 2] = [(DType::F32, 2e-5), (DType::F64, 1e-7)];

pub(super) fn tensor(seed: u32, shape: &[usize], dtype: DType) -> FlexTensor {
    let data = TensorData::new(noise(seed, shape.iter().product()), shape.to_vec());
    FlexTensor::from_data(data.convert_dtype(dtype))
}

pub(super) fn host(tensor: FlexTensor) -> Vec<f64> {
    tensor.into_data().try_into_vec_as().unwrap()
}

/// The result of `operator` and the gradients of all its inputs for a random gradient of the result.
pub(super) fn run(
    inputs: &[FlexTensor],
    operator: impl Fn(Vec<FloatTensor<Tracked>>) -> FloatTensor<Tracked>,
) -> Vec<Vec<f64>> {
    let track =
        |input: &FlexTensor| Tracked::float_set_require_grad(Tracked::from_inner(input.clone()), true);
    let tracked: Vec<_> = inputs.iter().map(track).collect();
    let y = operator(tracked.clone());
    let result = Tracked::inner(y.clone());
    let shape = result.shape();
    let mix = Tracked::from_inner(tensor(99, &shape, result.dtype()));
    let gradients = Tracked::backward(Tracked::float_sum(Tracked::float_mul(y, mix)));
    let mut outcome = vec![host(result)];
    outcome.extend(tracked.iter().map(|input| host(Tracked::grad(input, &gradients).unwrap())));
    outcome
}

pub(super) fn assert_close(left: &[Vec<f64>], right: &[Vec<f64>], bound: f64, what: &str) {
    assert_eq!(left.len(), right.len());
    for (index, (left, right)) in left.iter().zip(right).enumerate() {
        assert_eq!(left.len(), right.len(), "{what}, tensor {index}");
        let scale = right.iter().fold(1e-30_f64, |scale, value| scale.max(value.abs()));
        for (left, right) in left.iter().zip(right) {
            assert!((left - right).abs() <= bound * scale, "{what}, tensor {index}: {left} and {right}");
        }
    }
}

fn epilogues() -> Vec<Epilogue> {
    let dropout = Some(Dropout { rate: 0.4, key: 77 });
    vec![
        Epilogue::IDENTITY,
        Epilogue::RELU,
        Epilogue { activation: Activation::LeakyRelu { slope: 0.3 }, dropout: None },
        Epilogue { activation: Activation::Relu, dropout },
        Epilogue { activation: Activation::LeakyRelu { slope: 0.3 }, dropout },
        Epilogue { activation: Activation::Identity, dropout },
    ]
}

#[test]
fn convolution_equals_its_composition() {
    let one_sided = Padding { top: 0, bottom: 1, left: 0, right: 1 };
    let cases = [
        // x, weight, stride, padding, dilation, groups
        ([2, 3, 6, 5], [4, 3, 3, 3], [1, 1], Padding::same(1), [1, 1], 1),
        ([1, 4, 7, 9], [5, 4, 3, 3], [2, 2], Padding::same(1), [1, 1], 1),
        ([2, 2, 5, 5], [3, 2, 5, 5], [1, 1], Padding::same(2), [1, 1], 1),
        ([3, 8, 4, 4], [8, 8, 1, 1], [2, 2], Padding::NONE, [1, 1], 1),
        ([2, 3, 5, 4], [2, 3, 2, 2], [2, 2], one_sided, [1, 1], 1),
        ([1, 4, 6, 6], [4, 1, 3, 3], [2, 2], Padding::same(1), [1, 1], 4),
        ([1, 2, 7, 7], [2, 2, 3, 3], [1, 1], Padding::same(2), [2, 2], 1),
    ];
    for (dtype, bound) in BOUNDS {
        for (x, weight, stride, padding, dilation, groups) in cases {
            for epilogue in epilogues() {
                let settings = ConvolutionSettings { stride, padding, dilation, groups, epilogue };
                let inputs =
                    [tensor(1, &x, dtype), tensor(2, &weight, dtype), tensor(3, &[weight[0]], dtype)];
                let ours = run(&inputs, |inputs| {
                    let [x, weight, bias] = inputs.try_into().unwrap();
                    Tracked::fused_convolution(x, weight, bias, settings, Engine::detect())
                });
                let composition = run(&inputs, |inputs| {
                    let [x, weight, bias] = inputs.try_into().unwrap();
                    composed::convolution::<Tracked>(x, weight, bias, &settings)
                });
                assert_close(&ours, &composition, bound, &format!("{dtype:?} {x:?} {weight:?} {settings:?}"));

                // The composed gradient, which runs on devices without kernels, against Burn's own.
                let [x, weight, bias] = inputs.clone();
                let y = composed::convolution::<Flex>(x.clone(), weight.clone(), bias, &settings);
                let dy = tensor(99, &y.shape(), dtype);
                let gradients = composed::convolution_backward::<Flex>(x, weight, y, dy, &settings);
                let by_hand = [gradients.dx, gradients.dweight, gradients.dbias].map(host);
                assert_close(&by_hand, &composition[1..], bound, &format!("composed {dtype:?} {settings:?}"));
            }
        }
    }
}

#[test]
fn transposed_convolution_equals_its_composition() {
    let one_sided = Padding { top: 0, bottom: 1, left: 0, right: 1 };
    let cases = [
        // x, weight, stride, padding, sides
        ([2, 3, 3, 4], [3, 4, 2, 2], [2, 2], one_sided, [6, 7]),
        ([1, 4, 4, 3], [4, 2, 3, 3], [2, 2], Padding::same(1), [7, 6]),
        ([2, 2, 1, 1], [2, 3, 3, 3], [2, 2], Padding::same(1), [1, 2]),
        ([1, 3, 2, 3], [3, 2, 1, 1], [2, 2], Padding::NONE, [4, 5]),
        ([2, 3, 5, 4], [3, 3, 3, 3], [1, 1], Padding::same(1), [5, 4]),
        ([1, 2, 3, 2], [2, 5, 4, 4], [3, 2], Padding { top: 1, bottom: 2, left: 1, right: 2 }, [8, 3]),
    ];
    for (dtype, bound) in BOUNDS {
        for (x, weight, stride, padding, sides) in cases {
            for activation in [Activation::Identity, Activation::Relu, Activation::LeakyRelu { slope: 0.3 }] {
                let settings = TransposedConvolutionSettings { stride, padding, sides, activation };
                let inputs =
                    [tensor(1, &x, dtype), tensor(2, &weight, dtype), tensor(3, &[weight[1]], dtype)];
                let ours = run(&inputs, |inputs| {
                    let [x, weight, bias] = inputs.try_into().unwrap();
                    Tracked::adjoint_convolution(x, weight, bias, settings, Engine::detect())
                });
                let composition = run(&inputs, |inputs| {
                    let [x, weight, bias] = inputs.try_into().unwrap();
                    composed::transposed_convolution::<Tracked>(x, weight, bias, &settings)
                });
                assert_close(&ours, &composition, bound, &format!("{dtype:?} {x:?} {weight:?} {settings:?}"));

                let [x, weight, bias] = inputs;
                let y = composed::transposed_convolution::<Flex>(x.clone(), weight.clone(), bias, &settings);
                assert_eq!(y.shape()[2..], sides);
                let dy = tensor(99, &y.shape(), dtype);
                let gradients =
                    composed::transposed_convolution_backward::<Flex>(x, weight, y, dy, &settings);
                let by_hand = [gradients.dx, gradients.dweight, gradients.dbias].map(host);
                assert_close(&by_hand, &composition[1..], bound, &format!("composed {dtype:?} {settings:?}"));
            }
        }
    }
}

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
        shape[2..].iter().all(|side| window.side_out(*side).is_some())
    };
    shapes
        .iter()
        .flat_map(|shape| all().filter(|window| fits(window, *shape)).map(|window| (*window, *shape)))
        .collect()
}

#[test]
fn max_pooling_equals_its_composition() {
    for (dtype, bound) in BOUNDS {
        let dilated = PoolWindow { dilation: 2, ..PoolWindow::cut_off(3, 2) };
        let dilated = [[1, 2, 7, 8], [2, 1, 1, 3]].map(|shape| (dilated, shape));
        for (window, shape) in windows().into_iter().chain(dilated) {
            let inputs = [tensor(4, &shape, dtype)];
            let ours = run(&inputs, |inputs| {
                let [x] = inputs.try_into().unwrap();
                Tracked::windowed_max(x, window, Engine::detect()).0
            });
            // Burn's own gradient of a composition over the tracked backend.
            let composition = run(&inputs, |inputs| {
                let [x] = inputs.try_into().unwrap();
                composed::max_pool::<Tracked>(x, window).0
            });
            assert_close(&ours, &composition, bound, &format!("{dtype:?} {window:?} {shape:?}"));

            let [x] = inputs;
            let (y, indices) = composed::max_pool::<Flex>(x.clone(), window);
            let (_, own) = Flex::windowed_max(x, window, Engine::detect());
            assert_eq!(host(indices.clone()), host(own), "positions, {window:?} {shape:?}");
            let dy = tensor(99, &y.shape(), dtype);
            let dx = host(composed::max_pool_backward::<Flex>(dy, indices, shape));
            assert_close(&[dx], &composition[1..], bound, &format!("composed {dtype:?} {window:?}"));
        }
    }
}

#[test]
fn average_pooling_equals_its_composition() {
    for (dtype, bound) in BOUNDS {
        for (window, shape) in windows() {
            for divisor in [Divisor::Cells, Divisor::Window] {
                let inputs = [tensor(5, &shape, dtype)];
                let ours = run(&inputs, |inputs| {
                    let [x] = inputs.try_into().unwrap();
                    Tracked::windowed_mean(x, window, divisor, Engine::detect())
                });
                let composition = run(&inputs, |inputs| {
                    let [x] = inputs.try_into().unwrap();
                    composed::average_pool::<Tracked>(x, window, divisor)
                });
                assert_close(
                    &ours,
                    &composition,
                    bound,
                    &format!("{dtype:?} {window:?} {shape:?} {divisor:?}"),
                );

                let dy_shape: Vec<usize> =
                    vec![shape[0], shape[1], window.windows(shape[2]), window.windows(shape[3])];
                let dy = tensor(99, &dy_shape, dtype);
                let dx = host(composed::average_pool_backward::<Flex>(dy, shape, window, divisor));
                assert_close(
                    &[dx],
                    &composition[1..],
                    bound,
                    &format!("composed {dtype:?} {window:?} {divisor:?}"),
                );
            }
        }
    }
}

#[test]
fn smooth_functions_of_windows_equal_their_composition() {
    let functions = [
        WindowFunction::SoftMean,
        WindowFunction::LogSumExp { sharpness: 2.5 },
        WindowFunction::PNorm { mean: true },
        WindowFunction::PNorm { mean: false },
    ];
    let device = Device::flex().autodiff();
    for (dtype, bound) in BOUNDS {
        for (window, shape) in windows() {
            for function in functions {
                let judged = |pool: fn(
                    Tensor<4>,
                    Option<Tensor<1>>,
                    PoolWindow,
                    WindowFunction,
                    &Engine,
                ) -> Tensor<4>| {
                    let x = noise_tensor::<4>(8, shape, &device).cast(dtype).detach().require_grad();
                    let orders = (noise_tensor::<1>(9, [shape[1]], &device) * 2.0 + 4.0)
                        .cast(dtype)
                        .detach()
                        .require_grad();
                    let norm = matches!(function, WindowFunction::PNorm { .. });
                    let y =
                        pool(x.clone(), norm.then(|| orders.clone()), window, function, &Engine::detect());
                    let mix = noise_tensor::<4>(10, y.dims(), &device).cast(dtype);
                    let mut gradients = (y.clone() * mix).sum().backward();
                    let host =
                        |tensor: Tensor<4>| -> Vec<f64> { tensor.into_data().try_into_vec_as().unwrap() };
                    let dorders = orders
                        .grad_remove(&mut gradients)
                        .map(|slope| host(slope.reshape([1, 1, 1, shape[1]])));
                    [
                        vec![host(y), host(x.grad_remove(&mut gradients).unwrap())],
                        dorders.into_iter().collect(),
                    ]
                    .concat()
                };
                let (ours, composition) = (judged(weighted_pool), judged(composed_weighted_pool));
                assert_close(
                    &ours,
                    &composition,
                    bound,
                    &format!("{dtype:?} {window:?} {shape:?} {function:?}"),
                );
            }
        }
    }
}

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
            let maps = SeparableMaps { maps: Arc::new(maps.clone()), together: together.clone() };
            let inputs = [tensor(7, &[2, 6, 4, 3], dtype)];
            let ours = run(&inputs, |inputs| {
                let [x] = inputs.try_into().unwrap();
                Tracked::separable_maps(x, maps.clone(), Engine::detect())
            });
            let composition = run(&inputs, |inputs| {
                let [x] = inputs.try_into().unwrap();
                composed::separable::<Tracked>(x, &maps)
            });
            assert_close(&ours, &composition, bound, &format!("{dtype:?}, {together:?}"));
        }
    }
}

#[test]
fn dropout_equals_its_composition_bit_for_bit_in_its_mask() {
    for (dtype, bound) in BOUNDS {
        for (key, rate) in [(0, 0.5), (1 << 40 | 3, 0.2), (u64::MAX, 0.9)] {
            let dropout = Dropout { rate, key };
            let inputs = [tensor(6, &[3, 5, 7, 4], dtype)];
            let ours = run(&inputs, |inputs| {
                let [x] = inputs.try_into().unwrap();
                Tracked::keyed_dropout(x, dropout, Engine::detect())
            });
            let composition = run(&inputs, |inputs| {
                let [x] = inputs.try_into().unwrap();
                composed::dropout_mask::<Tracked>(x, &dropout)
            });
            let zeros = |outcome: &[Vec<f64>]| -> Vec<bool> {
                outcome[0].iter().map(|value| *value == 0.0).collect()
            };
            assert_eq!(zeros(&ours), zeros(&composition), "{dropout:?}");
            assert!(zeros(&ours).contains(&true) && zeros(&ours).contains(&false));
            assert_close(&ours, &composition, bound, &format!("{dtype:?} {dropout:?}"));
        }
    }
}

#[test]
fn a_difference_of_one_in_a_thousand_is_caught() {
    let found = std::panic::catch_unwind(|| {
        assert_close(&[vec![1.0, 2.0]], &[vec![1.0, 2.002]], BOUNDS[0].1, "planted");
    });
    assert!(found.is_err());
}
