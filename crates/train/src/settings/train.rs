//! `[train]`: a preset, the departures from it, and how long to train.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::class_balance::ClassBalance;
use super::length::{Length, WeightAverage};
use super::optimizer::OptimizerSettings;
use super::preset::PRESET_NAMES;
use super::start::{StartRequest, StartSettings};
use super::{Preset, SettingError, TaskSettings};
use crate::progress::StepPlan;
use crate::{DenseLoss, Schedule};

/// `[train]` as written: a preset, and departures from it as named fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainRequest {
    /// Name of the recipe. Default: `springenberg2015`.
    pub preset: Option<String>,
    /// Passes over the training split, above 0; a fraction ends inside a pass. Excludes `presentations`. Default: the preset's.
    pub epochs: Option<f64>,
    /// Training images shown, at least 1. Excludes `epochs`. Default: the preset's length.
    pub presentations: Option<u64>,
    /// Images per step, at least 1. Default: the preset's.
    pub batch: Option<usize>,
    /// Largest learning rate of the schedule, above 0. Default: the preset's.
    pub learning_rate: Option<f64>,
    /// Momentum of SGD, in [0, 1). Default: the preset's.
    pub momentum: Option<f64>,
    /// Whether Nesterov momentum is used, as PyTorch computes it. Default: the preset's.
    pub nesterov: Option<bool>,
    /// λ of the gradient term λ·w (Caffe's units), at least 0. Default: the preset's.
    pub weight_decay: Option<f64>,
    /// Whether biases decay too. Default: the preset's.
    pub decay_biases: Option<bool>,
    /// The optimiser. Default: the preset's.
    pub optimizer: Option<OptimizerSettings>,
    /// The loss of tasks over maps. Default: the task's.
    pub loss: Option<DenseLoss>,
    /// Course of the learning rate. Default: the preset's.
    pub schedule: Option<Schedule>,
    /// Fraction of the target spread over all classes, in [0, 1). Default: the preset's.
    pub label_smoothing: Option<f64>,
    /// What makes up for classes with few images: `loss` (weights n / (k·m)) or `sampling` (every class equally often). Default: nothing.
    pub class_balance: Option<ClassBalance>,
    /// Largest L2 norm of the whole gradient; longer ones are scaled down to it, 0 switches clipping off. Default: the preset's.
    pub clip_gradient_norm: Option<f64>,
    /// The weights that the run ends with, where they are a mean. Default: those of the last step.
    pub weight_average: Option<WeightAverage>,
    /// Accuracy class of the arithmetic. Default: the preset's.
    pub precision: Option<String>,
    /// Metrics measured on the finished network, in addition to loss and error; `allconv measure --list` has their names. Default: none.
    pub measure: Option<Vec<String>>,
    /// Methods that explain the finished network on a few test images, kept as pictures: `gradient`, `deconvnet`, `guided`. Default: none.
    pub explain: Option<Vec<String>>,
    /// The trained weights that the run begins from. Default: none, every parameter is drawn.
    pub start: Option<StartRequest>,
}

/// `[train]` with every default written out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainSettings {
    /// The length of the training.
    pub length: Length,
    /// Images per step, at least 1. The last step of an epoch takes what is left.
    pub batch: usize,
    /// Largest learning rate of the schedule, above 0.
    pub learning_rate: f64,
    /// Momentum of SGD, in [0, 1).
    pub momentum: f64,
    /// Whether Nesterov momentum is used, as PyTorch computes it.
    pub nesterov: bool,
    /// λ of the gradient term λ·w (Caffe's units), at least 0.
    pub weight_decay: f64,
    /// Whether biases decay too.
    pub decay_biases: bool,
    /// Course of the learning rate.
    pub schedule: Schedule,
    /// Fraction of the target spread over all classes, in [0, 1).
    pub label_smoothing: f64,
    /// What makes up for classes with few images; nothing when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_balance: Option<ClassBalance>,
    /// Largest L2 norm of the whole gradient, above 0; longer ones are scaled down to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_gradient_norm: Option<f64>,
    /// The weights that the run ends with, where they are a mean; those of the last step when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_average: Option<WeightAverage>,
    /// Accuracy class of the arithmetic, a name of `allconv_kernels::Accuracy`.
    pub precision: String,
    /// The optimiser; SGD when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub optimizer: Option<OptimizerSettings>,
    /// The loss of tasks over maps; left out in classification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<DenseLoss>,
    /// Metrics measured on the finished network and the test split, in addition to loss and error; `allconv measure --list` has their
    /// names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measure: Vec<String>,
    /// Methods that explain the finished network on a few test images, kept as pictures: `gradient`, `deconvnet`, `guided`. Only for
    /// classification.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub explain: Vec<String>,
    /// The trained weights that the run begins from; none when left out. They are found, and compared with the network, where a request is resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<StartSettings>,
}

impl TrainRequest {
    /// Returns the preset this request starts from.
    ///
    /// # Errors
    /// [`SettingError`] when no preset has the name.
    pub fn preset(&self) -> Result<&'static Preset, SettingError> {
        let name = self.preset.as_deref().unwrap_or("springenberg2015");
        Preset::named(name).ok_or_else(|| SettingError::new("preset", name, PRESET_NAMES))
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
        depart(&mut settings.explain, &self.explain);
        settings.class_balance = self.class_balance;
        settings.weight_average = self.weight_average.or(settings.weight_average);
        match self.clip_gradient_norm {
            Some(0.0) => settings.clip_gradient_norm = None,
            Some(norm) => settings.clip_gradient_norm = Some(norm),
            None => {}
        }
        match self.optimizer {
            None => {}
            // The only notation for it, so that equal runs have equal specifications.
            Some(OptimizerSettings::Sgd {}) => settings.optimizer = None,
            Some(adam) => settings.optimizer = Some(adam),
        }
        if settings.optimizer.is_some() {
            for (field, written) in
                [("momentum", self.momentum.is_some()), ("nesterov", self.nesterov.is_some())]
            {
                SettingError::unless(
                    !written,
                    field,
                    "given",
                    "left out: it belongs to SGD, and Adam is chosen",
                )?;
            }
            (settings.momentum, settings.nesterov) = (0.0, false);
        }
        settings.loss = self.loss;
        settings.check()?;
        Ok(settings)
    }
}

/// Most training images that a run may show: a million passes over a million images.
const MOST_PRESENTATIONS: u64 = 1_000_000_000_000;

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
                SettingError::unless(
                    (1..=MOST_PRESENTATIONS).contains(&images),
                    "presentations",
                    images,
                    "between 1 and 1000000000000",
                )?;
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
        if let Some(WeightAverage { last_epochs }) = self.weight_average {
            let (field, range) = ("weight_average.last_epochs", "a finite number above 0");
            SettingError::unless(positive(last_epochs), field, last_epochs, range)?;
        }
        if let Some(OptimizerSettings::Adam(adam)) = self.optimizer {
            for (name, beta) in [("beta1", adam.beta1), ("beta2", adam.beta2)] {
                let field = format!("optimizer.adam.{name}");
                SettingError::unless((0.0..1.0).contains(&beta), field, beta, "in [0, 1)")?;
            }
            let (field, range) = ("optimizer.adam.epsilon", "a finite number above 0");
            SettingError::unless(positive(adam.epsilon), field, adam.epsilon, range)?;
        }
        for (field, names) in [("measure", &self.measure), ("explain", &self.explain)] {
            for (index, name) in names.iter().enumerate() {
                let range = "a name that is once in the list";
                SettingError::unless(!names[..index].contains(name), field, name, range)?;
            }
        }
        self.schedule.check()
    }

    /// Fills in or refuses what depends on the task: the loss, and settings that have no meaning for it.
    ///
    /// # Errors
    /// [`SettingError`] naming the field, its value and its range.
    pub fn for_task(mut self, task: &TaskSettings) -> Result<TrainSettings, SettingError> {
        let fits = match (self.loss, task) {
            (None, _) => true,
            (Some(_), TaskSettings::Classification {}) => false,
            (Some(loss), TaskSettings::Segmentation(_)) => loss.is_of_classes(),
            (Some(loss), _) => !loss.is_of_classes(),
        };
        let range = match task {
            TaskSettings::Classification {} => "left out: classes are learned by cross-entropy",
            TaskSettings::Segmentation(_) => "`cross_entropy` or `cross_entropy_dice` for a segmentation",
            _ => "`l1`, `charbonnier` or `mse` where pictures are compared",
        };
        SettingError::unless(fits, "loss", self.loss.map_or("none", DenseLoss::name), range)?;
        self.loss = self.loss.or(task.default_loss());
        let smooths = self.label_smoothing > 0.0 && task.patches().is_some();
        let range = "0: labels are smoothed in classification only";
        SettingError::unless(!smooths, "label_smoothing", self.label_smoothing, range)?;
        let balances = self.class_balance.is_some() && task.patches().is_some();
        let range = "left out: images have one class each in classification only";
        SettingError::unless(!balances, "class_balance", "given", range)?;
        Ok(self)
    }

    /// Returns the number of steps at the beginning of a run with this plan that a longer run with the same settings makes identically.
    pub fn shared_steps(&self, plan: &StepPlan) -> u64 {
        self.schedule.shared_steps(plan).min(self.first_averaged_step(plan))
    }

    /// Returns the first step after which the weights count for the mean that the run ends with; the number of steps where there is none.
    pub fn first_averaged_step(&self, plan: &StepPlan) -> u64 {
        let Some(WeightAverage { last_epochs }) = self.weight_average else { return plan.total_steps() };
        let end = plan.epochs();
        plan.first_step(|done| done.epochs >= end - last_epochs)
    }

    /// Returns the number of training images that a run over a split of `images` shows.
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
            ("weight_average = { last_epochs = 0.0 }", "weight_average.last_epochs"),
            ("preset = 'slow'", "preset"),
            ("preset = 'dense'\nmomentum = 0.9", "momentum"),
            ("optimizer = { adam = { beta2 = 1.0 } }", "optimizer.adam.beta2"),
            ("optimizer = { adam = { epsilon = 0.0 } }", "optimizer.adam.epsilon"),
            ("measure = ['sharpness', 'sharpness']", "measure"),
            ("explain = ['guided', 'guided']", "explain"),
        ] {
            let error = request(text).resolve().unwrap_err();
            assert_eq!(error.field, field, "{error}");
        }
    }

    #[test]
    fn sgd_by_name_is_the_same_as_no_name_and_adam_has_no_momentum() {
        assert_eq!(request("optimizer = { sgd = {} }").resolve(), request("").resolve());
        let adam = request("optimizer = { adam = {} }").resolve().unwrap();
        assert_eq!((adam.momentum, adam.nesterov), (0.0, false));
        let sgd = request("preset = 'dense'\noptimizer = { sgd = {} }\nmomentum = 0.9").resolve().unwrap();
        assert_eq!((sgd.optimizer, sgd.momentum), (None, 0.9));
    }

    #[test]
    fn the_loss_follows_from_the_task_and_must_fit_it() {
        let segmentation = TaskSettings::Segmentation(Default::default());
        let settle = |text: &str, task: &TaskSettings| request(text).resolve().unwrap().for_task(task);
        assert_eq!(settle("", &segmentation).unwrap().loss, Some(DenseLoss::CrossEntropyDice));
        assert_eq!(settle("", &TaskSettings::Classification {}).unwrap().loss, None);
        let autoencoding = TaskSettings::Autoencoding(Default::default());
        assert_eq!(settle("loss = 'l1'", &autoencoding).unwrap().loss, Some(DenseLoss::L1));
        for (text, task) in [
            ("loss = 'l1'", &segmentation),
            ("loss = 'cross_entropy'", &autoencoding),
            ("loss = 'mse'", &TaskSettings::Classification {}),
        ] {
            assert_eq!(settle(text, task).unwrap_err().field, "loss", "{text}");
        }
        assert_eq!(settle("label_smoothing = 0.1", &segmentation).unwrap_err().field, "label_smoothing");
    }

    #[test]
    fn presentations_follow_from_epochs_and_split() {
        let settings = request("epochs = 2.5").resolve().unwrap();
        assert_eq!(settings.presentations(1000), 2500);
        assert_eq!(request("presentations = 7").resolve().unwrap().presentations(1000), 7);
    }
}
