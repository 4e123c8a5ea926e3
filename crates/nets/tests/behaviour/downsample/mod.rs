//! Tests of every downsampling operator of the registry.

mod equivalences;
mod golden;
mod gradients;
mod hostile;
mod properties;
mod shapes;
mod signal_rules;

use allconv_nets::{
    ActivationKind, Border, ConvolutionSpec, DownsampleConfig, Engine, Initialisation, Mode, Network,
    SignalRules, Slot, StageSpec, walk_stages,
};
use burn::tensor::{Device, Tensor};

use crate::support::noise;

/// Returns an operator of the registry after a 1×1 identity convolution, which some operators need before them.
fn alone(operator: &DownsampleConfig, channels: usize) -> Vec<StageSpec> {
    let mut stages = vec![StageSpec::Convolution(ConvolutionSpec::square(channels, 1, 1, Border::NONE))];
    Slot::new(&mut stages, channels, ActivationKind::Relu).place(operator).unwrap();
    stages
}

/// Returns the network of [`alone`] for an input of these channels, rows and columns; `None` where the operator refuses it.
/// The parameters of the operator start as they do, plus `moved` times noise.
fn network(operator: &DownsampleConfig, input: [usize; 3], moved: f64, device: &Device) -> Option<Network> {
    let walk = walk_stages(&alone(operator, input[0]), input).ok()?;
    let mut network = Network::from_walk(&walk, Initialisation::He, 5, Engine::detect(), device);
    network.replace(|path, values| match path {
        "features.0.weight" => {
            values.iter_mut().enumerate().for_each(|(index, value)| {
                *value = f32::from(u8::from(index % (input[0] + 1) == 0));
            });
        }
        "features.0.bias" => values.fill(0.0),
        _ => {
            let noise = noise(path.len() as u32, values.len());
            values.iter_mut().zip(noise).for_each(|(value, noise)| *value += (moved * noise) as f32);
        }
    });
    Some(network)
}

/// Returns the output of the operator alone for `x`.
fn output(network: &Network, x: Tensor<4>, mode: Mode) -> Tensor<4> {
    network.forward_traced(x, mode, SignalRules::GRADIENT).stages.pop().unwrap()
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
        assert!(read(&format!("{name} = {{}}")).check().is_ok(), "the default of {name} is refused");
    }
}

#[test]
fn an_unknown_name_is_refused_with_the_nearest() {
    let error = DownsampleConfig::named("maxpool").unwrap_err().to_string();
    assert!(error.contains("`max_pool`"), "{error}");
    assert_eq!(DownsampleConfig::named("dilation").unwrap().len(), 1);
}

#[test]
fn the_first_example_of_an_operator_is_its_default() {
    for name in DownsampleConfig::NAMES {
        let first = DownsampleConfig::examples().into_iter().find(|example| example.name() == *name).unwrap();
        assert_eq!(first, read(&format!("{name} = {{}}")));
    }
}

#[test]
fn every_description_is_filled_in() {
    for operator in DownsampleConfig::examples() {
        let description = operator.description();
        for (field, text) in [
            ("statement", description.statement),
            ("formula", description.formula),
            ("shape", description.shape),
            ("boundary", description.boundary),
            ("cost", description.cost),
            ("source", description.source),
        ] {
            assert!(text.len() > 3, "{} has no {field}", operator.name());
            assert!(!text.contains("  "), "{}: {field} holds two spaces: {text}", operator.name());
        }
    }
}

/// Returns an operator as a study file writes it: `name = { … }`.
fn read(text: &str) -> DownsampleConfig {
    let wrapped = format!("downsample = {{ {text} }}");
    toml::from_str::<std::collections::BTreeMap<String, DownsampleConfig>>(&wrapped)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .remove("downsample")
        .unwrap()
}

#[test]
fn settings_out_of_range_are_refused_with_their_path() {
    for (text, range) in [
        ("max_pool = { kernel = 0 }", "from 1 to 64"),
        ("strided_conv = { stride = 0 }", "from 1 to 64"),
        ("pixel_unshuffle = { factor = 65 }", "from 1 to 64"),
        ("p_norm_pool = { p = 0.5 }", "at least 1"),
        ("p_norm_pool = { p = nan }", "at least 1"),
        ("learned_p_norm_pool = { initial_p = 1.0 }", "above 1"),
        ("log_sum_exp_pool = { sharpness = 0.0 }", "above 0"),
        ("fractional_max_pool = { ratio = 1.0 }", "above 1"),
        ("blur_pool = { taps = 8 }", "from 1 to 7"),
        ("spectral_pool = { stride = 0.5 }", "from 1 to 64"),
        ("diff_stride = { smoothness = 0.0 }", "above 0"),
        ("learned_polyphase = { temperature = 0.0 }", "above 0"),
    ] {
        let error = read(text).check().unwrap_err().to_string();
        assert!(error.contains("downsample.") && error.contains(range), "{error}");
    }
}
