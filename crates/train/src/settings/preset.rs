//! The training recipes by name: one registry, one line per recipe.

use allconv_nets::Initialisation;

use super::optimizer::{AdamSettings, OptimizerSettings};
use super::{Length, TrainSettings};
use crate::Schedule;

/// A complete recipe; every field of `[train]` and three fields of `[net]` can depart from it by name.
#[derive(Clone, Debug)]
pub struct Preset {
    /// Name in the study file.
    pub name: &'static str,
    /// A summary in one sentence.
    pub summary: &'static str,
    /// The training settings.
    pub settings: fn() -> TrainSettings,
    /// Probability of dropping an input value, where the network section names none.
    pub input_dropout: f64,
    /// Probability of dropping an activation wherever the architecture drops any, where the network section names none; `None` for the rates of the
    /// architecture's own table.
    pub dropout: Option<f64>,
    /// Whether the class convolution is followed by a ReLU, where the network section leaves it out.
    pub last_relu: bool,
    /// The initial weights, where the network section leaves it out.
    pub initialisation: Initialisation,
    /// Factor on the weights of a classifier's last convolution at the start, where the network section leaves it out.
    pub last_scale: Option<f64>,
}

/// All presets.
pub const PRESETS: [Preset; 8] = [
    SPRINGENBERG_2015,
    FAST,
    FIT,
    DENSE,
    RESNET_CIFAR,
    IMAGENET_SPRINGENBERG,
    IMAGENET_MODERN,
    LARGE_ALL_CNN,
];

/// The names of all presets, in words.
pub(super) const PRESET_NAMES: &str = "`springenberg2015`, `fast`, `fit`, `dense`, `resnet_cifar`, `imagenet_springenberg`, `imagenet_modern` or `large_all_cnn`";

/// The paper's protocol; where it is silent, the recipe of the most faithful public reimplementation.
///
/// Source: Springenberg et al. 2015, section 3.1 (momentum 0.9, weight decay 0.001, dropout 20 % and 50 %, learning rate divided by
/// ten after epochs 200, 250 and 300 of 350). Batch 256, learning rate 0.05, Xavier weights and zero biases are not stated there.
const SPRINGENBERG_2015: Preset = Preset {
    name: "springenberg2015",
    summary: "the paper's protocol: SGD with momentum, steps at 200, 250, 300 of 350 epochs, strong dropout",
    settings: || TrainSettings {
        length: Length::Epochs(350.0),
        batch: 256,
        learning_rate: 0.05,
        momentum: 0.9,
        nesterov: false,
        weight_decay: 0.001,
        decay_biases: true,
        schedule: Schedule::Step { at: vec![200.0 / 350.0, 250.0 / 350.0, 300.0 / 350.0], factor: 0.1 },
        label_smoothing: 0.0,
        clip_gradient_norm: None,
        precision: "f32".to_owned(),
        class_balance: None,
        weight_average: None,
        optimizer: None,
        loss: None,
        measure: Vec::new(),
        explain: Vec::new(),
        start: None,
    },
    input_dropout: 0.2,
    dropout: Some(0.5),
    last_relu: true,
    initialisation: Initialisation::XavierCaffe,
    last_scale: None,
};

/// A modern recipe for small budgets: warm-up and cosine, Nesterov momentum, clipped gradients, little dropout.
const FAST: Preset = Preset {
    name: "fast",
    summary: "for small budgets: warm-up and cosine, Nesterov momentum, clipped gradients, little dropout",
    settings: || TrainSettings {
        length: Length::Epochs(10.0),
        batch: 32,
        learning_rate: 0.05,
        momentum: 0.9,
        nesterov: true,
        weight_decay: 0.0005,
        decay_biases: false,
        schedule: Schedule::WarmupCosine { warmup: 0.15, warmup_start: 0.1, end: 0.0 },
        label_smoothing: 0.0,
        clip_gradient_norm: Some(2.0),
        precision: "f32".to_owned(),
        class_balance: None,
        weight_average: None,
        optimizer: None,
        loss: None,
        measure: Vec::new(),
        explain: Vec::new(),
        start: None,
    },
    input_dropout: 0.0,
    dropout: Some(0.1),
    last_relu: false,
    initialisation: Initialisation::He,
    last_scale: None,
};

/// For classifiers that are to fit their training images in 10 to 60 epochs.
///
/// The shape is that of the fast CIFAR recipes (Page 2018; Jordan, arXiv 2404.00498): a straight rise and fall, smoothed labels, logits near
/// zero at the start. The search in `studies/fit-search.toml` changed one setting at a time, with one seed, on validation images. Of the
/// settings of a recipe the trapezoid gained most and is taken, alone, since no two changes were tried together.
const FIT: Preset = Preset {
    name: "fit",
    summary: "for classifiers that are to fit: trapezoid, Nesterov momentum, smoothed labels, small logits at the start",
    settings: || TrainSettings {
        length: Length::Epochs(20.0),
        batch: 64,
        learning_rate: 0.05,
        momentum: 0.9,
        nesterov: true,
        weight_decay: 0.0005,
        decay_biases: false,
        schedule: Schedule::Trapezoid { rise_epochs: 1.0, start: 0.1, fall: 0.5, end: 0.0 },
        label_smoothing: 0.1,
        clip_gradient_norm: Some(2.0),
        precision: "f32".to_owned(),
        class_balance: None,
        weight_average: None,
        optimizer: None,
        loss: None,
        measure: Vec::new(),
        explain: Vec::new(),
        start: None,
    },
    input_dropout: 0.0,
    dropout: Some(0.0),
    last_relu: false,
    initialisation: Initialisation::He,
    last_scale: Some(0.125),
};

/// For tasks whose result is a map: Adam, a short warm-up and a cosine to zero, no decay, no dropout.
///
/// Adam with 10⁻⁴ and batches of 16 is EDSR's (Lim et al. 2017); the larger rate and the cosine are for small budgets.
const DENSE: Preset = Preset {
    name: "dense",
    summary: "for maps instead of classes: Adam, batches of 16, warm-up and cosine, no decay, no dropout",
    settings: || TrainSettings {
        length: Length::Epochs(20.0),
        batch: 16,
        learning_rate: 0.001,
        momentum: 0.0,
        nesterov: false,
        weight_decay: 0.0,
        decay_biases: false,
        schedule: Schedule::WarmupCosine { warmup: 0.05, warmup_start: 0.1, end: 0.0 },
        label_smoothing: 0.0,
        clip_gradient_norm: None,
        precision: "f32".to_owned(),
        class_balance: None,
        weight_average: None,
        optimizer: Some(OptimizerSettings::Adam(AdamSettings { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 })),
        loss: None,
        measure: Vec::new(),
        explain: Vec::new(),
        start: None,
    },
    input_dropout: 0.0,
    dropout: Some(0.0),
    last_relu: false,
    initialisation: Initialisation::He,
    last_scale: None,
};

/// Residual networks on CIFAR as published: 64,000 steps of 128 images, the rate divided by ten after half and three quarters of them.
///
/// Source: He et al., arXiv 1512.03385, section 4.2. The augmentation there: `translate = 4`, `horizontal_flip = true`.
const RESNET_CIFAR: Preset = Preset {
    name: "resnet_cifar",
    summary: "residual networks on CIFAR as published: batches of 128, steps at half and three quarters of 64,000 steps",
    settings: || TrainSettings {
        length: Length::Presentations(64_000 * 128),
        batch: 128,
        learning_rate: 0.1,
        weight_decay: 0.0001,
        schedule: Schedule::Step { at: vec![0.5, 0.75], factor: 0.1 },
        ..(SPRINGENBERG_2015.settings)()
    },
    input_dropout: 0.0,
    dropout: Some(0.0),
    last_relu: false,
    initialisation: Initialisation::He,
    last_scale: None,
};

/// The paper's protocol for ImageNet; where it is silent, that of `springenberg2015`.
///
/// Source: Springenberg et al. 2015, appendix (batch 64, 450,000 iterations, rate 0.01 divided by ten every 200,000, weight decay 0.0005).
/// Images there: the centre 224×224.
const IMAGENET_SPRINGENBERG: Preset = Preset {
    name: "imagenet_springenberg",
    summary: "the paper's protocol for ImageNet: batches of 64, steps at 200,000 and 400,000 of 450,000 steps",
    settings: || TrainSettings {
        length: Length::Presentations(450_000 * 64),
        batch: 64,
        learning_rate: 0.01,
        weight_decay: 0.0005,
        schedule: Schedule::Step { at: vec![200.0 / 450.0, 400.0 / 450.0], factor: 0.1 },
        ..(SPRINGENBERG_2015.settings)()
    },
    input_dropout: 0.0,
    dropout: None,
    last_relu: true,
    initialisation: Initialisation::XavierCaffe,
    last_scale: None,
};

/// Residual networks on ImageNet as they are trained today: Nesterov momentum, warm-up and cosine over 90 epochs, smoothed labels.
///
/// Sources: Goyal et al., arXiv 1706.02677 (batch 256 at rate 0.1, five epochs of warm-up, weight decay 0.0001); He et al., arXiv 1812.01187
/// (cosine, labels smoothed by 0.1, no decay of biases).
const IMAGENET_MODERN: Preset = Preset {
    name: "imagenet_modern",
    summary: "ImageNet today: batches of 256, warm-up and cosine over 90 epochs, Nesterov momentum, smoothed labels",
    settings: || TrainSettings {
        length: Length::Epochs(90.0),
        batch: 256,
        learning_rate: 0.1,
        nesterov: true,
        weight_decay: 0.0001,
        decay_biases: false,
        schedule: Schedule::WarmupCosine { warmup: 5.0 / 90.0, warmup_start: 0.1, end: 0.0 },
        label_smoothing: 0.1,
        ..(SPRINGENBERG_2015.settings)()
    },
    input_dropout: 0.0,
    dropout: None,
    last_relu: false,
    initialisation: Initialisation::He,
    last_scale: None,
};

/// The paper's large network, with the dropout of its own table. Length, schedule and decay are those of all its networks; the paper states neither
/// batch nor learning rate, and without normalisation 17 layers take less of the latter.
///
/// Source: Springenberg et al. 2015, section 3.1 and appendix table 5.
const LARGE_ALL_CNN: Preset = Preset {
    name: "large_all_cnn",
    summary: "the paper's large network: its 350 epochs and steps, batches of 128, the dropout of its own table",
    settings: || TrainSettings { batch: 128, learning_rate: 0.01, ..(SPRINGENBERG_2015.settings)() },
    input_dropout: 0.0,
    dropout: None,
    last_relu: false,
    initialisation: Initialisation::He,
    last_scale: None,
};

impl Preset {
    /// Returns the preset called `name`.
    pub fn named(name: &str) -> Option<&'static Preset> {
        PRESETS.iter().find(|preset| preset.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TrainRequest;

    #[test]
    fn every_preset_is_found_by_name_and_passes_its_own_checks() {
        for preset in &PRESETS {
            assert_eq!(Preset::named(preset.name).unwrap().name, preset.name);
            (preset.settings)().check().unwrap();
        }
        assert!(Preset::named("slow").is_none());
        let unknown = TrainRequest { preset: Some("slow".to_owned()), ..TrainRequest::default() };
        let told = unknown.preset().unwrap_err().to_string();
        assert!(PRESETS.iter().all(|preset| told.contains(&format!("`{}`", preset.name))), "{told}");
    }
}
