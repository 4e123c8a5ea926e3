//! Tests of every upsampling operator of the registry.

mod golden;
mod gradients;
mod hostile;
mod inverses;
mod pairs;
mod properties;
mod shapes;

use allconv_kernels::Activation;
use allconv_nets::{
    ActivationKind, Border, ConvolutionSpec, DownsampleConfig, Engine, Initialisation, Mode, Network, Slot,
    StageSpec, SwitchKind, Switches, UpsampleConfig, walk_stages,
};
use allconv_operators::parameters::{in_double_precision, replaced};
use allconv_operators::{Destination, Enlargement, OperatorLayer, ParameterSource, Pass};
use burn::tensor::{DType, Device, Tensor};

use crate::support::{noise, noise_images};

/// Channels that enter an operator to which their number is all the same.
const FREE_CHANNELS: usize = 3;

/// An operator after a partner that reduced a map of noise.
struct Place {
    enlargement: Enlargement,
    module: OperatorLayer<UpsampleConfig>,
    switches: Switches,
    batch: usize,
}

impl Place {
    /// Returns the operator after `partner`, which reduced a map `[n, c, h, w]`; `None` where the partner refuses it.
    /// Parameters start as they do, plus `moved` times noise.
    fn new(
        operator: &UpsampleConfig,
        partner: &DownsampleConfig,
        map @ [batch, channels, height, width]: [usize; 4],
        moved: f64,
        device: &Device,
    ) -> Option<Self> {
        let reduced = reduced(partner, noise_images(7, map, device), device)?;
        let [_, _, rows, columns] = reduced.0.dims();
        let output = [channels, height, width];
        let kind = partner.switches();
        let channels_in = operator.channels_in(channels, kind).unwrap_or(FREE_CHANNELS);
        let enlargement = Enlargement { input: [channels_in, rows, columns], output, switches: kind };
        let module = moved_module(operator.layer(&enlargement, &source(device)), moved);
        // Constants: the computation of the switches is not part of the operator.
        let switches = match reduced.1 {
            Switches::Details(details) => Switches::Details(details.detach()),
            other => other,
        };
        Some(Self { enlargement, module, switches, batch })
    }

    /// Returns the shape of a batch that enters.
    fn input(&self) -> [usize; 4] {
        let [channels, rows, columns] = self.enlargement.input;
        [self.batch, channels, rows, columns]
    }

    fn size(&self) -> [usize; 2] {
        [self.enlargement.output[1], self.enlargement.output[2]]
    }

    fn output(&self, x: Tensor<4>) -> Tensor<4> {
        up(&self.module, x, self.size(), &self.switches)
    }

    /// Returns the same place for f64 maps.
    fn in_double_precision(self) -> Self {
        let switches = match self.switches {
            Switches::Details(details) => Switches::Details(details.cast(DType::F64)),
            other => other,
        };
        Self { module: in_double_precision(self.module), switches, ..self }
    }
}

/// Returns the output of a module for `x` in evaluation.
fn up(
    module: &OperatorLayer<UpsampleConfig>,
    x: Tensor<4>,
    size: [usize; 2],
    switches: &Switches,
) -> Tensor<4> {
    let to = Destination { size, switches, activation: Activation::Identity };
    module.forward(x, &to, &Pass::evaluate(&Engine::detect()))
}

fn source(device: &Device) -> ParameterSource<'_> {
    ParameterSource { initialisation: Initialisation::He, seed: 3, path: "up".to_owned(), device }
}

fn moved_module(module: OperatorLayer<UpsampleConfig>, moved: f64) -> OperatorLayer<UpsampleConfig> {
    let rule = |path: &str, values: &mut Vec<f32>| {
        let noise = noise(path.len() as u32, values.len());
        values.iter_mut().zip(noise).for_each(|(value, noise)| *value += (moved * noise) as f32);
    };
    replaced(module, rule)
}

/// Returns the stages of `partner` after a convolution, which some operators need before them, for maps of these channels, rows and
/// columns.
fn network_of(partner: &DownsampleConfig, input: [usize; 3], device: &Device) -> Option<Network> {
    let mut stages = vec![StageSpec::Convolution(ConvolutionSpec::square(input[0], 1, 1, Border::NONE))];
    Slot::new(&mut stages, input[0], ActivationKind::Relu).place(partner).unwrap();
    let walk = walk_stages(&stages, input).ok()?;
    Some(Network::from_walk(&walk, Initialisation::He, 5, Engine::detect(), device))
}

/// Returns the output of `partner` for `map`, and its switches; `None` where it refuses the size.
fn reduced(partner: &DownsampleConfig, map: Tensor<4>, device: &Device) -> Option<(Tensor<4>, Switches)> {
    let [_, channels, height, width] = map.dims();
    let network = network_of(partner, [channels, height, width], device)?;
    let (y, switches) = network.forward_with_switches(map, Mode::Evaluate);
    Some((y, switches.into_iter().next_back().unwrap_or(Switches::None)))
}

/// Returns a partner to be tested with: the first of the registry, and where switches are needed or used one of each operator
/// that returns them.
fn tested_partners(operator: &UpsampleConfig) -> Vec<DownsampleConfig> {
    let wanted = |kind| match operator.needs() {
        SwitchKind::None => kind == SwitchKind::Details,
        needed => kind == needed,
    };
    let partners = operator.partners();
    let mut tested = vec![partners[0].clone()];
    for partner in partners {
        if wanted(partner.switches()) && tested.iter().all(|known| known.name() != partner.name()) {
            tested.push(partner);
        }
    }
    tested
}

/// Returns an operator as a study file writes it: `name = { … }`.
fn read(text: &str) -> UpsampleConfig {
    let wrapped = format!("upsample = {{ {text} }}");
    toml::from_str::<std::collections::BTreeMap<String, UpsampleConfig>>(&wrapped)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .remove("upsample")
        .unwrap()
}

/// Returns a downsampling operator as a study file writes it.
fn read_partner(text: &str) -> DownsampleConfig {
    let wrapped = format!("downsample = {{ {text} }}");
    toml::from_str::<std::collections::BTreeMap<String, DownsampleConfig>>(&wrapped)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .remove("downsample")
        .unwrap()
}

#[test]
fn every_operator_has_examples_the_first_its_default_and_reads_back() {
    for name in UpsampleConfig::NAMES {
        let of_name: Vec<_> =
            UpsampleConfig::examples().into_iter().filter(|example| example.name() == *name).collect();
        assert_eq!(of_name[0], read(&format!("{name} = {{}}")), "{name}");
        for example in of_name {
            #[derive(Debug, serde::Serialize, serde::Deserialize)]
            struct Arm {
                upsample: UpsampleConfig,
            }
            assert!(example.check().is_ok(), "{example:?}");
            let text = toml::to_string(&Arm { upsample: example.clone() }).unwrap();
            assert!(text.contains(name), "{text}");
            assert_eq!(toml::from_str::<Arm>(&text).unwrap().upsample, example);
        }
    }
}

#[test]
fn every_description_is_filled_in() {
    for operator in UpsampleConfig::examples() {
        let description = operator.description();
        let texts = [
            description.statement,
            description.formula,
            description.shape,
            description.boundary,
            description.cost,
            description.source,
            description.note,
        ];
        for text in texts {
            assert!(text.len() > 3, "{} has an empty field in its description", operator.name());
            assert!(!text.contains("  "), "{}: two spaces: {text}", operator.name());
        }
        assert!(operator.revision() > 0);
    }
}

#[test]
fn settings_out_of_range_are_refused_with_their_path() {
    for (text, range) in [
        ("max_unpool = { kernel = 0 }", "from 1 to 64"),
        ("max_unpool = { stride = 65 }", "from 1 to 64"),
        ("pixel_shuffle = { factor = 0 }", "from 1 to 64"),
        ("pixel_shuffle = { expand = 0 }", "from 1 to 64"),
        ("transposed_conv = { stride = 0 }", "from 1 to 64"),
        ("resize_conv = { kernel = 0 }", "from 1 to 64"),
        ("blur_upsample = { taps = 8 }", "from 1 to 7"),
        ("polyphase_unpool = { blur_taps = 0 }", "from 1 to 7"),
        ("carafe = { kernel = 4 }", "odd"),
        ("carafe = { hidden = 0 }", "from 1 to 4096"),
    ] {
        let error = read(text).check().unwrap_err().to_string();
        assert!(error.contains("upsample.") && error.contains(range), "{error}");
    }
}
