//! The registry of metrics: unit, good direction, task and definition of each.
//!
//! Names are those of `metrics.jsonl` and `scores.json`. A metric that is not listed can be measured, shown and compared too; it
//! is shown as stored, and has no good direction.

use super::better::Better;
use super::unit::MetricUnit;

/// The kind of task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Task {
    /// Which class an image belongs to.
    Classification,
    /// What an image looks like at a higher resolution, or without noise.
    Restoration,
    /// Which class each pixel belongs to.
    Segmentation,
    /// For networks of any task.
    Any,
}

/// A metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// Its name; a class, layer, distance or condition may follow after `_`, as in `iou_1` or `shift_agreement_3`.
    pub name: &'static str,
    /// Its name in texts.
    pub label: &'static str,
    /// Its unit.
    pub unit: MetricUnit,
    /// Its good direction; `None` where it depends on the purpose.
    pub better: Option<Better>,
    /// Its task.
    pub task: Task,
    /// Its definition, in one sentence without a full stop.
    pub meaning: &'static str,
}

/// Name in files and in texts.
type Names = (&'static str, &'static str);

const fn lower((name, label): Names, unit: MetricUnit, task: Task, meaning: &'static str) -> Metric {
    Metric { name, label, unit, better: Some(Better::Lower), task, meaning }
}

const fn higher((name, label): Names, unit: MetricUnit, task: Task, meaning: &'static str) -> Metric {
    Metric { name, label, unit, better: Some(Better::Higher), task, meaning }
}

const fn neither((name, label): Names, unit: MetricUnit, task: Task, meaning: &'static str) -> Metric {
    Metric { name, label, unit, better: None, task, meaning }
}

use MetricUnit::{Decibel, Index, Nats, Percent, Pixels, Plain};
use Task::{Any, Classification, Restoration, Segmentation};

impl Metric {
    /// Returns the smallest and the largest possible value; infinite where there is no limit.
    pub fn range(&self) -> (f64, f64) {
        match self.unit {
            Percent => (0.0, 1.0),
            // Of 8-bit images: 0 between black and white, and the value recorded for equal images.
            Decibel => (0.0, MOST_DECIBEL),
            Index if self.name.contains("ssim") => (-1.0, 1.0),
            Nats | Index | Pixels => (0.0, f64::INFINITY),
            Plain => (f64::NEG_INFINITY, f64::INFINITY),
        }
    }
}

/// Largest PSNR of 8-bit images, in decibels; equal ones are recorded as about 148.
const MOST_DECIBEL: f64 = 150.0;

/// All metrics that are known by name.
pub const METRICS: &[Metric] = &[
    lower(("error", "error"), Percent, Classification, "fraction of images that are classified wrongly"),
    lower(
        ("clean_error", "clean error"),
        Percent,
        Classification,
        "fraction of 5,000 training images that the finished network classifies wrongly, without dropout and augmentation",
    ),
    lower(("clean_loss", "clean loss"), Nats, Classification, "cross-entropy of the same training images"),
    lower(
        ("mirrored_error", "error with mirror images"),
        Percent,
        Classification,
        "fraction of images classified wrongly by the mean of the logits of the image and its mirror image",
    ),
    lower(
        ("balanced_error", "balanced error"),
        Percent,
        Classification,
        "fraction of images that are classified wrongly, mean over classes",
    ),
    lower(
        ("worst_class_error", "error of the worst class"),
        Percent,
        Classification,
        "fraction of the images of a class that are classified wrongly, the largest of all classes",
    ),
    lower(
        ("class_error", "error of a class"),
        Percent,
        Classification,
        "fraction of the images of a class that are classified wrongly",
    ),
    higher(
        ("accuracy", "accuracy"),
        Percent,
        Classification,
        "fraction of images that are classified rightly",
    ),
    lower(
        ("top5_error", "top-5 error"),
        Percent,
        Classification,
        "fraction of images whose class is not among the five likeliest",
    ),
    lower(("loss", "loss"), Nats, Any, "what training minimises, mean over images"),
    lower(
        ("mean_training_loss", "mean training loss"),
        Nats,
        Any,
        "loss while training, mean over its whole course",
    ),
    lower(
        ("training_loss_at_25", "training loss at 25 % of the steps"),
        Nats,
        Any,
        "loss while training, nearest to that fraction of the steps",
    ),
    lower(
        ("training_loss_at_50", "training loss at 50 % of the steps"),
        Nats,
        Any,
        "loss while training, nearest to that fraction of the steps",
    ),
    lower(
        ("training_loss_at_100", "training loss at 100 % of the steps"),
        Nats,
        Any,
        "loss while training, nearest to that fraction of the steps",
    ),
    higher(("psnr", "PSNR"), Decibel, Restoration, "peak signal-to-noise ratio"),
    higher(("psnr_y", "PSNR (luma)"), Decibel, Restoration, "peak signal-to-noise ratio of luma"),
    higher(
        ("psnr_rgb", "PSNR (RGB)"),
        Decibel,
        Restoration,
        "peak signal-to-noise ratio of the three colours",
    ),
    higher(("ssim", "SSIM"), Index, Restoration, "structural similarity"),
    higher(("ssim_y", "SSIM (luma)"), Index, Restoration, "structural similarity of luma"),
    higher(("ssim_rgb", "SSIM (RGB)"), Index, Restoration, "structural similarity of the three colours"),
    higher(
        ("bicubic_psnr_y", "PSNR (luma) of bicubic"),
        Decibel,
        Restoration,
        "what bicubic interpolation reaches on the same images: an anchor, not a result",
    ),
    higher(
        ("bicubic_ssim_y", "SSIM (luma) of bicubic"),
        Index,
        Restoration,
        "what bicubic interpolation reaches on the same images: an anchor, not a result",
    ),
    higher(
        ("noisy_psnr", "PSNR of the input"),
        Decibel,
        Restoration,
        "what the noisy input reaches as it is: an anchor, not a result",
    ),
    higher(
        ("iou", "IoU"),
        Percent,
        Segmentation,
        "intersection over union of a class, over all pixels of the split",
    ),
    higher(
        ("mean_iou", "mean IoU"),
        Percent,
        Segmentation,
        "intersection over union over all pixels of the split, mean over classes",
    ),
    higher(
        ("mean_dice", "mean Dice"),
        Percent,
        Segmentation,
        "Dice coefficient over all pixels of the split, mean over classes",
    ),
    higher(
        ("image_iou", "IoU per image"),
        Percent,
        Segmentation,
        "intersection over union, mean over classes and images",
    ),
    higher(
        ("dice", "Dice"),
        Percent,
        Segmentation,
        "Dice coefficient of a class, over all pixels of the split",
    ),
    higher(
        ("boundary_f1", "boundary F1"),
        Percent,
        Segmentation,
        "F1 score of boundary pixels within a tolerance",
    ),
    lower(
        ("pixel_error", "pixel error"),
        Percent,
        Segmentation,
        "fraction of pixels that are classified wrongly",
    ),
    higher(
        ("shift_agreement", "shift agreement"),
        Percent,
        Any,
        "fraction of shifted images that get the answer of the unshifted ones",
    ),
    higher(
        ("circular_shift_agreement", "agreement under circular shifts"),
        Percent,
        Any,
        "fraction of shifted images that get the answer of the unshifted ones",
    ),
    higher(
        ("circular_shift_fidelity", "fidelity under circular shifts"),
        Percent,
        Any,
        "fraction of shifted images that get the right answer",
    ),
    higher(
        ("zero_shift_agreement", "agreement under zero-filled shifts"),
        Percent,
        Any,
        "fraction of shifted images that get the answer of the unshifted ones",
    ),
    higher(
        ("zero_shift_fidelity", "fidelity under zero-filled shifts"),
        Percent,
        Any,
        "fraction of shifted images that get the right answer",
    ),
    higher(
        ("crop_shift_agreement", "agreement between crops"),
        Percent,
        Any,
        "fraction of shifted crops that get the answer of the middle one",
    ),
    higher(
        ("crop_shift_fidelity", "fidelity on crops"),
        Percent,
        Any,
        "fraction of shifted crops that get the right answer",
    ),
    higher(
        ("map_shift_agreement", "agreement of maps between crops"),
        Percent,
        Segmentation,
        "fraction of pixels that get the same class in overlapping crops",
    ),
    lower(
        ("map_shift_error", "difference of maps between crops"),
        Index,
        Any,
        "norm of the difference of the maps of overlapping crops over the norm of the map about its mean",
    ),
    lower(
        ("frequency_sensitivity_low", "sensitivity to low frequencies"),
        Percent,
        Classification,
        "fraction of predictions changed by a wave below half the Nyquist frequency",
    ),
    lower(
        ("frequency_sensitivity_high", "sensitivity to high frequencies"),
        Percent,
        Classification,
        "fraction of predictions changed by a wave above half the Nyquist frequency",
    ),
    higher(
        ("rotation_agreement", "agreement under rotation"),
        Percent,
        Any,
        "fraction of rotated images that get the answer of the upright ones",
    ),
    higher(
        ("scale_agreement", "agreement under scaling"),
        Percent,
        Any,
        "fraction of scaled images that get the answer of the unscaled ones",
    ),
    lower(
        ("equivariance_error", "equivariance error"),
        Index,
        Any,
        "norm of f(shifted x) − shifted f(x) over the norm of f(x)",
    ),
    lower(
        ("aliasing_share", "aliasing share"),
        Percent,
        Any,
        "fraction of the output's spectrum that frequencies above the new Nyquist frequency explain",
    ),
    lower(
        ("zone_plate_aliasing", "aliasing of a zone plate"),
        Percent,
        Any,
        "the aliasing fraction for an image that holds all frequencies",
    ),
    lower(
        ("aliasing_energy", "aliasing energy"),
        Percent,
        Any,
        "fraction of the output's energy that comes from above the new Nyquist frequency",
    ),
    lower(
        ("checkerboard_energy", "checkerboard energy"),
        Percent,
        Any,
        "fraction of the output's energy at the frequencies of a checkerboard",
    ),
    lower(
        ("corruption_error", "corruption error"),
        Percent,
        Classification,
        "error on corrupted images, mean over kinds and severities",
    ),
    neither(
        ("receptive_field", "receptive field"),
        Pixels,
        Any,
        "side of the square of input pixels that a unit sees",
    ),
    neither(
        ("effective_radius_50", "effective radius (50 %)"),
        Pixels,
        Any,
        "radius that holds half of the gradient's energy",
    ),
    neither(
        ("effective_radius_90", "effective radius (90 %)"),
        Pixels,
        Any,
        "radius that holds nine tenths of the gradient's energy",
    ),
    neither(
        ("initial_signal_gain", "signal gain at initialisation"),
        Plain,
        Any,
        "factor by which the operator changes the size of the signal before training",
    ),
    neither(
        ("initial_gradient_gain", "gradient gain at initialisation"),
        Plain,
        Any,
        "factor by which the operator changes the size of the gradient before training",
    ),
    neither(
        ("initial_gradient_norm", "gradient norm at initialisation"),
        Plain,
        Any,
        "norm of the loss's gradient by the weights before training",
    ),
    neither(("gradient_norm", "gradient norm"), Plain, Any, "norm of the loss's gradient by the weights"),
    lower(("sharpness", "sharpness"), Plain, Any, "rise of the loss along random directions of the weights"),
];
