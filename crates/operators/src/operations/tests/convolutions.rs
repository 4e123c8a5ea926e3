//! Tests of convolution, transposed convolution and normalisation.

use allconv_kernels::{Activation, Dropout, Engine, Epilogue, NormSharing, Padding};

use super::{BOUNDS, assert_close, elements, results_and_gradients, signal, tensor, vector};
use crate::host::to_host;
use crate::operations::convolution::{Kept, composed_convolution, composed_gradients};
use crate::operations::normalise::{composed_normalise, composed_normalise_gradients};
use crate::operations::transposed_convolution::{composed_transposed, composed_transposed_gradients};
use crate::operations::{
    ConvolutionSettings, NormaliseSettings, TransposedConvolutionSettings, convolution, normalise,
    transposed_convolution,
};

const ONE_SIDED: Padding = Padding { top: 0, bottom: 1, left: 0, right: 1 };
const ACTIVATIONS: [Activation; 3] =
    [Activation::Identity, Activation::Relu, Activation::LeakyRelu { slope: 0.3 }];

#[test]
fn convolution_equals_its_composition() {
    let cases = [
        // x, weight, stride, padding, dilation, groups
        ([2, 3, 6, 5], [4, 3, 3, 3], [1, 1], Padding::same(1), [1, 1], 1),
        ([1, 4, 7, 9], [5, 4, 3, 3], [2, 2], Padding::same(1), [1, 1], 1),
        ([2, 2, 5, 5], [3, 2, 5, 5], [1, 1], Padding::same(2), [1, 1], 1),
        ([3, 8, 4, 4], [8, 8, 1, 1], [2, 2], Padding::NONE, [1, 1], 1),
        ([2, 3, 5, 4], [2, 3, 2, 2], [2, 2], ONE_SIDED, [1, 1], 1),
        ([1, 4, 6, 6], [4, 1, 3, 3], [2, 2], Padding::same(1), [1, 1], 4),
        ([1, 2, 7, 7], [2, 2, 3, 3], [1, 1], Padding::same(2), [2, 2], 1),
    ];
    let dropouts = [None, Some(Dropout { rate: 0.4, key: 77 })];
    let epilogues = ACTIVATIONS
        .into_iter()
        .flat_map(|activation| dropouts.map(|dropout| Epilogue { activation, dropout }));
    for (epilogue, (dtype, bound)) in epilogues.flat_map(|epilogue| BOUNDS.map(|bounds| (epilogue, bounds))) {
        for (x, weight, stride, padding, dilation, groups) in cases {
            let settings = ConvolutionSettings { stride, padding, dilation, groups, epilogue };
            let case = format!("{dtype:?} {x:?} {weight:?} {settings:?}");
            let operands =
                [tensor(1, x, dtype), tensor(2, weight, dtype), tensor(3, [1, 1, 1, weight[0]], dtype)];
            let ours = results_and_gradients(&operands, |operands| {
                let [x, weight, bias] = operands.try_into().unwrap();
                convolution(x, weight, vector(bias), settings, &Engine::detect())
            });
            let composition = results_and_gradients(&operands, |operands| {
                let [x, weight, bias] = operands.try_into().unwrap();
                composed_convolution(x, weight, vector(bias), &settings)
            });
            assert_close(&ours, &composition, bound, &case);

            let [x, weight, bias] = operands.map(|operand| operand.inner());
            let y = composed_convolution(x.clone(), weight.clone(), vector(bias), &settings);
            let dy = signal(&y);
            let by_hand = elements(composed_gradients(Kept { x, weight, y }, dy, &settings, [true; 3]));
            assert_close(&by_hand, &composition[1..], bound, &format!("composed {case}"));
        }
    }
}

#[test]
fn transposed_convolution_equals_its_composition() {
    let cases = [
        // x, weight, stride, padding, size
        ([2, 3, 3, 4], [3, 4, 2, 2], [2, 2], ONE_SIDED, [6, 7]),
        ([1, 4, 4, 3], [4, 2, 3, 3], [2, 2], Padding::same(1), [7, 6]),
        ([2, 2, 1, 1], [2, 3, 3, 3], [2, 2], Padding::same(1), [1, 2]),
        ([1, 3, 2, 3], [3, 2, 1, 1], [2, 2], Padding::NONE, [4, 5]),
        ([2, 3, 5, 4], [3, 3, 3, 3], [1, 1], Padding::same(1), [5, 4]),
        ([1, 2, 3, 2], [2, 5, 4, 4], [3, 2], Padding { top: 1, bottom: 2, left: 1, right: 2 }, [8, 3]),
    ];
    for (activation, (dtype, bound)) in
        ACTIVATIONS.into_iter().flat_map(|activation| BOUNDS.map(|bounds| (activation, bounds)))
    {
        for (x, weight, stride, padding, size) in cases {
            let settings = TransposedConvolutionSettings { stride, padding, size, activation };
            let case = format!("{dtype:?} {x:?} {weight:?} {settings:?}");
            let operands =
                [tensor(1, x, dtype), tensor(2, weight, dtype), tensor(3, [1, 1, 1, weight[1]], dtype)];
            let ours = results_and_gradients(&operands, |operands| {
                let [x, weight, bias] = operands.try_into().unwrap();
                transposed_convolution(x, weight, vector(bias), settings, &Engine::detect())
            });
            let composition = results_and_gradients(&operands, |operands| {
                let [x, weight, bias] = operands.try_into().unwrap();
                composed_transposed(x, weight, vector(bias), &settings)
            });
            assert_close(&ours, &composition, bound, &case);

            let [x, weight, bias] = operands.map(|operand| operand.inner());
            let y = composed_transposed(x.clone(), weight.clone(), vector(bias), &settings);
            assert_eq!(y.dims()[2..], size);
            let dy = signal(&y);
            let by_hand = elements(composed_transposed_gradients(Kept { x, weight, y }, dy, &settings));
            assert_close(&by_hand, &composition[1..], bound, &format!("composed {case}"));
        }
    }
}

#[test]
fn normalisation_equals_its_composition() {
    let cases = [
        ([3, 4, 5, 2], NormSharing::Batch),
        ([2, 1, 3, 3], NormSharing::Batch),
        ([2, 6, 3, 4], NormSharing::Groups(3)),
        ([3, 4, 2, 5], NormSharing::Groups(1)),
        ([1, 3, 4, 4], NormSharing::Groups(3)),
    ];
    for (activation, (dtype, bound)) in
        ACTIVATIONS.into_iter().flat_map(|activation| BOUNDS.map(|bounds| (activation, bounds)))
    {
        for (shape, sharing) in cases {
            let settings = NormaliseSettings { sharing, activation };
            let case = format!("{dtype:?} {shape:?} {settings:?}");
            let channels = [1, 1, 1, shape[1]];
            let operands = [tensor(1, shape, dtype), tensor(2, channels, dtype), tensor(3, channels, dtype)];
            let ours = results_and_gradients(&operands, |operands| {
                let [x, scale, shift] = operands.try_into().unwrap();
                normalise(x, vector(scale), vector(shift), settings, &Engine::detect()).y
            });
            let composition = results_and_gradients(&operands, |operands| {
                let [x, scale, shift] = operands.try_into().unwrap();
                composed_normalise(x, vector(scale), vector(shift), &settings).y
            });
            assert_close(&ours, &composition, bound, &case);

            let [x, scale, shift] = operands.map(|operand| operand.inner());
            let (scale, shift) = (vector(scale), vector(shift));
            let composed = composed_normalise(x.clone(), scale.clone(), shift.clone(), &settings);
            let of_kernels = normalise(x.clone(), scale.clone(), shift, settings, &Engine::detect());
            let statistics = [of_kernels.statistics, composed.statistics.clone()].map(|sets| [to_host(sets)]);
            assert_close(&statistics[0], &statistics[1], bound, &format!("statistics {case}"));

            let (y, statistics) = (composed.y, composed.statistics);
            let dy = signal(&y);
            let kept = crate::operations::normalise::Kept { x, scale, y, statistics };
            let (dx, dscale, dshift) = composed_normalise_gradients(kept, dy, &settings);
            let by_hand = [to_host(dx), to_host(dscale), to_host(dshift)];
            assert_close(&by_hand, &composition[1..], bound, &format!("composed {case}"));
        }
    }
}
