//! The runs of the micro study: three tasks, two optimisers, every accuracy class and every operator, a few steps each.

use allconv_kernels::Accuracy;
use allconv_nets::{DownsampleConfig, UpsampleConfig};
use allconv_record::Request;
use anyhow::bail;

/// The downsampling operators, in classifiers. New ones come last, as the position decides optimiser and class.
pub(super) const REDUCING: [&str; 36] = [
    "max_pool",
    "average_pool",
    "strided_conv",
    "conv_pool",
    "folded_stride",
    "pixel_unshuffle",
    "p_norm_pool",
    "learned_p_norm_pool",
    "ada_pool",
    "adaptive_polyphase",
    "antialiased_resize",
    "average_blur_pool",
    "blur_pool",
    "conv_blur_pool",
    "conv_unshuffle",
    "decimation",
    "depthwise_conv",
    "diff_stride",
    "dilation",
    "fractional_max_pool",
    "gated_pool",
    "gem_pool",
    "haar_low_pass",
    "haar_wavelet",
    "learned_polyphase",
    "local_importance_pool",
    "log_sum_exp_pool",
    "max_average_pool",
    "max_blur_pool",
    "median_pool",
    "mixed_pool",
    "patch_merging",
    "soft_pool",
    "spectral_pool",
    "stochastic_pool",
    "rank_average_pool",
];

/// The upsampling operators, each with its partner, in U-Nets. New ones come last.
pub(super) const ENLARGING: [&str; 9] = [
    "transposed_conv",
    "max_unpool",
    "pixel_shuffle",
    "resize_conv",
    "blur_upsample",
    "carafe",
    "inverse_haar",
    "polyphase_unpool",
    "spectral_upsample",
];

/// The upsampling operators in super-resolution, one for each optimiser and class.
const UPSCALING: [&str; 8] = [
    "pixel_shuffle",
    "transposed_conv",
    "resize_conv",
    "blur_upsample",
    "carafe",
    "spectral_upsample",
    "pixel_shuffle",
    "transposed_conv",
];

/// A classifier of 16×16 pixels.
const CLASSIFIER: &str = r"
[data]
dataset    = 'classes'
validation = 4
augment    = { horizontal_flip = true, translate = 2 }
[net]
architecture = { springenberg = { base = 'c', width = 0.1 } }
[train]
preset          = 'fast'
batch           = 8
label_smoothing = 0.1
";

/// A segmentation of 24×24 pixels.
const U_NET: &str = r"
[data]
dataset    = 'discs'
validation = 2
task       = { segmentation = { patch = 24, patches = 4 } }
[net]
architecture = { u_net = { depth = 2, channels = 8, norm = 'batch' } }
[train]
preset = 'dense'
batch  = 4
loss   = 'cross_entropy_dice'
";

/// Super-resolution from 12×12 to 24×24 pixels.
const SUPER_RESOLUTION: &str = r"
[data]
dataset    = 'waves'
validation = 2
task       = { super_resolution = { scale = 2, patch = 12, patches = 6 } }
[net]
architecture = { super_resolution_u_net = { scale = 2, depth = 2, channels = 8, residual = 'bicubic' } }
downsample   = { max_pool = { kernel = 2, stride = 2 } }
[train]
preset = 'dense'
batch  = 8
loss   = 'charbonnier'
";

/// Measures of a trained classifier, taken in the first run.
const MEASURES: [&str; 7] = [
    "aliasing_share",
    "corruption_error",
    "effective_radius_50",
    "frequency_sensitivity_low",
    "initial_signal_gain",
    "rotation_agreement",
    "sharpness",
];

/// A run of the micro study.
#[derive(Clone, Debug)]
pub(super) struct MicroRun {
    /// Task, operator, optimiser and class, joined by hyphens.
    pub(super) name: String,
    /// The request.
    pub(super) request: Request,
}

/// Returns all runs, the simplest first.
///
/// # Errors
/// When a name is in no registry, which a test excludes.
pub(super) fn runs() -> anyhow::Result<Vec<MicroRun>> {
    let mut runs = Vec::new();
    for (place, operator) in REDUCING.into_iter().enumerate() {
        let mut run = MicroRun::of("classifier", CLASSIFIER, operator, place)?;
        let downsample = DownsampleConfig::named(operator)?.swap_remove(0);
        run.request.net.insert("downsample".into(), toml::Value::try_from(downsample)?);
        let steps = if place % 4 == 1 { vec!["global_contrast", "zca"] } else { vec!["standardize"] };
        run.request.data.insert("preprocess".into(), steps.into());
        if place == 0 {
            run.request.train.insert("measure".into(), MEASURES.to_vec().into());
        }
        runs.push(run);
    }
    for (place, operator) in ENLARGING.into_iter().enumerate() {
        let mut run = MicroRun::of("u-net", U_NET, operator, place)?;
        let upsample = UpsampleConfig::named(operator)?.swap_remove(0);
        run.request.net.insert("downsample".into(), toml::Value::try_from(upsample.partner())?);
        run.request.net.insert("upsample".into(), toml::Value::try_from(upsample)?);
        runs.push(run);
    }
    for (place, operator) in UPSCALING.into_iter().enumerate() {
        let mut run = MicroRun::of("super-resolution", SUPER_RESOLUTION, operator, place)?;
        let upsample = UpsampleConfig::named(operator)?.swap_remove(0);
        run.request.net.insert("upsample".into(), toml::Value::try_from(upsample)?);
        runs.push(run);
    }
    Ok(runs)
}

impl MicroRun {
    /// Returns the run of an operator at this position of its list, which decides optimiser and class.
    fn of(task: &str, template: &str, operator: &str, place: usize) -> anyhow::Result<MicroRun> {
        let mut template: toml::Table = template.parse()?;
        let mut section = |name: &str| match template.remove(name) {
            Some(toml::Value::Table(table)) => Ok(table),
            _ => bail!("the template of {task} has no section [{name}]"),
        };
        let (data, net, mut train) = (section("data")?, section("net")?, section("train")?);
        let optimizer = ["sgd", "adam"][place % 2];
        let precision = Accuracy::ALL[place / 2 % Accuracy::ALL.len()].name();
        let mut settings = toml::Table::new();
        settings.insert(optimizer.into(), toml::Table::new().into());
        train.insert("optimizer".into(), settings.into());
        train.insert("precision".into(), precision.into());
        // Adam's rate; small enough for SGD in so few steps.
        train.insert("learning_rate".into(), 0.004.into());
        train.insert("epochs".into(), 3.into());
        let name = format!("{task}-{operator}-{optimizer}-{precision}");
        Ok(MicroRun { name, request: Request { seed: place as u64, data, net, train } })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_operator_is_part_of_it_and_every_task_with_every_optimiser_and_class() {
        let listed: BTreeSet<&str> = REDUCING.into_iter().collect();
        let registered = DownsampleConfig::examples();
        assert_eq!(listed, registered.iter().map(|operator| operator.name()).collect());
        let listed: BTreeSet<&str> = ENLARGING.into_iter().collect();
        let registered = UpsampleConfig::examples();
        assert_eq!(listed, registered.iter().map(|operator| operator.name()).collect());
        let names: Vec<String> = runs().unwrap().into_iter().map(|run| run.name).collect();
        for task in ["classifier", "u-net", "super-resolution"] {
            for optimizer in ["sgd", "adam"] {
                for accuracy in Accuracy::ALL {
                    let end = format!("-{optimizer}-{}", accuracy.name());
                    assert!(
                        names.iter().any(|name| name.starts_with(task) && name.ends_with(&end)),
                        "{task}{end}"
                    );
                }
            }
        }
    }
}
