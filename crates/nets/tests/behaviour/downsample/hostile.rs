//! Hostile inputs: zeros, huge equal values. Nothing may become infinite or NaN, forward or backward.

use allconv_nets::{DownsampleConfig, Mode};
use burn::tensor::{Tensor, TensorData};

use super::{network, output};
use crate::support::{distance, noise_images, test_device};

const SHAPE: [usize; 4] = [2, 3, 6, 7];
const TRAIN: Mode = Mode::Train { seed: 1, step: 2 };

/// Returns maps of one value, and of large values of both signs.
fn hostile() -> Vec<(&'static str, Vec<f32>)> {
    let count = SHAPE.iter().product();
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
    for operator in DownsampleConfig::examples() {
        for moved in [0.0, 0.3] {
            let network = network(&operator, [SHAPE[1], SHAPE[2], SHAPE[3]], moved, &device).unwrap();
            for (name, values) in hostile() {
                for mode in [Mode::Evaluate, TRAIN] {
                    let x = Tensor::from_data(TensorData::new(values.clone(), SHAPE), &device).require_grad();
                    let y = output(&network, x.clone(), mode);
                    assert!(
                        y.clone().is_finite().all().into_scalar::<bool>(),
                        "{operator:?} on {name}: forward"
                    );
                    let mut gradients = y.sum().backward();
                    let dx = x.grad_remove(&mut gradients).unwrap();
                    assert!(
                        dx.is_finite().all().into_scalar::<bool>(),
                        "{operator:?} on {name}: gradient of the input"
                    );
                    for gradient in network.gradients(&mut gradients) {
                        let finite = gradient.values.iter().all(|value| value.is_finite());
                        assert!(finite, "{operator:?} on {name}: gradient of {}", gradient.path);
                    }
                }
            }
        }
    }
}

#[test]
fn each_image_of_a_batch_is_processed_by_itself() {
    for operator in DownsampleConfig::examples() {
        let network = network(&operator, [3, 6, 7], 0.3, &test_device()).unwrap();
        let x = noise_images(4, [3, 3, 6, 7], &test_device());
        let together = output(&network, x.clone(), Mode::Evaluate);
        let apart =
            (0..3).map(|image| output(&network, x.clone().slice(image..image + 1), Mode::Evaluate)).collect();
        assert!(distance(&together, &Tensor::cat(apart, 0)) < 1e-6, "{operator:?}");
    }
}

#[test]
fn training_draws_are_a_function_of_seed_and_step() {
    for operator in DownsampleConfig::examples() {
        let network = network(&operator, [3, 8, 8], 0.3, &test_device()).unwrap();
        let at = |seed, step| {
            output(&network, noise_images(4, [2, 3, 8, 8], &test_device()), Mode::Train { seed, step })
        };
        assert_eq!(distance(&at(1, 2), &at(1, 2)), 0.0, "{operator:?}");
        if operator.properties().differs_in_training {
            assert!(distance(&at(1, 2), &at(1, 3)) > 1e-3, "{operator:?} draws the same in every step");
            assert!(distance(&at(1, 2), &at(2, 2)) > 1e-3, "{operator:?} draws the same for every seed");
        }
    }
}
