//! Shapes, parameters and costs of the walk against those of the tensors.

use allconv_nets::{DownsampleConfig, Mode, SignalRules, SwitchKind, Switches, walk_stages};

use super::{alone, network};
use crate::support::{distance, noise_images, test_device};

const CHANNELS: usize = 3;

#[test]
fn every_side_from_1_to_17_gives_the_shape_of_the_walk_or_a_refusal() {
    let device = test_device();
    for operator in DownsampleConfig::examples() {
        let stages = alone(&operator, CHANNELS);
        let mut accepted = 0;
        for height in 1..=17 {
            for width in 1..=17 {
                let input = [CHANNELS, height, width];
                let walk = match walk_stages(&stages, input) {
                    Ok(walk) => walk,
                    Err(refusal) => {
                        assert!(refusal.to_string().contains(&format!("{height}×{width}")), "{refusal}");
                        continue;
                    }
                };
                accepted += 1;
                let network = network(&operator, input, 0.0, &device).unwrap();
                let trace = network.forward_traced(
                    noise_images(1, [1, CHANNELS, height, width], &test_device()),
                    Mode::Evaluate,
                    SignalRules::GRADIENT,
                );
                for (stage, output) in walk.stages.iter().zip(trace.stages) {
                    let [_, sizes @ ..] = output.dims();
                    let label = stage.stage.label();
                    assert_eq!(sizes, stage.output, "{operator:?}, {label} on {height}×{width}");
                }
            }
        }
        assert!(accepted >= 100, "{operator:?} refuses nearly everything");
    }
}

#[test]
fn the_size_rule_of_the_slot_holds_exactly_where_it_is_declared() {
    for operator in DownsampleConfig::examples() {
        let stages = alone(&operator, CHANNELS);
        // Sizes far beyond the masks of DiffStride, which keep small maps whole.
        let size_out = |size| Some(walk_stages(&stages, [CHANNELS, size, 40]).ok()?.stages.last()?.output[1]);
        let obeyed =
            (1..=5).find(|stride| (1..=40).all(|size: usize| size_out(size) == Some(size.div_ceil(*stride))));
        assert_eq!(operator.properties().slot_rule, obeyed, "{operator:?}");
    }
}

#[test]
fn every_operator_hands_over_the_switches_that_it_declares_and_computes_the_same() {
    for operator in DownsampleConfig::examples() {
        let network = network(&operator, [CHANNELS, 9, 8], 0.3, &test_device()).unwrap();
        for mode in [Mode::Evaluate, Mode::Train { seed: 1, step: 2 }] {
            let x = noise_images(1, [2, CHANNELS, 9, 8], &test_device());
            let (y, switches) = network.forward_with_switches(x.clone(), mode);
            let found = switches.last().map_or(SwitchKind::None, Switches::kind);
            assert_eq!(found, operator.switches(), "{operator:?}");
            let expected = network.forward_traced(x, mode, SignalRules::GRADIENT).stages.pop().unwrap();
            assert!(distance(&y, &expected) < 1e-6, "{operator:?}");
        }
    }
}

#[test]
fn the_walk_counts_the_parameters_that_the_network_has() {
    let device = test_device();
    for operator in DownsampleConfig::examples() {
        for input in [[6, 12, 12], [12, 9, 8]] {
            let counted = walk_stages(&alone(&operator, input[0]), input).unwrap().parameters();
            let network = network(&operator, input, 0.0, &device).unwrap();
            let found: usize = network.parameters().iter().map(|parameter| parameter.values.len()).sum();
            assert_eq!(counted, found as u64, "{operator:?}");
        }
    }
}
