//! Normalisation and joining on the CPU against their compositions of Burn's operations: results and all gradients, f32 and f64.

use allconv_kernels::{Activation, Engine, NormSharing};
use burn::backend::Flex;
use burn_backend::TensorMetadata;
use burn_backend::ops::FloatTensorOps;

use super::tests::{BOUNDS, Tracked, assert_close, host, run, tensor};
use super::{JoiningOps, NormaliseOps, NormaliseSettings, composed_normalise as composed};

#[test]
fn normalisation_equals_its_composition() {
    for (dtype, bound) in BOUNDS {
        for (shape, sharing) in [
            ([3, 4, 5, 2], NormSharing::Batch),
            ([2, 1, 3, 3], NormSharing::Batch),
            ([2, 6, 3, 4], NormSharing::Groups(3)),
            ([3, 4, 2, 5], NormSharing::Groups(1)),
            ([1, 3, 4, 4], NormSharing::Groups(3)),
        ] {
            for activation in [Activation::Identity, Activation::Relu, Activation::LeakyRelu { slope: 0.3 }] {
                let settings = NormaliseSettings { sharing, activation };
                let channels = [shape[1]];
                let inputs =
                    [tensor(1, &shape, dtype), tensor(2, &channels, dtype), tensor(3, &channels, dtype)];
                let ours = run(&inputs, |inputs| {
                    let [x, scale, shift] = inputs.try_into().unwrap();
                    Tracked::normalised(x, scale, shift, settings, Engine::detect()).0
                });
                let composition = run(&inputs, |inputs| {
                    let [x, scale, shift] = inputs.try_into().unwrap();
                    composed::normalised::<Tracked>(x, scale, shift, &settings).0
                });
                assert_close(&ours, &composition, bound, &format!("{dtype:?} {shape:?} {settings:?}"));

                // The composed gradient, which runs on devices without kernels, against Burn's own; and the statistics.
                let [x, scale, shift] = inputs;
                let (y, statistics) =
                    composed::normalised::<Flex>(x.clone(), scale.clone(), shift.clone(), &settings);
                let (_, of_kernels) =
                    Flex::normalised(x.clone(), scale.clone(), shift, settings, Engine::detect());
                let dy = tensor(99, &y.shape(), dtype);
                let operands = [x, scale, y, statistics.clone(), dy];
                let gradients = composed::normalised_backward::<Flex>(operands, &settings);
                let by_hand = [gradients.dx, gradients.dscale, gradients.dshift].map(host);
                assert_close(&by_hand, &composition[1..], bound, &format!("composed {dtype:?} {settings:?}"));
                assert_close(
                    &[host(of_kernels)],
                    &[host(statistics)],
                    bound,
                    &format!("statistics {settings:?}"),
                );
            }
        }
    }
}

#[test]
fn joining_equals_its_composition() {
    for (dtype, bound) in BOUNDS {
        for ([first, second], sides) in [([3, 4], [5, 2]), ([1, 1], [1, 1]), ([7, 2], [40, 40])] {
            let shape = |channels| [2, channels, sides[0], sides[1]];
            let inputs = [tensor(1, &shape(first), dtype), tensor(2, &shape(second), dtype)];
            let ours = run(&inputs, |inputs| {
                let [first, second] = inputs.try_into().unwrap();
                Tracked::joined_channels(first, second)
            });
            let composition = run(&inputs, |inputs| Tracked::float_cat(inputs, 1));
            assert_close(&ours, &composition, 0.0, &format!("{dtype:?} {first} and {second} channels"));

            let inputs = [tensor(1, &shape(first), dtype), tensor(2, &shape(first), dtype)];
            for scale in [1.0, 0.25] {
                let ours = run(&inputs, |inputs| {
                    let [first, second] = inputs.try_into().unwrap();
                    Tracked::scaled_sum(first, second, scale)
                });
                let composition = run(&inputs, |inputs| {
                    let [first, second] = inputs.try_into().unwrap();
                    Tracked::float_add(first, Tracked::float_mul_scalar(second, scale.into()))
                });
                assert_close(&ours, &composition, bound, &format!("{dtype:?} sum, scale {scale}"));
            }
        }
    }
}
