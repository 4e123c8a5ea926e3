//! The networks that are lowered, with parameters moved from their start: every operator alone, every named network made narrow. The example
//! `lowered_operators` of the crate `exchange` writes the same as models.

use allconv_nets::{
    ActivationKind, Border, ConvolutionSpec, DownsampleConfig, Engine, Initialisation, Network, Parameter,
    Slot, StageSpec, Target, UpsampleConfig, UpsampleSpec, Walk, models, walk, walk_stages,
};
use allconv_random::philox4x32;
use burn::tensor::Device;

/// Channels of the maps of operators.
const CHANNELS: usize = 4;

/// Returns numbers in [−1, 1), the same for the same seed.
pub(crate) fn noise(seed: u32, count: usize) -> Vec<f64> {
    (0..count)
        .map(|index| f64::from(philox4x32([seed, 0], [index as u32, 0, 0, 0])[0]) / 2_147_483_648.0 - 1.0)
        .collect()
}

/// Returns a network of the walk whose parameters have been moved from their start; variances stay positive.
pub(crate) fn moved_network(walk: &Walk) -> Network {
    let mut network = Network::from_walk(walk, Initialisation::He, 3, Engine::detect(), &Device::flex());
    let moved = |(index, mut parameter): (usize, Parameter)| {
        let moves = noise(index as u32 + 100, parameter.values.len());
        let is_variance = parameter.path.ends_with("running_var");
        parameter.values.iter_mut().zip(moves).for_each(|(value, noise)| {
            *value += 0.3 * if is_variance { noise.abs() } else { noise } as f32;
        });
        parameter
    };
    let parameters = network.parameters().into_iter().enumerate().map(moved).collect();
    network.load_parameters(parameters).expect("the network's own parameters");
    network
}

/// Returns the network of a downsampling operator, with the convolution that a dilation needs; `None` where it does not fit this size.
pub(crate) fn downsampling(size: [usize; 2], operator: &DownsampleConfig) -> Option<Walk> {
    walk_of(size, |stages| {
        let dilation = Slot::new(stages, CHANNELS, ActivationKind::Relu).place(operator).ok()?;
        if dilation > 1 {
            let convolution = ConvolutionSpec::square(CHANNELS, 3, 1, Border::same(3)).dilated(dilation);
            stages.push(StageSpec::Convolution(convolution));
        }
        Some(())
    })
}

/// Returns the network of an upsampling operator behind its partner, with as many channels as it can give.
pub(crate) fn upsampling(
    size: [usize; 2],
    operator: &UpsampleConfig,
    partner: &DownsampleConfig,
) -> Option<Walk> {
    (1..=CHANNELS).rev().find_map(|channels_out| {
        walk_of(size, |stages| {
            stages.push(StageSpec::Target(Target::Before(partner.clone())));
            Slot::new(stages, CHANNELS, ActivationKind::Relu).place(partner).ok()?;
            stages.push(StageSpec::Upsample(UpsampleSpec { operator: operator.clone(), channels_out }));
            Some(())
        })
    })
}

/// Returns the stages that `place` leaves, alone where they can be, else behind a convolution.
fn walk_of([height, width]: [usize; 2], place: impl Fn(&mut Vec<StageSpec>) -> Option<()>) -> Option<Walk> {
    let convolution = StageSpec::Convolution(ConvolutionSpec::square(CHANNELS, 1, 1, Border::NONE));
    [Vec::new(), vec![convolution]].into_iter().find_map(|mut stages| {
        place(&mut stages)?;
        let walk = walk_stages(&stages, [CHANNELS, height, width]).ok();
        walk.filter(|walk| !walk.stages.is_empty())
    })
}

/// Returns the first partner of an operator, and the first of each kind of switches that it takes.
pub(crate) fn partners(operator: &UpsampleConfig) -> Vec<DownsampleConfig> {
    let mut chosen: Vec<DownsampleConfig> = Vec::new();
    for partner in operator.partners() {
        let is_new = chosen.iter().all(|known| known.switches() != partner.switches());
        if chosen.is_empty() || (is_new && operator.takes(partner.switches())) {
            chosen.push(partner);
        }
    }
    chosen
}

/// Returns a named network, narrow, for images of two heights and widths.
pub(crate) fn named(name: &str) -> [([usize; 2], Walk); 2] {
    let (factor, sizes) = match name {
        "large_all_cnn" => (0.02, [[126, 126], [131, 126]]),
        "all_cnn_imagenet" => (0.03, [[96, 96], [101, 97]]),
        "u_net" => (0.06, [[32, 32], [48, 16]]),
        "autoencoder" | "sr_u_net" => (0.06, [[16, 16], [24, 8]]),
        "edsr_baseline" => (0.06, [[12, 12], [9, 7]]),
        "vgg11" | "vgg11_bn" | "vgg16" | "vgg16_bn" => (0.016, [[224, 224], [256, 224]]),
        name if name.starts_with("resnet") => (0.07, [[32, 32], [33, 27]]),
        _ => (0.05, [[32, 32], [19, 16]]),
    };
    let model = models::find(name).expect("a named network");
    let spec = models::named(name).expect("a named network").with_width(factor).resolved();
    sizes.map(|size| {
        let walk = walk(&spec, [model.input[0], size[0], size[1]], model.classes.min(5));
        (size, walk.unwrap_or_else(|error| panic!("{name} at {size:?}: {error}")))
    })
}
