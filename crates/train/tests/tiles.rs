//! Every operator in tiles: the map of the whole picture, refused with the stage that depends on the whole, or one of those that are known to
//! differ, which `docs/dense-tasks.md` names.

use std::collections::BTreeSet;

use allconv_data::ImageShape;
use allconv_nets::{DownsampleConfig, Engine, Network, NetworkSpec, UpsampleConfig, walk};
use allconv_train::{Tiling, TilingError, run_map};
use burn::tensor::Device;

/// Tiles and whole pictures take different kernels near their borders: the largest difference relative to the largest value of the map.
const BOUND: f32 = 2e-5;

/// Operators whose values depend on the whole map.
const GLOBAL: [&str; 7] = [
    "adaptive_polyphase",
    "diff_stride",
    "fractional_max_pool",
    "learned_polyphase",
    "polyphase_unpool",
    "spectral_pool",
    "spectral_upsample",
];

/// Operators of which a setting differs in tiles: circular borders are those of the whole map, a resizing operator of odd sizes has the ratio
/// of the whole map, and the borders of enlarged maps reach further than their receptive fields say.
const DIFFER: [&str; 8] = [
    "antialiased_resize",
    "average_blur_pool",
    "blur_pool",
    "blur_upsample",
    "conv_blur_pool",
    "max_blur_pool",
    "resize_conv",
    "transposed_conv",
];

/// Returns the largest difference between the map in one piece and in tiles, `None` where the network takes no such picture.
fn difference(spec: &NetworkSpec, [height, width]: [usize; 2]) -> Option<Result<f32, TilingError>> {
    let shape = ImageShape { height, width, channels: 3 };
    let trained = walk(spec, [3, 32, 32], 3).ok()?;
    // Parameters for each position of a map belong to one size.
    let other = walk(spec, [3, height, width], 3).ok()?;
    if other.parameters() != trained.parameters() {
        return None;
    }
    let tiling = match Tiling::new(&trained, 32) {
        Ok(tiling) => tiling,
        Err(error) => return Some(Err(error)),
    };
    let device = Device::flex();
    let network = Network::initialise(spec, [3, 32, 32], 3, 1, Engine::detect(), &device).ok()?;
    let input: Vec<f32> =
        (0..shape.len()).map(|place| ((place * 7919) % 1009) as f32 / 1009.0 - 0.5).collect();
    let whole = run_map(&network, &input, shape, None, &device);
    let tiled = run_map(&network, &input, shape, Some(tiling), &device);
    assert_eq!(whole.shape, tiled.shape);
    let largest = whole.values.iter().fold(f32::MIN_POSITIVE, |largest, value| largest.max(value.abs()));
    let differences = whole.values.iter().zip(&tiled.values).map(|(a, b)| (a - b).abs());
    Some(Ok(differences.fold(0.0, f32::max) / largest))
}

#[test]
fn every_operator_gives_the_map_of_the_whole_picture_or_is_refused() {
    let plain: NetworkSpec =
        toml::from_str("architecture = { u_net = { depth = 2, channels = 4 } }").unwrap();
    let down = DownsampleConfig::examples().into_iter().map(|operator| {
        let name = operator.name();
        (name, NetworkSpec { downsample: Some(operator), ..plain.clone() })
    });
    let up = UpsampleConfig::examples().into_iter().filter_map(|operator| {
        let name = operator.name();
        let downsample = Some(operator.partners().into_iter().next()?);
        Some((name, NetworkSpec { downsample, upsample: Some(operator), ..plain.clone() }))
    });
    let (mut exact, mut global, mut faults) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for (name, spec) in down.chain(up) {
        for size in [[101, 83], [96, 72]] {
            match difference(&spec, size) {
                None => {}
                Some(Ok(found)) if found <= BOUND => {
                    exact.insert(name);
                }
                Some(Ok(_)) if DIFFER.contains(&name) => {}
                Some(Ok(found)) => {
                    faults.push(format!("{name} at {size:?}: {found:e}, {:?}", spec.downsample))
                }
                Some(Err(TilingError::Global { .. })) => {
                    global.insert(name);
                }
                // The coarsest map has other steps.
                Some(Err(TilingError::Size { .. })) => {}
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    println!("in tiles: {exact:?}; refused: {global:?}");
    assert!(global.is_subset(&BTreeSet::from(GLOBAL)), "{global:?}");
    let all = DownsampleConfig::NAMES.iter().chain(UpsampleConfig::NAMES);
    let left_out: Vec<&&str> =
        all.filter(|name| !exact.contains(**name) && !global.contains(**name)).collect();
    // Four belong to maps of one size, two need the convolutions of a plain network.
    let others =
        ["fractional_max_pool", "folded_stride", "ada_pool", "spectral_pool", "diff_stride", "dilation"];
    assert!(left_out.into_iter().eq(&others));
}
