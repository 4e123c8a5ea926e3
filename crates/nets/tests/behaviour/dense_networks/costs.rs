//! Cost: networks matched to each other, and what the U-Net of its paper costs.

use allconv_nets::{
    CostMatch, CostQuantity, DownsampleConfig, MATCH_TOLERANCE, NetworkSpec, UpsampleConfig, models, walk,
};
use allconv_operators::upsample::Carafe;

use super::read;

const INPUT: [usize; 3] = [3, 32, 32];

fn matched_ratio(spec: NetworkSpec, baseline: &NetworkSpec, quantity: CostQuantity) -> f64 {
    let wanted = CostMatch { quantity, net: baseline.clone() };
    let request = NetworkSpec { match_cost: Some(Box::new(wanted)), ..spec.clone() };
    let matched = request.matched(INPUT, 3).unwrap_or_else(|error| panic!("{spec:?} {quantity:?}: {error}"));
    let cost = |spec: &NetworkSpec| {
        let walk = walk(spec, INPUT, 3).unwrap();
        match quantity {
            CostQuantity::Macs => walk.macs() as f64,
            CostQuantity::Parameters => walk.parameters() as f64,
        }
    };
    cost(&matched) / cost(baseline)
}

#[test]
fn a_u_net_with_any_operators_can_cost_what_the_baseline_costs_within_one_per_cent() {
    for text in [
        "architecture = { u_net = { depth = 2, channels = 16 } }",
        "architecture = { u_net = { depth = 2, channels = 16, norm = \"group\", blocks = \"residual\" } }",
        "architecture = { super_resolution_u_net = { scale = 2, channels = 16 } }",
    ] {
        let baseline = read(text);
        let resize = UpsampleConfig::named("resize_conv").unwrap().remove(0);
        for name in DownsampleConfig::NAMES.iter().filter(|name| **name != "folded_stride") {
            let operator = DownsampleConfig::named(name).unwrap().remove(0);
            let spec = NetworkSpec {
                downsample: Some(operator),
                upsample: Some(resize.clone()),
                ..baseline.clone().with_width(0.7)
            };
            let ratio = matched_ratio(spec, &baseline, CostQuantity::Macs);
            assert!((ratio - 1.0).abs() <= MATCH_TOLERANCE, "{name}: {ratio}");
        }
        for name in UpsampleConfig::NAMES {
            // The small net of the default alone has more weights than these networks.
            let small = Carafe { kernel: 3, encoder_kernel: 1, hidden: 4, ..Carafe::default() };
            let operator = match *name {
                "carafe" => small.into(),
                name => UpsampleConfig::named(name).unwrap().remove(0),
            };
            let spec = NetworkSpec {
                downsample: Some(operator.partners()[0].clone()),
                upsample: Some(operator),
                ..baseline.clone().with_width(0.7)
            };
            let ratio = matched_ratio(spec, &baseline, CostQuantity::Parameters);
            assert!((ratio - 1.0).abs() <= MATCH_TOLERANCE, "{name}: {ratio}");
        }
    }
}

#[test]
fn heads_and_depths_of_edsr_and_the_autoencoder_can_be_matched_too() {
    let edsr = read("architecture = { edsr = { scale = 2, blocks = 4, channels = 16 } }");
    for name in ["transposed_conv", "resize_conv", "blur_upsample"] {
        let operator = UpsampleConfig::named(name).unwrap().remove(0);
        let spec = NetworkSpec { upsample: Some(operator), ..edsr.clone() };
        let ratio = matched_ratio(spec, &edsr, CostQuantity::Macs);
        assert!((ratio - 1.0).abs() <= MATCH_TOLERANCE, "{name}: {ratio}");
    }
    let autoencoder = read("architecture = { autoencoder = { channels = 24, convolutions = 2 } }");
    let spec = NetworkSpec {
        downsample: Some(DownsampleConfig::named("strided_conv").unwrap().remove(0)),
        ..autoencoder.clone()
    };
    let ratio = matched_ratio(spec, &autoencoder, CostQuantity::Macs);
    assert!((ratio - 1.0).abs() <= MATCH_TOLERANCE, "{ratio}");
}

#[test]
fn the_u_net_and_the_edsr_baseline_have_as_many_parameters_as_published() {
    let parameters = |name: &str, input, outputs| {
        walk(&models::named(name).unwrap(), input, outputs).unwrap().parameters()
    };
    // Convolutions 9·c·c' + c', up-convolutions 4·c·c' + c': the sum over the figure of arXiv 1505.04597.
    assert_eq!(parameters("u_net", [1, 512, 512], 2), 31_030_658);
    // "1.37M" of EDSR baseline ×2 in arXiv 1707.02921, without the two fixed mean shifts.
    assert_eq!(parameters("edsr_baseline", [3, 48, 48], 3), 1_369_859);
}
