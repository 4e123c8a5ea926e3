//! Every declared property, tested on every operator: a property that holds undeclared fails like one that does not hold.

use allconv_nets::UpsampleConfig;
use allconv_operators::SizeRule;
use allconv_operators::upsample::Properties;
use burn::tensor::{DType, Device, Tensor, TensorData};

use super::{Place, tested_partners};
use crate::support::{distance, noise_images, test_device};

const CHANNELS: usize = 4;
/// Rows and columns that enter.
const SIZE: usize = 8;
const SAME: f64 = 2e-5;

/// Returns the operator after its first partner, to an output size that is a multiple of the input size.
fn place(operator: &UpsampleConfig, moved: f64, device: &Device) -> (Place, usize) {
    let factor = match operator.size_rule() {
        SizeRule::Factor(factor) => factor,
        SizeRule::NotSmaller | SizeRule::Switches => 2,
    };
    let partners = tested_partners(operator);
    let partner = if operator.size_rule() == SizeRule::NotSmaller {
        super::read_partner("decimation = {}")
    } else {
        partners[0].clone()
    };
    let map = [2, CHANNELS, SIZE * factor, SIZE * factor];
    let place = Place::new(operator, &partner, map, moved, device).unwrap();
    assert_eq!(place.enlargement.input[1..], [SIZE; 2], "{operator:?} after {partner:?}");
    (place, factor)
}

/// Checks each example's declaration against what `measure` finds with moved parameters.
fn compare(declared: fn(Properties) -> bool, measure: impl Fn(&Place, usize) -> bool) {
    for operator in UpsampleConfig::examples() {
        let (place, factor) = place(&operator, 0.3, &test_device());
        let measured = measure(&place, factor);
        assert_eq!(declared(operator.properties()), measured, "{operator:?}: declared, and measured");
    }
}

#[test]
fn gain_on_constants() {
    for operator in UpsampleConfig::examples() {
        let (place, _) = place(&operator, 0.0, &test_device());
        let interior = |constant: f32| {
            let x = Tensor::full(place.input(), constant, (&test_device(), DType::F32));
            let y = place.output(x) / constant;
            let [batch, channels, rows, columns] = y.dims();
            y.slice([0..batch, 0..channels, rows / 4..3 * rows / 4, columns / 4..3 * columns / 4])
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
        |properties| properties.linear,
        |place, _| {
            let noise = |seed| noise_images(seed, place.input(), &test_device());
            let zero = place.output(noise(1) * 0.0);
            let without_bias = |x: Tensor<4>| place.output(x) - zero.clone();
            let (x, y) = (noise(2), noise(3));
            let together = without_bias(x.clone() * 0.7 - y.clone() * 1.3);
            let apart = without_bias(x) * 0.7 - without_bias(y) * 1.3;
            distance(&together, &apart) < SAME
        },
    );
}

#[test]
fn independence_of_channels() {
    compare(
        |properties| properties.channel_wise,
        |place, _| {
            let device = test_device();
            let (shape, channels) = (place.input(), place.input()[1]);
            let x = noise_images(2, shape, &device);
            let y = place.output(x.clone());
            // For each output channel the number of input channels that it depends on.
            let mut sources = [0; CHANNELS];
            for channel in 0..channels {
                let mut mask = vec![0.0_f32; channels];
                mask[channel] = 3.0;
                let mask: Tensor<4> = Tensor::from_data(TensorData::new(mask, [1, channels, 1, 1]), &device);
                let changed = place.output(x.clone() + noise_images(9, shape, &device) * mask);
                let by_channel: Tensor<1> =
                    (changed - y.clone()).abs().max_dims(&[0, 2, 3]).reshape([CHANNELS]);
                let by_channel: Vec<f32> = by_channel.into_data().try_into_vec_as().unwrap();
                let counted = by_channel.iter().zip(&mut sources);
                counted.for_each(|(change, sources)| *sources += usize::from(*change > 1e-6));
            }
            sources.iter().all(|sources| *sources <= 1)
        },
    );
}

#[test]
fn equivariance_to_circular_shifts_of_the_input() {
    compare(
        |properties| properties.shifts_with_the_input,
        |place, factor| {
            let x = noise_images(2, place.input(), &test_device());
            let y = place.output(x.clone());
            let shifted = place.output(x.roll(&[1, 1], &[2, 3]));
            let factor = factor as i64;
            distance(&shifted, &y.roll(&[factor, factor], &[2, 3])) < SAME
        },
    );
}

#[test]
fn single_precision_is_close_to_double() {
    for operator in UpsampleConfig::examples() {
        let device = Device::flex().autodiff();
        let (place, _) = place(&operator, 0.3, &device);
        let x = noise_images(2, place.input(), &device);
        let single = place.output(x.clone()).cast(DType::F64);
        let double = place.in_double_precision().output(x.cast(DType::F64));
        let size = double.clone().abs().max().into_scalar::<f64>().max(1.0);
        assert!(distance(&single, &double) < 1e-5 * size, "{operator:?}: {:e}", distance(&single, &double));
    }
}
