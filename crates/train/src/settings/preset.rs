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
    /// One sentence for people.
    pub summary: &'static str,
    /// The training settings.
    pub settings: fn() -> TrainSettings,
    /// Probability of dropping an input value, where the network section names none.
    pub input_dropout: f64,
    /// Probability of dropping an activation after each downsampling, where the network section names none.
    pub dropout: f64,
    /// Whether the class convolution is followed by a ReLU, where the network section does not say.
    pub last_relu: bool,
    /// How weights start, where the network section does not say.
    pub initialisation: Initialisation,
    /// Factor on the weights of a classifier's last convolution at the start, where the network section does not say.
    pub last_scale: Option<f64>,
}

/// All presets.
pub const PRESETS: [Preset; 4] = [SPRINGENBERG_2015, FAST, FIT, DENSE];

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
        weight_average: None,
        optimizer: None,
        loss: None,
        measure: Vec::new(),
        explain: Vec::new(),
        start: None,
    },
    input_dropout: 0.2,
    dropout: 0.5,
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
        weight_average: None,
        optimizer: None,
        loss: None,
        measure: Vec::new(),
        explain: Vec::new(),
        start: None,
    },
    input_dropout: 0.0,
    dropout: 0.1,
    last_relu: false,
    initialisation: Initialisation::He,
    last_scale: None,
};

/// For classifiers that are to fit their training images in 10 to 60 epochs.
///
/// The shape is that of the fast CIFAR recipes (Page 2018; Jordan, arXiv 2404.00498): a straight rise and fall, smoothed labels, logits near
/// zero at the start. Its settings are the start of the search in `studies/fit-search.toml`, and hold until that search ends.
const FIT: Preset = Preset {
    name: "fit",
    summary: "for classifiers that are to fit: triangle, Nesterov momentum, smoothed labels, small logits at the start",
    settings: || TrainSettings {
        length: Length::Epochs(20.0),
        batch: 64,
        learning_rate: 0.05,
        momentum: 0.9,
        nesterov: true,
        weight_decay: 0.0005,
        decay_biases: false,
        schedule: Schedule::Triangle { rise: 0.2, start: 0.1, end: 0.0 },
        label_smoothing: 0.1,
        clip_gradient_norm: Some(2.0),
        precision: "f32".to_owned(),
        weight_average: None,
        optimizer: None,
        loss: None,
        measure: Vec::new(),
        explain: Vec::new(),
        start: None,
    },
    input_dropout: 0.0,
    dropout: 0.0,
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
        weight_average: None,
        optimizer: Some(OptimizerSettings::Adam(AdamSettings { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 })),
        loss: None,
        measure: Vec::new(),
        explain: Vec::new(),
        start: None,
    },
    input_dropout: 0.0,
    dropout: 0.0,
    last_relu: false,
    initialisation: Initialisation::He,
    last_scale: None,
};

impl Preset {
    /// The preset called `name`.
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
