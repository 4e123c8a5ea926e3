//! Gradients of inputs and parameters against central differences in f64.

use allconv_nets::UpsampleConfig;
use allconv_operators::OperatorLayer;
use burn::tensor::Device;

use super::{Place, tested_partners, up};
use crate::gradient_check::module_gradient_error;

/// Bound on the relative error of gradients in f64: central differences with step 1e-6 leave about 1e-9.
const BOUND: f64 = 1e-6;
/// Batches, channels, heights and widths of the map that was reduced.
const MAPS: [[usize; 4]; 20] = [
    [1, 2, 1, 1],
    [2, 2, 1, 2],
    [1, 2, 2, 1],
    [1, 2, 2, 3],
    [2, 2, 3, 3],
    [1, 3, 3, 1],
    [1, 2, 4, 4],
    [2, 2, 5, 4],
    [1, 2, 5, 5],
    [1, 2, 7, 6],
    [2, 1, 2, 7],
    [1, 3, 4, 5],
    [3, 2, 4, 4],
    [1, 2, 9, 4],
    [1, 2, 6, 6],
    [1, 2, 4, 7],
    [2, 3, 5, 7],
    [1, 1, 8, 8],
    [1, 2, 3, 9],
    [1, 2, 7, 7],
];

fn error(place: &Place, distort: impl Fn(f64) -> f64) -> f64 {
    let forward = |module: &OperatorLayer<UpsampleConfig>, x| {
        up(module, x, place.size(), &place.switches).flatten(1, 3)
    };
    module_gradient_error(&place.module, place.input(), forward, distort)
}

#[test]
fn gradients_agree_with_central_differences_on_twenty_shapes() {
    let device = Device::flex().autodiff();
    for operator in UpsampleConfig::examples() {
        for partner in tested_partners(&operator) {
            for map in MAPS {
                let place = Place::new(&operator, &partner, map, 0.3, &device).unwrap().in_double_precision();
                let error = error(&place, |gradient| gradient);
                assert!(error < BOUND, "{operator:?} after {partner:?} on {map:?}: {error:e}");
            }
        }
    }
}

#[test]
fn three_planted_wrong_gradients_are_caught() {
    let device = Device::flex().autodiff();
    for operator in UpsampleConfig::examples() {
        let partner = &tested_partners(&operator)[0];
        let place = Place::new(&operator, partner, [2, 2, 5, 4], 0.3, &device).unwrap().in_double_precision();
        for distort in
            [|gradient: f64| 1.001 * gradient, |gradient: f64| gradient.abs(), |gradient: f64| -gradient]
        {
            let error = error(&place, distort);
            assert!(error > 100.0 * BOUND, "{operator:?}: {error:e}");
        }
    }
}
