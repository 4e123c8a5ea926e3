//! Tests that walk the registry, so that no operator escapes them.

use allconv_kernels::Engine;
use burn::tensor::Device;

use super::{DownsampleConfig, Slot};
use crate::initialise::Initialisation;
use crate::network::{Mode, Network};
use crate::stage::{ActivationKind, Border, ConvolutionSpec, StageSpec};
use crate::tests::{gradient_error, noise, noise_tensor};
use crate::walk::{Walk, walk_stages};

/// Channels that enter the slot.
const CHANNELS: usize = 3;
/// Bound on the relative error of gradients in f64: central differences with step 1e-6 leave about 1e-9.
const GRADIENT_BOUND: f64 = 1e-6;

/// A 3×3 convolution from two channels with ReLU, then the operator in the slot.
fn stages(operator: &DownsampleConfig) -> Vec<StageSpec> {
    let convolution = ConvolutionSpec::square(CHANNELS, 3, 1, Border::same(3));
    let mut stages = vec![StageSpec::Convolution(convolution), StageSpec::Activation(ActivationKind::Relu)];
    operator.place(&mut Slot::new(&mut stages, CHANNELS, ActivationKind::Relu)).unwrap();
    stages
}

/// Biases that are not zero, since a ReLU whose inputs are all zero would otherwise stand exactly at its kink.
fn network(walk: &Walk, device: &Device) -> Network {
    let mut network = Network::from_walk(walk, Initialisation::He, 5, Engine::detect(), device);
    network.replace(|path, values| {
        if path.ends_with("bias") {
            values.iter_mut().zip(noise(3, CHANNELS)).for_each(|(bias, value)| *bias = 0.2 * value as f32);
        }
    });
    network
}

#[test]
fn every_operator_has_examples_and_its_name_reads_back() {
    for name in DownsampleConfig::NAMES {
        let of_name: Vec<_> =
            DownsampleConfig::examples().into_iter().filter(|example| example.name() == *name).collect();
        assert!(!of_name.is_empty(), "{name} has no examples");
        for example in of_name {
            #[derive(Debug, serde::Serialize, serde::Deserialize)]
            struct Arm {
                downsample: DownsampleConfig,
            }
            let text = toml::to_string(&Arm { downsample: example.clone() }).unwrap();
            assert!(text.contains(name), "{text}");
            assert_eq!(toml::from_str::<Arm>(&text).unwrap().downsample, example);
        }
        let empty: DownsampleConfig = toml::from_str::<std::collections::BTreeMap<String, DownsampleConfig>>(
            &format!("downsample = {{ {name} = {{}} }}"),
        )
        .unwrap()
        .remove("downsample")
        .unwrap();
        assert!(empty.check().is_ok(), "the default of {name} is refused");
    }
}

#[test]
fn every_side_from_1_to_17_becomes_its_quotient_by_the_stride_rounded_up() {
    let device = Device::flex();
    for operator in DownsampleConfig::examples() {
        let stages = stages(&operator);
        for height in 1..=17 {
            for width in 1..=17 {
                let walk = walk_stages(&stages, [2, height, width]).unwrap();
                let last = walk.stages.last().unwrap();
                let stride = last.jump;
                let expected = [height.div_ceil(stride), width.div_ceil(stride)];
                assert_eq!(last.output[1..], expected, "{operator:?} on {height}×{width}");

                let images = noise_tensor(1, [1, 2, height, width], &device).cast(burn::tensor::DType::F32);
                let trace = network(&walk, &device).forward_traced(images, Mode::Evaluate);
                for (stage, output) in walk.stages.iter().zip(trace.stages) {
                    let [_, sizes @ ..] = output.dims();
                    assert_eq!(
                        sizes,
                        stage.output,
                        "{operator:?}, {} on {height}×{width}",
                        stage.stage.label()
                    );
                }
            }
        }
    }
}

#[test]
fn gradients_agree_with_central_differences() {
    let device = Device::flex().autodiff();
    let shapes =
        [[1, 2, 1, 1], [2, 2, 1, 2], [1, 2, 2, 3], [2, 2, 3, 3], [1, 2, 4, 4], [2, 2, 5, 4], [1, 2, 7, 6]];
    for operator in DownsampleConfig::examples() {
        let mut stages = stages(&operator);
        stages.push(StageSpec::GlobalAverage);
        for shape in shapes {
            let walk = walk_stages(&stages, [shape[1], shape[2], shape[3]]).unwrap();
            let error = gradient_error(&network(&walk, &device), shape, Mode::Evaluate, |gradient| gradient);
            assert!(error < GRADIENT_BOUND, "{operator:?} on {shape:?}: {error:e}");
        }
    }
}

#[test]
fn a_gradient_that_is_one_in_a_thousand_off_is_caught() {
    let device = Device::flex().autodiff();
    for operator in DownsampleConfig::examples() {
        let mut stages = stages(&operator);
        stages.push(StageSpec::GlobalAverage);
        let walk = walk_stages(&stages, [2, 4, 4]).unwrap();
        let network = network(&walk, &device);
        for distort in
            [|gradient: f64| 1.001 * gradient, |gradient: f64| gradient.abs(), |gradient: f64| -gradient]
        {
            let error = gradient_error(&network, [2, 2, 4, 4], Mode::Evaluate, distort);
            assert!(error > 100.0 * GRADIENT_BOUND, "{operator:?}: {error:e}");
        }
    }
}

#[test]
fn settings_out_of_range_are_refused_with_their_path() {
    for text in
        ["max_pool = { kernel = 0 }", "strided_conv = { stride = 0 }", "pixel_unshuffle = { factor = 65 }"]
    {
        let config: DownsampleConfig =
            toml::from_str::<std::collections::BTreeMap<String, DownsampleConfig>>(&format!(
                "downsample = {{ {text} }}"
            ))
            .unwrap()
            .remove("downsample")
            .unwrap();
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains("downsample.") && error.contains("from 1 to 64"), "{error}");
    }
}
