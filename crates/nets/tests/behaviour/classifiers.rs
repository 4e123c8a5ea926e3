//! Residual networks and those of the Visual Geometry Group: every operator of the registry in their slots, names, refusals.

use allconv_nets::{
    DescriptionError, DownsampleConfig, Engine, Initialisation, Mode, Network, NetworkSpec, walk,
};
use burn::tensor::Device;

use crate::gradient_check::joint_gradient_error;
use crate::support::noise;

/// Relative bound on gradients in f64, as for the networks that return a map: central differences with steps of 1e-6.
const GRADIENT_BOUND: f64 = 1e-4;
const TRAIN: Mode = Mode::Train { seed: 3, step: 7 };

fn read(text: &str) -> NetworkSpec {
    let spec: NetworkSpec = toml::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    NetworkSpec { initialisation: Initialisation::He, ..spec }
}

fn with(text: &str, operator: &DownsampleConfig) -> NetworkSpec {
    NetworkSpec { downsample: Some(operator.clone()), ..read(text) }
}

fn network(spec: &NetworkSpec, size: usize, device: &Device) -> Result<Network, DescriptionError> {
    let mut network = Network::initialise(spec, [3, size, size], 10, 5, Engine::detect(), device)?;
    network.replace(|path, values| {
        if !path.contains("running") {
            let noise = noise(path.len() as u32, values.len());
            values.iter_mut().zip(noise).for_each(|(value, noise)| *value += (0.1 * noise) as f32);
        }
    });
    Ok(network)
}

fn gradients_agree(spec: &NetworkSpec, network: &Network, size: usize) {
    let error = joint_gradient_error(network, [2, 3, size, size], TRAIN);
    assert!(error < GRADIENT_BOUND, "{spec:?}: {error:e}");
}

#[test]
fn every_operator_stands_in_resnet20_with_right_gradients_or_is_refused_with_the_reason() {
    let device = Device::flex().autodiff();
    let (mut without_itself, mut refused) = (Vec::new(), Vec::new());
    for operator in DownsampleConfig::examples() {
        // Channels that three groups divide.
        let zeros = with("architecture = { resnet = { layers = 20, width = 0.375 } }", &operator);
        let itself = with(
            "architecture = { resnet = { layers = 20, width = 0.375, shortcut = \"operator\" } }",
            &operator,
        );
        match network(&zeros, 12, &device) {
            Ok(network) => gradients_agree(&zeros, &network, 12),
            Err(error) => {
                assert!(error.to_string().contains("shortcut"), "{operator:?}: {error}");
                without_itself.push(operator.name());
            }
        }
        match network(&itself, 12, &device) {
            Ok(network) => gradients_agree(&itself, &network, 12),
            Err(error) => {
                assert!(error.to_string().contains("set `match_size = true`"), "{operator:?}: {error}");
                refused.push(operator.name());
            }
        }
    }
    without_itself.dedup();
    // Those whose maps are not ceil(h/stride) high with every one of their settings.
    assert_eq!(
        without_itself,
        ["max_pool", "average_pool", "fractional_max_pool", "spectral_pool", "diff_stride"]
    );
    refused.dedup();
    assert_eq!(refused, ["diff_stride"]);
}

#[test]
fn every_operator_stands_in_vgg11_with_right_gradients_or_says_which_map_is_too_small() {
    let device = Device::flex().autodiff();
    let mut refused = Vec::new();
    for operator in DownsampleConfig::examples() {
        let spec =
            with("architecture = { vgg = { layers = 11, head = \"average\", width = 0.046875 } }", &operator);
        match network(&spec, 32, &device) {
            Ok(network) => gradients_agree(&spec, &network, 32),
            Err(error) => {
                assert!(error.to_string().contains("cannot process an input of"), "{operator:?}: {error}");
                refused.push(operator.name());
            }
        }
    }
    // Five reductions leave less than a window of these.
    refused.dedup();
    assert_eq!(refused, ["fractional_max_pool", "spectral_pool", "diff_stride"]);
}

#[test]
fn the_walk_counts_the_parameters_of_every_shortcut_and_head() {
    let device = Device::flex();
    for text in [
        "architecture = { resnet = { layers = 8, width = 0.25 } }",
        "architecture = { resnet = { layers = 8, width = 0.25, norm = \"none\" } }",
        "architecture = { resnet = { layers = 18, width = 0.0625, shortcut = \"average\" } }",
        "architecture = { resnet = { layers = 50, width = 0.0625, shortcut = \"operator\" } }\ndownsample = { strided_conv = {} }",
        "architecture = { vgg = { layers = 11, width = 0.03125 } }",
        "architecture = { vgg = { layers = 13, width = 0.03125, norm = \"batch\" } }\ndownsample = { conv_pool = {} }",
    ] {
        let spec = read(text);
        let counted = walk(&spec, [3, 224, 224], 10).unwrap().parameters();
        let network = Network::initialise(&spec, [3, 224, 224], 10, 0, Engine::detect(), &device).unwrap();
        let trained =
            network.parameters().into_iter().filter(|parameter| !parameter.path.contains("running"));
        assert_eq!(trained.map(|parameter| parameter.values.len() as u64).sum::<u64>(), counted, "{text}");
    }
}

#[test]
fn parameters_of_operators_are_named_beside_those_of_torchvision() {
    let device = Device::flex();
    let paths = |text: &str, size: usize| -> Vec<String> {
        let network = network(&read(text), size, &device).unwrap();
        network.parameters().into_iter().map(|parameter| parameter.path).collect()
    };
    let found = paths(
        "architecture = { resnet = { layers = 18, width = 0.0625, shortcut = \"operator\" } }\ndownsample = { strided_conv = {} }",
        64,
    );
    for path in [
        "conv1.weight",
        "maxpool.0.weight",
        "maxpool.1.running_mean",
        "layer2.0.reduction.0.bias",
        "layer2.0.conv2.weight",
        "layer2.0.downsample.0.weight",
        "layer2.0.downsample.3.weight",
        "layer2.0.downsample.4.running_var",
        "fc.weight",
    ] {
        assert!(found.iter().any(|found| found == path), "{path} is none of {found:?}");
    }
    assert!(!found.iter().any(|path| path == "layer1.0.downsample.0.weight" || path == "conv1.bias"));
    let found = paths(
        "architecture = { vgg = { layers = 11, width = 0.0625 } }\ndownsample = { strided_conv = {} }",
        224,
    );
    for path in ["features.2.0.weight", "features.3.weight", "features.18.bias", "classifier.6.weight"] {
        assert!(found.iter().any(|found| found == path), "{path} is none of {found:?}");
    }
}

#[test]
fn settings_that_cannot_be_are_refused_with_the_reason() {
    for (text, size, reason) in [
        (
            "architecture = { resnet = { layers = 19 } }",
            32,
            "`architecture.layers` is 19, but must be 8, 14, 20",
        ),
        ("architecture = { vgg = { layers = 12 } }", 224, "but must be 11, 13, 16 or 19"),
        ("architecture = { vgg = { layers = 11 } }", 32, "longer than the 1"),
        (
            "architecture = { resnet = { layers = 20 } }\ndownsample = { max_pool = { kernel = 2, stride = 2, padding = 0 } }",
            32,
            "use `shortcut = \"operator\"`",
        ),
        ("architecture = { resnet = { layers = 20 } }\nupsample = { carafe = {} }", 32, "enlarges nothing"),
        (
            "architecture = { resnet = { layers = 18, shortcut = \"zeros\" } }\ndownsample = { pixel_unshuffle = { factor = 2 } }",
            64,
            "which are fewer",
        ),
    ] {
        let error = walk(&read(text), [3, size, size], 10).unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn a_folded_stride_is_the_published_network() {
    for layers in [20, 32] {
        let published = read(&format!("architecture = {{ resnet = {{ layers = {layers} }} }}"));
        let folded = NetworkSpec {
            downsample: Some(DownsampleConfig::named("folded_stride").unwrap().remove(0)),
            ..published.clone()
        };
        assert_eq!(published.stages(10), folded.stages(10));
    }
}
