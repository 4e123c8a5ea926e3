//! Hostile inputs: zeros, huge equal values. Nothing may become infinite or NaN, forward or backward.

use allconv_nets::{Switches, UpsampleConfig};
use allconv_operators::parameters::gradients_of;
use allconv_operators::{KeptPhases, PhaseWeights};
use burn::tensor::{Tensor, TensorData};

use super::{Place, tested_partners, up};
use crate::support::{distance, noise_images, test_device};

const MAP: [usize; 4] = [2, 2, 6, 7];

/// Returns values of one kind, and large values of both signs.
fn hostile(count: usize) -> Vec<(&'static str, Vec<f32>)> {
    let alternating = |size: f32| (0..count).map(|index| if index % 3 == 0 { size } else { -size }).collect();
    vec![
        ("zeros", vec![0.0; count]),
        ("equal", vec![0.7; count]),
        ("negative", vec![-0.7; count]),
        ("large", vec![1e4; count]),
        ("large negative", vec![-1e4; count]),
        ("large of both signs", alternating(1e4)),
        ("tiny", alternating(1e-30)),
    ]
}

#[test]
fn values_stay_finite_on_hostile_maps_forward_and_backward() {
    let device = test_device().autodiff();
    for operator in UpsampleConfig::examples() {
        for partner in tested_partners(&operator) {
            let place = Place::new(&operator, &partner, MAP, 0.3, &device).unwrap();
            for (name, values) in hostile(place.input().iter().product()) {
                let x =
                    Tensor::<4>::from_data(TensorData::new(values, place.input()), &device).require_grad();
                let y = place.output(x.clone());
                assert!(y.clone().is_finite().all().into_scalar::<bool>(), "{operator:?} on {name}: forward");
                let mut gradients = y.sum().backward();
                let dx = x.grad_remove(&mut gradients).unwrap();
                assert!(
                    dx.is_finite().all().into_scalar::<bool>(),
                    "{operator:?} on {name}: gradient of the input"
                );
                for gradient in gradients_of(&place.module, &mut gradients) {
                    let finite = gradient.values.iter().all(|value| value.is_finite());
                    assert!(finite, "{operator:?} on {name}: gradient of {}", gradient.path);
                }
            }
        }
    }
}

/// Returns the switches of one image of a batch.
fn of_image(switches: &Switches, image: usize) -> Switches {
    match switches {
        Switches::None => Switches::None,
        Switches::MaxIndices(indices) => Switches::MaxIndices(indices.clone().narrow(0, image, 1)),
        Switches::Phases(KeptPhases { weights, order }) => {
            let weights = match weights {
                PhaseWeights::Whole(kept) => PhaseWeights::Whole(vec![kept[image]]),
                PhaseWeights::Mixed(weights) => PhaseWeights::Mixed(weights.clone().narrow(1, image, 1)),
            };
            Switches::Phases(KeptPhases { weights, order: *order })
        }
        Switches::Details(details) => Switches::Details(details.clone().narrow(0, image, 1)),
    }
}

#[test]
fn each_image_of_a_batch_is_processed_by_itself() {
    let device = test_device();
    for operator in UpsampleConfig::examples() {
        for partner in tested_partners(&operator) {
            let place = Place::new(&operator, &partner, [3, 2, 6, 7], 0.3, &device).unwrap();
            let x = noise_images(4, place.input(), &device);
            let together = place.output(x.clone());
            let alone = |image: usize| {
                let switches = of_image(&place.switches, image);
                up(&place.module, x.clone().narrow(0, image, 1), place.size(), &switches)
            };
            let apart = Tensor::cat((0..3).map(alone).collect(), 0);
            assert!(distance(&together, &apart) < 1e-6, "{operator:?} after {partner:?}");
        }
    }
}
