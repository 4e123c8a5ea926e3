//! The pairs in use: conv, down, conv, up, conv, trained for a few steps.

use allconv_kernels::Engine;
use burn::module::Module;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

use super::{noise_images, source, tested_partners};
use crate::downsample::{DownsampleConfig, Slot};
use crate::initialise::Initialisation;
use crate::network::{Mode, Network};
use crate::parameters::{Parameter, ParameterPath, Replacer, gradients_of};
use crate::pass::Pass;
use crate::stage::{ActivationKind, Border, ConvolutionSpec, StageSpec};
use crate::switches::Switches;
use crate::upsample::{Enlargement, Upsample, UpsampleConfig};
use crate::walk::walk_stages;

const CHANNELS: usize = 4;
/// Odd sides, so that something is cut off or filled in.
const MAP: [usize; 4] = [2, 2, 9, 7];
const STEPS: u64 = 12;
const RATE: f64 = 0.02;

struct EncoderDecoder {
    encoder: Network,
    operator: UpsampleConfig,
    up: Upsample,
    decoder: Network,
}

fn network(stages: &[StageSpec], input: [usize; 3], device: &Device) -> (Network, [usize; 3]) {
    let walk = walk_stages(stages, input).unwrap();
    let output = walk.stages.last().unwrap().output;
    (Network::from_walk(&walk, Initialisation::He, 1, Engine::detect(), device), output)
}

fn convolution(channels: usize) -> StageSpec {
    StageSpec::Convolution(ConvolutionSpec::square(channels, 3, 1, Border::same(3)))
}

impl EncoderDecoder {
    fn new(operator: &UpsampleConfig, partner: &DownsampleConfig, device: &Device) -> Self {
        let [_, channels, height, width] = MAP;
        operator.check_pair(partner).unwrap();
        let relu = StageSpec::Activation(ActivationKind::Relu);
        let mut stages = vec![convolution(CHANNELS), relu.clone()];
        partner.place(&mut Slot::new(&mut stages, CHANNELS, ActivationKind::Relu)).unwrap();
        let below = operator.channels_in(CHANNELS, partner.switches()).unwrap_or(2 * CHANNELS);
        stages.extend([convolution(below), relu]);
        let (encoder, input) = network(&stages, [channels, height, width], device);
        let output = [CHANNELS, height, width];
        let enlargement = Enlargement { input, output, switches: partner.switches() };
        operator.check_shape(&enlargement).unwrap();
        let up = operator.module(&enlargement, &source(device));
        let (decoder, _) = network(&[convolution(channels)], output, device);
        Self { encoder, operator: operator.clone(), up, decoder }
    }

    /// The mean squared error of rebuilding `x` blurred.
    fn loss(&self, x: Tensor<4>, target: Tensor<4>, step: u64) -> Tensor<1> {
        let [_, _, height, width] = MAP;
        let mode = Mode::Train { seed: 1, step };
        let (small, switches) = self.encoder.forward_with_switches(x, mode);
        let switches = switches.into_iter().next_back().unwrap_or(Switches::None);
        let engine = Engine::detect();
        let large = self.up.forward(small, [height, width], &switches, &Pass::evaluate(&engine));
        let large = if self.operator.mixes_channels() { relu(large) } else { large };
        let (y, _) = self.decoder.forward_with_switches(large, mode);
        (y - target).square().mean()
    }

    fn descend(&mut self, loss: &Tensor<1>) {
        let mut gradients = loss.backward();
        let of_encoder = self.encoder.gradients(&mut gradients);
        let of_up = gradients_of(&self.up, &mut gradients);
        let of_decoder = self.decoder.gradients(&mut gradients);
        self.encoder.replace(|path, values| step(path, values, &of_encoder));
        self.decoder.replace(|path, values| step(path, values, &of_decoder));
        let rule = |path: &str, values: &mut Vec<f32>| step(path, values, &of_up);
        self.up = self.up.clone().map(&mut Replacer { path: ParameterPath::default(), rule });
    }
}

fn step(path: &str, values: &mut [f32], gradients: &[Parameter]) {
    if let Some(gradient) = gradients.iter().find(|gradient| gradient.path == path) {
        let pairs = values.iter_mut().zip(&gradient.values);
        pairs.for_each(|(value, slope)| *value -= RATE as f32 * slope);
    }
}

#[test]
fn every_pair_trains_in_an_encoder_decoder() {
    let device = Device::flex().autodiff();
    let x = noise_images(1, MAP, &device);
    let target = (x.clone() + x.clone().roll(&[1, 1], &[2, 3])) * 0.5;
    for operator in UpsampleConfig::examples() {
        for partner in tested_partners(&operator) {
            let mut net = EncoderDecoder::new(&operator, &partner, &device);
            let mut losses = Vec::new();
            for _ in 0..STEPS {
                // The draws of one step throughout: the loss is then one function of the parameters.
                let loss = net.loss(x.clone(), target.clone(), 0);
                losses.push(loss.clone().into_scalar::<f64>());
                net.descend(&loss);
            }
            let falls = losses.windows(2).all(|pair| pair[1] < pair[0]);
            assert!(falls, "{operator:?} after {partner:?}: {losses:?}");
        }
    }
}

#[test]
fn the_choice_of_phases_learns_through_both_of_its_uses() {
    let device = Device::flex().autodiff();
    let partner = super::read_partner("learned_polyphase = {}");
    let net = EncoderDecoder::new(&super::read("polyphase_unpool = {}"), &partner, &device);
    let x = noise_images(1, MAP, &device);
    let mut gradients = net.loss(x.clone(), x, 3).backward();
    let of_scorer: Vec<_> = net
        .encoder
        .gradients(&mut gradients)
        .into_iter()
        .filter(|gradient| gradient.path.starts_with("features.2.") && gradient.path.ends_with("weight"))
        .collect();
    assert_eq!(of_scorer.len(), 2);
    assert!(of_scorer.iter().all(|gradient| gradient.values.iter().any(|value| value.abs() > 1e-7)));
}
