//! `[train]`: a preset, the departures from it, and how long to train.

use serde::{Deserialize, Serialize};

use super::{Preset, SettingError};
use crate::Schedule;

/// How much training a run is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Length {
    /// Passes over the training split; a fraction ends inside a pass.
    Epochs(f64),
    /// Training images shown.
    Presentations(u64),
}

/// `[train]` as written: a preset, and departures from it as named fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainRequest {
    /// Name of the recipe; default `springenberg2015`.
    pub preset: Option<String>,
    /// Passes over the training split. Excludes `presentations`.
    pub epochs: Option<f64>,
    /// Training images shown. Excludes `epochs`.
    pub presentations: Option<u64>,
    /// Images per step.
    pub batch: Option<usize>,
    /// Largest learning rate of the schedule.
    pub learning_rate: Option<f64>,
    /// Momentum of SGD.
    pub momentum: Option<f64>,
    /// Whether the momentum looks ahead.
    pub nesterov: Option<bool>,
    /// λ of the gradient term λ·w (Caffe's units).
    pub weight_decay: Option<f64>,
    /// Whether biases decay too.
    pub decay_biases: Option<bool>,
    /// Course of the learning rate.
    pub schedule: Option<Schedule>,
    /// Share of the target spread over all classes.
    pub label_smoothing: Option<f64>,
    /// Largest L2 norm of the whole gradient; 0 switches clipping off.
    pub clip_gradient_norm: Option<f64>,
    /// Accuracy class of the arithmetic.
    pub precision: Option<String>,
    /// Metrics taken of the finished network, beside loss and error.
    pub measure: Option<Vec<String>>,
}

/// `[train]` with every default written out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainSettings {
    /// How much training the run is.
    pub length: Length,
    /// Images per step, at least 1. The last step of an epoch takes what is left.
    pub batch: usize,
    /// Largest learning rate of the schedule, above 0.
    pub learning_rate: f64,
    /// Momentum of SGD, in [0, 1).
    pub momentum: f64,
    /// Whether the momentum looks ahead (Nesterov, as PyTorch computes it).
    pub nesterov: bool,
    /// λ of the gradient term λ·w (Caffe's units), at least 0.
    pub weight_decay: f64,
    /// Whether biases decay too.
    pub decay_biases: bool,
    /// Course of the learning rate.
    pub schedule: Schedule,
    /// Share of the target spread over all classes, in [0, 1).
    pub label_smoothing: f64,
    /// Largest L2 norm of the whole gradient, above 0; longer ones are scaled down to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_gradient_norm: Option<f64>,
    /// Accuracy class of the arithmetic, a name of `allconv_kernels::Accuracy`.
    pub precision: String,
    /// Metrics taken of the finished network on the test split, beside loss and error; `allconv measure --list` has their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measure: Vec<String>,
}

impl TrainRequest {
    /// The preset this request starts from.
    ///
    /// # Errors
    /// [`SettingError`] when no preset has the name.
    pub fn preset(&self) -> Result<&'static Preset, SettingError> {
        let name = self.preset.as_deref().unwrap_or("springenberg2015");
        Preset::named(name).ok_or_else(|| SettingError::new("preset", name, "`springenberg2015` or `fast`"))
    }

    /// Writes every default out.
    ///
    /// # Errors
    /// [`SettingError`] naming the field, its value and its range.
    pub fn resolve(&self) -> Result<TrainSettings, SettingError> {
        let mut settings = (self.preset()?.settings)();
        match (self.epochs, self.presentations) {
            (Some(_), Some(presentations)) => {
                return Err(SettingError::new(
                    "presentations",
                    presentations,
                    "left out when `epochs` is given",
                ));
            }
            (Some(epochs), None) => settings.length = Length::Epochs(epochs),
            (None, Some(presentations)) => settings.length = Length::Presentations(presentations),
            (None, None) => {}
        }
        fn depart<T: Clone>(field: &mut T, departure: &Option<T>) {
            if let Some(value) = departure {
                *field = value.clone();
            }
        }
        depart(&mut settings.batch, &self.batch);
        depart(&mut settings.learning_rate, &self.learning_rate);
        depart(&mut settings.momentum, &self.momentum);
        depart(&mut settings.nesterov, &self.nesterov);
        depart(&mut settings.weight_decay, &self.weight_decay);
        depart(&mut settings.decay_biases, &self.decay_biases);
        depart(&mut settings.schedule, &self.schedule);
        depart(&mut settings.label_smoothing, &self.label_smoothing);
        depart(&mut settings.precision, &self.precision);
        depart(&mut settings.measure, &self.measure);
        match self.clip_gradient_norm {
            Some(0.0) => settings.clip_gradient_norm = None,
            Some(norm) => settings.clip_gradient_norm = Some(norm),
            None => {}
        }
        settings.check()?;
        Ok(settings)
    }
}

impl TrainSettings {
    /// Checks every range.
    ///
    /// # Errors
    /// [`SettingError`] naming the field, its value and its range.
    pub fn check(&self) -> Result<(), SettingError> {
        match self.length {
            Length::Epochs(epochs) => {
                SettingError::unless(
                    epochs > 0.0 && epochs <= 100_000.0,
                    "epochs",
                    epochs,
                    "above 0 and at most 100000",
                )?;
            }
            Length::Presentations(images) => {
                SettingError::unless(images > 0, "presentations", images, "at least 1")?;
            }
        }
        SettingError::unless((1..=65_536).contains(&self.batch), "batch", self.batch, "between 1 and 65536")?;
        let positive = |value: f64| value > 0.0 && value.is_finite();
        SettingError::unless(
            positive(self.learning_rate),
            "learning_rate",
            self.learning_rate,
            "a finite number above 0",
        )?;
        SettingError::unless((0.0..1.0).contains(&self.momentum), "momentum", self.momentum, "in [0, 1)")?;
        SettingError::unless(
            self.weight_decay >= 0.0 && self.weight_decay.is_finite(),
            "weight_decay",
            self.weight_decay,
            "a finite number, at least 0",
        )?;
        SettingError::unless(
            (0.0..1.0).contains(&self.label_smoothing),
            "label_smoothing",
            self.label_smoothing,
            "in [0, 1)",
        )?;
        if let Some(norm) = self.clip_gradient_norm {
            SettingError::unless(
                positive(norm),
                "clip_gradient_norm",
                norm,
                "a finite number above 0, or 0 for none",
            )?;
        }
        for (index, metric) in self.measure.iter().enumerate() {
            SettingError::unless(
                !self.measure[..index].contains(metric),
                "measure",
                metric,
                "a name that stands once in the list",
            )?;
        }
        self.schedule.check()
    }

    /// Training images that a run over a split of `images` shows.
    pub fn presentations(&self, images: u64) -> u64 {
        match self.length {
            Length::Epochs(epochs) => ((epochs * images as f64).round() as u64).max(1),
            Length::Presentations(presentations) => presentations,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> TrainRequest {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn the_default_is_the_paper_s_protocol() {
        let settings = request("").resolve().unwrap();
        assert_eq!(settings.length, Length::Epochs(350.0));
        assert_eq!((settings.batch, settings.learning_rate, settings.weight_decay), (256, 0.05, 0.001));
    }

    #[test]
    fn a_departure_replaces_one_field_of_the_preset() {
        let settings = request("preset = 'fast'\nbatch = 32\nclip_gradient_norm = 0.0").resolve().unwrap();
        let fast = (Preset::named("fast").unwrap().settings)();
        assert_eq!(settings, TrainSettings { batch: 32, clip_gradient_norm: None, ..fast });
    }

    #[test]
    fn values_out_of_range_are_refused_by_name() {
        for (text, field) in [
            ("epochs = 0.0", "epochs"),
            ("epochs = 1.0\npresentations = 5", "presentations"),
            ("presentations = 0", "presentations"),
            ("batch = 0", "batch"),
            ("learning_rate = nan", "learning_rate"),
            ("momentum = 1.0", "momentum"),
            ("weight_decay = -0.1", "weight_decay"),
            ("label_smoothing = 1.0", "label_smoothing"),
            ("clip_gradient_norm = -1.0", "clip_gradient_norm"),
            ("preset = 'slow'", "preset"),
            ("measure = ['sharpness', 'sharpness']", "measure"),
        ] {
            let error = request(text).resolve().unwrap_err();
            assert_eq!(error.field, field, "{error}");
        }
    }

    #[test]
    fn presentations_follow_from_epochs_and_split() {
        let settings = request("epochs = 2.5").resolve().unwrap();
        assert_eq!(settings.presentations(1000), 2500);
        assert_eq!(request("presentations = 7").resolve().unwrap().presentations(1000), 7);
    }
}
