//! Gradients of inputs and parameters against central differences in f64.

use allconv_nets::{DownsampleConfig, Mode};
use burn::tensor::Device;

use super::network;
use crate::gradient_check::gradient_error;

/// Bound on the relative error of gradients in f64: central differences with step 1e-6 leave about 1e-9.
const BOUND: f64 = 1e-6;
/// Batches, channels, heights and widths; the smaller ones are refused by some operators.
const SHAPES: [[usize; 4]; 22] = [
    [1, 3, 1, 1],
    [2, 3, 1, 2],
    [1, 3, 2, 1],
    [1, 3, 2, 3],
    [2, 3, 3, 3],
    [1, 3, 3, 1],
    [1, 3, 4, 4],
    [2, 3, 5, 4],
    [1, 3, 5, 5],
    [1, 3, 7, 6],
    [2, 3, 2, 7],
    [1, 6, 4, 5],
    [3, 3, 4, 4],
    [1, 3, 9, 4],
    [1, 3, 6, 6],
    [1, 3, 4, 7],
    [2, 6, 5, 7],
    [1, 3, 8, 8],
    [1, 3, 5, 9],
    [1, 3, 6, 4],
    [1, 3, 4, 6],
    [1, 3, 7, 7],
];
/// Operators whose training draws compute gradients of their own.
const TRAIN: Mode = Mode::Train { seed: 3, step: 5 };

#[test]
fn gradients_agree_with_central_differences_on_twenty_shapes() {
    let device = Device::flex().autodiff();
    for operator in DownsampleConfig::examples() {
        let mut shapes = 0;
        for shape in SHAPES {
            let Some(network) = network(&operator, [shape[1], shape[2], shape[3]], 0.3, &device) else {
                continue;
            };
            let error = gradient_error(&network, shape, Mode::Evaluate, |gradient| gradient);
            assert!(error < BOUND, "{operator:?} on {shape:?}: {error:e}");
            if operator.properties().differs_in_training {
                let error = gradient_error(&network, shape, TRAIN, |gradient| gradient);
                assert!(error < BOUND, "{operator:?} on {shape:?} in training: {error:e}");
            }
            shapes += 1;
        }
        assert!(shapes >= 12, "{operator:?}: only {shapes} shapes");
    }
}

#[test]
fn three_planted_wrong_gradients_are_caught() {
    let device = Device::flex().autodiff();
    for operator in DownsampleConfig::examples() {
        let network = network(&operator, [3, 4, 4], 0.3, &device).unwrap();
        for distort in
            [|gradient: f64| 1.001 * gradient, |gradient: f64| gradient.abs(), |gradient: f64| -gradient]
        {
            let error = gradient_error(&network, [2, 3, 4, 4], Mode::Evaluate, distort);
            assert!(error > 100.0 * BOUND, "{operator:?}: {error:e}");
        }
    }
}
