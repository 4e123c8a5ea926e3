//! Shapes, parameters and costs computed without tensors against those of the tensors.

use allconv_nets::{Mode, SwitchKind, UpsampleConfig};
use allconv_operators::parameters::parameters_of;
use allconv_operators::{Enlargement, SizeRule};
use burn::tensor::Device;

use super::{FREE_CHANNELS, Place, network_of, tested_partners};
use crate::support::{noise_images, noise_tensor, test_device, values};

const CHANNELS: usize = 2;

#[test]
fn every_side_from_1_to_17_comes_back_after_every_tested_partner() {
    let device = test_device();
    for operator in UpsampleConfig::examples() {
        for partner in tested_partners(&operator) {
            let mut sizes = 0;
            for height in 1..=17 {
                // Every height and every width, odd against even, without the full square of both.
                for width in [height, 18 - height, 8, 9] {
                    let Some(place) =
                        Place::new(&operator, &partner, [1, CHANNELS, height, width], 0.0, &device)
                    else {
                        continue;
                    };
                    let accepted = operator.check_shape(&place.enlargement);
                    assert_eq!(accepted, Ok(()), "{operator:?} after {partner:?} for {height}×{width}");
                    let y = place.output(noise_images(1, place.input(), &device));
                    assert_eq!(y.dims(), [1, CHANNELS, height, width], "{operator:?} after {partner:?}");
                    sizes += 1;
                }
            }
            assert!(sizes >= 40, "{operator:?} after {partner:?}: only {sizes} sizes");
        }
    }
}

#[test]
fn after_every_partner_every_size_is_accepted_or_refused_with_a_reason() {
    let device = test_device();
    for operator in UpsampleConfig::examples() {
        for partner in operator.partners() {
            for (height, width) in [(1, 1), (1, 2), (5, 4), (9, 17), (24, 15)] {
                // Some partners refuse small maps themselves.
                let Some(network) = network_of(&partner, [CHANNELS, height, width], &device) else {
                    continue;
                };
                let (y, _) = network.forward_with_switches(
                    noise_images(1, [1, CHANNELS, height, width], &device),
                    Mode::Evaluate,
                );
                let [_, _, rows, columns] = y.dims();
                let switches = partner.switches();
                let channels = operator.channels_in(CHANNELS, switches).unwrap_or(FREE_CHANNELS);
                let output = [CHANNELS, height, width];
                let enlargement = Enlargement { input: [channels, rows, columns], output, switches };
                if let Err(reason) = operator.check_shape(&enlargement) {
                    let smaller = rows > height || columns > width;
                    assert!(smaller, "{operator:?} after {partner:?} for {height}×{width}: {reason}");
                    assert!(reason.contains("fewer than"), "{reason}");
                }
            }
        }
    }
}

#[test]
fn impossible_enlargements_are_refused_with_the_numbers() {
    let enlargement = |input, output| Enlargement { input, output, switches: SwitchKind::None };
    for (operator, task, reason) in [
        (
            "pixel_shuffle = {}",
            enlargement([8, 3, 3], [2, 7, 6]),
            "3 positions become 5 to 6 positions, not 7",
        ),
        (
            "pixel_shuffle = {}",
            enlargement([6, 3, 3], [2, 6, 6]),
            "8 channels must enter for 2 to leave, not 6",
        ),
        ("resize_conv = {}", enlargement([2, 4, 4], [2, 3, 9]), "3 positions are fewer than 4"),
        (
            "transposed_conv = { stride = 3 }",
            enlargement([2, 2, 2], [2, 3, 6]),
            "2 positions become 4 to 6 positions, not 3",
        ),
        ("blur_upsample = {}", enlargement([3, 2, 2], [2, 4, 4]), "2 channels must enter"),
        ("inverse_haar = {}", enlargement([2, 2, 2], [2, 4, 4]), "8 channels must enter"),
        ("max_unpool = {}", enlargement([2, 2, 2], [2, 4, 4]), "positions of the maxima"),
        ("carafe = {}", enlargement([2, 0, 2], [2, 4, 4]), "at least one position"),
    ] {
        let found = super::read(operator).check_shape(&task).unwrap_err();
        assert!(found.contains(reason), "{operator}: {found}");
    }
}

#[test]
fn no_map_of_a_wrong_size_is_silently_cut_or_filled() {
    let device = test_device();
    for operator in UpsampleConfig::examples() {
        let partner = &tested_partners(&operator)[0];
        let place = Place::new(&operator, partner, [1, CHANNELS, 7, 6], 0.0, &device).unwrap();
        let [batch, channels, rows, columns] = place.input();
        for size in [[rows + 1, columns], [rows, columns + 3]] {
            let x = noise_images(1, [batch, channels, size[0], size[1]], &device);
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| place.output(x.clone())));
            let larger = operator.size_rule() == SizeRule::NotSmaller && size[1] <= 6;
            assert_eq!(outcome.is_ok(), larger, "{operator:?} at {size:?}");
        }
    }
}

#[test]
fn an_unknown_name_is_refused_with_the_nearest() {
    let error = UpsampleConfig::named("pixelshuffle").unwrap_err().to_string();
    assert!(error.contains("pixel_shuffle"), "{error}");
}

#[test]
fn parameters_are_counted_as_the_modules_have_them() {
    let device = test_device();
    for operator in UpsampleConfig::examples() {
        for map in [[1, 2, 12, 12], [1, 5, 9, 8]] {
            let place = Place::new(&operator, &tested_partners(&operator)[0], map, 0.0, &device).unwrap();
            let found: usize =
                parameters_of(&place.module).iter().map(|parameter| parameter.values.len()).sum();
            assert_eq!(operator.parameter_count(&place.enlargement), found as u64, "{operator:?}");
            let has_weights = operator.macs(&place.enlargement) > 0;
            assert_eq!(has_weights, found > 0, "{operator:?}: multiplications by weights");
        }
    }
}

#[test]
fn multiplications_are_those_of_the_convolutions_inside() {
    let enlargement = Enlargement { input: [3, 4, 5], output: [2, 8, 10], switches: SwitchKind::None };
    for (operator, macs) in [
        ("transposed_conv = {}", 4 * 5 * 3 * 2 * 4),
        ("resize_conv = {}", 8 * 10 * 2 * 3 * 9),
        ("pixel_shuffle = { expand = 3 }", 4 * 5 * 3 * 8 * 9),
        ("carafe = { hidden = 7 }", 4 * 5 * 7 * (3 + 100 * 9)),
    ] {
        assert_eq!(super::read(operator).macs(&enlargement), macs, "{operator}");
    }
}

#[test]
fn the_declared_reach_is_the_largest_over_all_positions() {
    let device = Device::flex().autodiff();
    for operator in UpsampleConfig::examples() {
        let partner = &tested_partners(&operator)[0];
        // In f64, since transforms of f32 leave rounding errors at positions that an output does not depend on.
        let place = Place::new(&operator, partner, [1, CHANNELS, 36, 36], 0.3, &device).unwrap();
        let place = place.in_double_precision();
        let x = noise_tensor(1, place.input(), &device).require_grad();
        let [_, channels, rows, columns] = x.dims();
        let mut most = 0;
        // Positions of every phase, far from the edges.
        for row in 15..21 {
            let position = place.output(x.clone()).narrow(2, row, 1).narrow(3, row, 1);
            let gradient = x.grad_remove(&mut position.square().sum().backward()).unwrap();
            let derivatives = values(gradient);
            let reads = |row: &usize| {
                (0..channels).any(|channel| {
                    let first = (channel * rows + row) * columns;
                    derivatives[first..first + columns].iter().any(|derivative| *derivative != 0.0)
                })
            };
            let read: Vec<usize> = (0..rows).filter(reads).collect();
            if let (Some(first), Some(last)) = (read.first(), read.last()) {
                most = most.max(last + 1 - first);
            }
        }
        let declared = operator.positions_read(&place.enlargement);
        // Of windows that overlap only those with the same maximum add up at a position, which may be fewer than possible.
        let exact = operator.name() != "max_unpool";
        assert!(
            most <= declared && (most == declared || !exact),
            "{operator:?}: {most}, declared {declared}"
        );
    }
}
