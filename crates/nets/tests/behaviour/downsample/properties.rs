//! Every declared property, tested on every operator: a property that holds undeclared fails like one that does not hold.

use allconv_nets::{DownsampleConfig, Mode, Network};
use burn::tensor::{DType, Device, Tensor, TensorData};

use super::{network, output};
use crate::support::{distance, noise_images, test_device};

/// Channels that no example divides into groups of one.
const CHANNELS: usize = 6;
/// A height and width that strides of 1, 2, 3 and 4 divide, large enough for the masks of DiffStride to drop something.
const SIZE: usize = 24;
const SAME: f64 = 2e-5;

fn moved_network(operator: &DownsampleConfig) -> Network {
    network(operator, [CHANNELS, SIZE, SIZE], 0.3, &test_device()).unwrap()
}

/// Checks each example's declaration against what `measure` finds.
fn compare<T: PartialEq + std::fmt::Debug>(
    declared: impl Fn(&DownsampleConfig) -> T,
    measure: impl Fn(&DownsampleConfig) -> T,
) {
    for operator in DownsampleConfig::examples() {
        assert_eq!(declared(&operator), measure(&operator), "{operator:?}: declared, and measured");
    }
}

#[test]
fn gain_on_constants() {
    let device = test_device();
    for operator in DownsampleConfig::examples() {
        let network = network(&operator, [CHANNELS, 2 * SIZE, 2 * SIZE], 0.0, &device).unwrap();
        let interior = |constant: f32| {
            let x = Tensor::full([1, CHANNELS, 2 * SIZE, 2 * SIZE], constant, (&device, DType::F32));
            let y = output(&network, x, Mode::Evaluate) / constant;
            let [_, channels, rows, columns] = y.dims();
            y.slice([0..1, 0..channels, rows / 4..3 * rows / 4, columns / 4..3 * columns / 4])
        };
        let ends = |y: Tensor<4>| (y.clone().min().into_scalar::<f64>(), y.max().into_scalar::<f64>());
        let ((least, most), (least_of_two, most_of_two)) = (ends(interior(1.0)), ends(interior(2.0)));
        let spread = most.max(most_of_two) - least.min(least_of_two);
        let measured = (spread < 1e-4 && most.abs() > 1e-3).then_some(most);
        let agrees = match (operator.properties().gain, measured) {
            (Some(declared), Some(measured)) => (declared - measured).abs() < 1e-3 * declared,
            (None, None) => true,
            _ => false,
        };
        assert!(agrees, "{operator:?}: declared {:?}, measured {measured:?}", operator.properties().gain);
    }
}

#[test]
fn linearity() {
    compare(
        |operator| operator.properties().linear,
        |operator| {
            let network = moved_network(operator);
            let zero = output(
                &network,
                noise_images(1, [2, CHANNELS, SIZE, SIZE], &test_device()) * 0.0,
                Mode::Evaluate,
            );
            let without_bias = |x: Tensor<4>| output(&network, x, Mode::Evaluate) - zero.clone();
            let (x, y) = (
                noise_images(2, [2, CHANNELS, SIZE, SIZE], &test_device()),
                noise_images(3, [2, CHANNELS, SIZE, SIZE], &test_device()),
            );
            let together = without_bias(x.clone() * 0.7 - y.clone() * 1.3);
            let apart = without_bias(x) * 0.7 - without_bias(y) * 1.3;
            distance(&together, &apart) < SAME
        },
    );
}

#[test]
fn training_and_evaluation() {
    compare(
        |operator| operator.properties().differs_in_training,
        |operator| {
            let network = moved_network(operator);
            let x = noise_images(2, [2, CHANNELS, SIZE, SIZE], &test_device());
            let train = Mode::Train { seed: 1, step: 1 };
            distance(&output(&network, x.clone(), train), &output(&network, x, Mode::Evaluate)) > 0.0
        },
    );
}

#[test]
fn independence_of_channels() {
    compare(
        |operator| operator.properties().channel_wise,
        |operator| {
            let network = moved_network(operator);
            let shape = [8, CHANNELS, SIZE, SIZE];
            let x = noise_images(2, shape, &test_device());
            let y = output(&network, x.clone(), Mode::Evaluate);
            // For each output channel the number of input channels that it depends on.
            let mut sources = vec![0; y.dims()[1]];
            for channel in 0..CHANNELS {
                let mut mask = vec![0.0_f32; CHANNELS];
                mask[channel] = 3.0;
                let mask: Tensor<4> =
                    Tensor::from_data(TensorData::new(mask, [1, CHANNELS, 1, 1]), &test_device());
                let changed = output(
                    &network,
                    x.clone() + noise_images(9, shape, &test_device()) * mask,
                    Mode::Evaluate,
                );
                let by_channel: Tensor<1> =
                    (changed - y.clone()).abs().max_dims(&[0, 2, 3]).reshape([sources.len()]);
                let by_channel: Vec<f32> = by_channel.into_data().try_into_vec_as().unwrap();
                by_channel
                    .iter()
                    .zip(&mut sources)
                    .for_each(|(change, sources)| *sources += usize::from(*change > 1e-6));
            }
            sources.iter().all(|sources| *sources <= 1)
        },
    );
}

#[test]
fn equivariance_to_circular_shifts_by_the_stride() {
    compare(
        |operator| operator.properties().shifts_by_stride,
        |operator| {
            let Some(stride) = operator.properties().slot_rule else { return false };
            let network = moved_network(operator);
            let x = noise_images(2, [2, CHANNELS, SIZE, SIZE], &test_device());
            let y = output(&network, x.clone(), Mode::Evaluate);
            let shifted = output(&network, x.roll(&[stride as i64, stride as i64], &[2, 3]), Mode::Evaluate);
            distance(&shifted, &y.roll(&[1, 1], &[2, 3])) < SAME
        },
    );
}

#[test]
fn equivariance_to_every_circular_shift() {
    compare(
        |operator| operator.properties().shifts_by_one,
        |operator| {
            let network = moved_network(operator);
            let x = noise_images(2, [1, CHANNELS, SIZE, SIZE], &test_device());
            let y = output(&network, x.clone(), Mode::Evaluate);
            let [_, _, rows, columns] = y.dims();
            [[1_i64, 0], [0, 1], [1, 1], [3, 5]].into_iter().all(|shift| {
                let shifted = output(&network, x.clone().roll(&shift, &[2, 3]), Mode::Evaluate);
                (0..rows as i64).any(|down| {
                    (0..columns as i64)
                        .any(|right| distance(&shifted, &y.clone().roll(&[down, right], &[2, 3])) < SAME)
                })
            })
        },
    );
}

#[test]
fn single_precision_is_close_to_double() {
    for operator in DownsampleConfig::examples() {
        let device = Device::flex().autodiff();
        let network = network(&operator, [CHANNELS, SIZE, SIZE], 0.3, &device).unwrap();
        let x = noise_images(2, [2, CHANNELS, SIZE, SIZE], &test_device()).to_device(&device);
        let single = output(&network, x.clone(), Mode::Evaluate).cast(DType::F64);
        let double = output(&network.in_double_precision(), x.cast(DType::F64), Mode::Evaluate);
        let size = double.clone().abs().max().into_scalar::<f64>().max(1.0);
        assert!(distance(&single, &double) < 1e-5 * size, "{operator:?}: {:e}", distance(&single, &double));
    }
}
