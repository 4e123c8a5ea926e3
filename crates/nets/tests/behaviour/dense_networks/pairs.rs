//! Every pair of operators at the levels of a net: with odd height and width, forward and backward, for some steps.

use allconv_nets::{
    DescriptionError, DownsampleConfig, Mode, Network, NetworkSpec, OperatorError, SwitchKind,
    UpsampleConfig, walk,
};
use burn::tensor::{Device, Tensor};

use super::{network, read};
use crate::support::{noise_images, values};

/// Odd height and width, so that something is cut off or filled in.
const MAP: [usize; 4] = [2, 3, 9, 7];
const STEPS: usize = 6;
const RATE: f32 = 0.01;

/// Pairs: every operator with its default as partner, and all settings of each where switches are passed.
fn tested_pairs() -> Vec<(UpsampleConfig, DownsampleConfig)> {
    let mut pairs = Vec::new();
    for (name, up) in UpsampleConfig::examples().into_iter().map(|up| (up.name(), up)) {
        let is_default = UpsampleConfig::named(name).unwrap()[0] == up;
        let mut names = Vec::new();
        for down in up.partners() {
            let first_of_name = !names.contains(&down.name());
            names.push(down.name());
            let wanted = if is_default { first_of_name } else { names.len() == 1 };
            if wanted || (up.takes(down.switches()) && down.switches() != SwitchKind::None) {
                pairs.push((up.clone(), down));
            }
        }
    }
    pairs
}

/// Returns the losses of plain gradient descent on rebuilding a blurred image; the draws of one step throughout, so that the loss is one
/// function of the parameters.
fn losses(mut network: Network, device: &Device) -> Vec<f32> {
    let x = noise_images(1, MAP, device);
    let target = (x.clone() + x.clone().roll(&[1, 1], &[2, 3])) * 0.5;
    let mode = Mode::Train { seed: 1, step: 0 };
    let mut losses = Vec::new();
    for _ in 0..STEPS {
        let loss: Tensor<1> = (network.forward_map(x.clone(), mode) - target.clone()).square().mean();
        let gradients = network.gradients(&mut loss.backward());
        losses.push(values(loss)[0]);
        network.replace(|path, values| {
            let Some(gradient) = gradients.iter().find(|gradient| gradient.path == path) else { return };
            values
                .iter_mut()
                .zip(&gradient.values)
                .for_each(|(value, derivative)| *value -= RATE * derivative);
        });
    }
    losses
}

fn with(spec: &NetworkSpec, up: &UpsampleConfig, down: &DownsampleConfig) -> NetworkSpec {
    NetworkSpec { downsample: Some(down.clone()), upsample: Some(up.clone()), ..spec.clone() }
}

#[test]
fn every_pair_learns_in_a_u_net_at_odd_sizes() {
    let device = Device::flex().autodiff();
    let u_net = read("architecture = { u_net = { depth = 1, channels = 4, convolutions = 1 } }");
    let autoencoder = read("architecture = { autoencoder = { channels = 4 } }");
    let pairs = tested_pairs();
    assert!(pairs.len() > 250, "{}", pairs.len());
    for (up, down) in pairs {
        let spec = with(&u_net, &up, &down);
        // Between the kept map and the convolution before it no stride can be folded in; without skips it can.
        let spec = if down.name() == "folded_stride" {
            assert!(
                matches!(spec.stages(3), Err(DescriptionError::Operator(OperatorError::Misplaced { .. }))),
                "{:?}",
                spec.stages(3)
            );
            with(&autoencoder, &up, &down)
        } else {
            spec
        };
        let losses = losses(network(&spec, 3, [MAP[2], MAP[3]], &device), &device);
        let falls = losses.windows(2).all(|pair| pair[1] < pair[0]);
        assert!(falls, "{up:?} after {down:?}: {losses:?}");
    }
}

#[test]
fn the_choice_of_phases_learns_through_both_of_its_uses() {
    let device = Device::flex().autodiff();
    let spec = read(
        "architecture = { u_net = { depth = 1, channels = 4 } }\n\
         downsample = { learned_polyphase = {} }\nupsample = { polyphase_unpool = {} }",
    );
    let stages = spec.stages(3).unwrap();
    let chooser = stages.iter().position(|stage| stage.label() == "learned_polyphase").unwrap();
    let network = network(&spec, 3, [9, 7], &device);
    let y = network.forward_map(noise_images(1, MAP, &device), Mode::Train { seed: 1, step: 3 });
    let of_scorer: Vec<_> = network
        .gradients(&mut y.square().mean().backward())
        .into_iter()
        .filter(|gradient| {
            gradient.path.starts_with(&format!("features.{chooser}.")) && gradient.path.ends_with("weight")
        })
        .collect();
    assert_eq!(of_scorer.len(), 2);
    assert!(of_scorer.iter().all(|gradient| gradient.values.iter().any(|value| value.abs() > 1e-7)));
}

#[test]
fn pairs_that_lose_nothing_rebuild_every_image_without_being_trained() {
    let device = Device::flex();
    for (up, down, bound) in [
        ("pixel_shuffle = {}", "pixel_unshuffle = {}", 0.0),
        ("inverse_haar = {}", "haar_wavelet = {}", 1e-6),
        ("inverse_haar = {}", "haar_low_pass = {}", 1e-6),
    ] {
        for depth in 1..=3 {
            let spec = read(&format!(
                "architecture = {{ autoencoder = {{ depth = {depth}, convolutions = 0 }} }}\n\
                 downsample = {{ {down} }}\nupsample = {{ {up} }}"
            ));
            let x = noise_images(2, [2, 3, 23, 30], &device);
            let y = network(&spec, 3, [23, 30], &device).forward_map(x.clone(), Mode::Evaluate);
            let error = values((y - x).abs().max())[0];
            assert!(error <= bound * depth as f32, "{up} after {down}, {depth} times: {error:e}");
        }
    }
}

#[test]
fn impossible_pairs_are_refused_with_the_reason() {
    for (text, reason) in [
        (
            "architecture = { u_net = {} }\ndownsample = { strided_conv = {} }\nupsample = { max_unpool = {} }",
            "the positions of the maxima, which are not available; it can be paired with max_pool, conv_pool",
        ),
        (
            "architecture = { u_net = {} }\ndownsample = { strided_conv = { stride = 3 } }",
            "`upsample = transposed_conv` cannot be paired with `downsample = strided_conv`",
        ),
        ("architecture = { u_net = {} }\ndownsample = { folded_stride = {} }", "its map is kept for a skip"),
        (
            "architecture = { autoencoder = { convolutions = 0 } }\ndownsample = { average_pool = {} }\nupsample = { pixel_shuffle = {} }",
            "12 channels must enter for 3 to leave, not 3",
        ),
        (
            "architecture = { edsr = { scale = 3 } }\nupsample = { pixel_shuffle = { expand = 3 } }",
            "of which the scale is a power",
        ),
        ("architecture = { edsr = { scale = 2 } }\nupsample = { max_unpool = {} }", "the head has none"),
        (
            "architecture = { edsr = { scale = 2 } }\ndownsample = { max_pool = {} }",
            "`edsr` reduces no resolution",
        ),
        (
            "architecture = { springenberg = { base = \"c\" } }\nupsample = { carafe = {} }",
            "this architecture enlarges nothing",
        ),
    ] {
        let error = walk(&read(text), [3, 64, 64], 3).unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}
