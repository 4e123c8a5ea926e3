//! `[data]`: the data set, its preprocessing and its splits.

use allconv_data::{
    Augmentation, DatasetOptions, Fold, PictureOptions, Preprocess, SyntheticSettings, TestSets,
    TrainingImages, View,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SettingError, TaskSettings};

/// Validation images held out of the training split by default.
const DEFAULT_VALIDATION: usize = 5000;

/// Validation pictures held out in tasks over maps by default.
const DEFAULT_VALIDATION_PICTURES: usize = 8;

/// Largest shift and largest size of a cut-out square.
const MOST_PIXELS: u32 = 4096;

/// Name of the data set that is drawn.
const SYNTHETIC: &str = "synthetic";

/// `[data]` as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataRequest {
    /// Registry name of the data set.
    pub dataset: String,
    /// Preprocessing in order. Default: per-channel standardisation; none in tasks over maps.
    pub preprocess: Option<Vec<Preprocess>>,
    /// Random changes of training images. Default: none.
    pub augment: Option<Augmentation>,
    /// Training images held out for validation, the same number of each class. Default: 5000, in tasks over maps 8; a fifth where the data
    /// set has no more than that; 0 where it has a validation split of its own.
    pub validation: Option<usize>,
    /// Train on this many images only, the same number of each class. Default: all.
    pub train_images: Option<usize>,
    /// The part of each image that is the input of the network; needed where images differ in size. Default: none, the whole image.
    pub view: Option<View>,
    /// Settings of the drawn images, when the data set is `synthetic`. Default: 10000 training images of 32×32 pixels.
    pub synthetic: Option<SyntheticSettings>,
    /// The task. Default: classification of images.
    pub task: Option<TaskSettings>,
    /// Registry name of the set that is tested on, or several, in tasks over maps. Default: the data set's own test pictures.
    pub test_dataset: Option<TestSets>,
    /// Test on a part of the pictures and train on the others, in tasks over maps. Default: none.
    pub fold: Option<FoldRequest>,
}

/// `fold` as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FoldRequest {
    /// Which fold is tested on. Default: that of the run's seed, `seed mod of`, so that the seeds of a study use the folds in turn.
    pub index: Option<usize>,
    /// Number of folds, at least 2.
    pub of: usize,
}

/// `[data]` with every default written out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSettings {
    /// Registry name of the data set.
    pub dataset: String,
    /// Preprocessing in order.
    pub preprocess: Vec<Preprocess>,
    /// Random changes of training images.
    pub augment: Augmentation,
    /// Training images held out for validation.
    pub validation: usize,
    /// Train on this many images only; all of them when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_images: Option<usize>,
    /// The part of each image that is the input of the network; the whole image when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<View>,
    /// Settings of the drawn images, when the data set is `synthetic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synthetic: Option<SyntheticSettings>,
    /// The task; left out in classification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskSettings>,
    /// Registry names of the sets that are tested on, where they are others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_dataset: Option<TestSets>,
    /// The fold that is tested on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold: Option<Fold>,
}

impl DataRequest {
    /// Writes every default out, for a run with this seed. `images` are the sizes of the data set where they are known.
    pub fn resolve(&self, seed: u64, images: Option<TrainingImages>) -> DataSettings {
        let drawn = self.dataset == SYNTHETIC;
        let task = self.task.clone().filter(|task| task.patches().is_some());
        let most = if task.is_some() { DEFAULT_VALIDATION_PICTURES } else { DEFAULT_VALIDATION };
        let validation = match images {
            Some(TrainingImages { validation: 1.., .. }) => 0,
            Some(TrainingImages { train, .. }) if train <= most => train.div_ceil(5),
            _ => most,
        };
        let preprocess = if task.is_some() { Vec::new() } else { vec![Preprocess::Standardize] };
        // A remainder by 0 has no value; the number of folds is refused when the pictures are divided.
        let fold = |fold: FoldRequest| Fold {
            index: fold.index.unwrap_or_else(|| seed.checked_rem(fold.of as u64).unwrap_or(0) as usize),
            of: fold.of,
        };
        DataSettings {
            dataset: self.dataset.clone(),
            preprocess: self.preprocess.clone().unwrap_or(preprocess),
            augment: self.augment.unwrap_or_default(),
            validation: self.validation.unwrap_or(validation),
            train_images: self.train_images,
            view: self.view,
            synthetic: drawn.then(|| self.synthetic.unwrap_or_default()),
            task,
            test_dataset: self.test_dataset.clone(),
            fold: self.fold.map(fold),
        }
    }

    /// Refuses drawing settings for a data set that is not drawn; called after the data set's name has been checked.
    ///
    /// # Errors
    /// [`SettingError`] at `synthetic`.
    pub fn check_drawing(&self) -> Result<(), SettingError> {
        if self.synthetic.is_some() && self.dataset != SYNTHETIC {
            let value = format!("{{ … }} with dataset \"{}\"", self.dataset);
            return Err(SettingError::new("synthetic", value, "left out unless dataset = \"synthetic\""));
        }
        Ok(())
    }

    /// Refuses a task out of range, and fields that have no meaning for the task.
    ///
    /// # Errors
    /// [`SettingError`] at the field.
    pub fn check_task(&self) -> Result<(), SettingError> {
        let task = self.task.as_ref().filter(|task| task.patches().is_some());
        let Some(task) = task else {
            self.augment.as_ref().map_or(Ok(()), check_augmentation)?;
            self.view.map_or(Ok(()), |view| view.check())?;
            let range = "left out in classification: its data sets bring their test images along";
            SettingError::unless(self.test_dataset.is_none(), "test_dataset", "given", range)?;
            return SettingError::unless(self.fold.is_none(), "fold", "given", range);
        };
        task.check()?;
        let plain = self.preprocess.as_ref().is_none_or(Vec::is_empty);
        let range = "left out in tasks over maps, whose inputs are value/255 − 1/2";
        SettingError::unless(plain, "preprocess", "given", range)?;
        let range = "left out in tasks over maps, whose inputs are whole images";
        SettingError::unless(self.view.is_none(), "view", "given", range)?;
        let range =
            "left out in tasks over maps; their patches are moved at random, and turned as `symmetry` says";
        SettingError::unless(self.augment.is_none(), "augment", "given", range)
    }
}

/// Refuses settings that exclude each other, and sizes beyond any image.
fn check_augmentation(augment: &Augmentation) -> Result<(), SettingError> {
    augment.check()?;
    let alternates = augment.horizontal_flip && augment.alternating_flip;
    let range = "left out together with horizontal_flip";
    SettingError::unless(!alternates, "augment.alternating_flip", true, range)?;
    for (field, pixels) in [("augment.translate", augment.translate), ("augment.cutout", augment.cutout)] {
        SettingError::unless(pixels <= MOST_PIXELS, field, pixels, "at most 4096 pixels")?;
    }
    Ok(())
}

impl DataSettings {
    /// Returns the settings of the task.
    pub fn task(&self) -> TaskSettings {
        self.task.clone().unwrap_or(TaskSettings::Classification {})
    }

    /// Returns the options of the pictures for the data crate.
    pub fn picture_options(&self) -> PictureOptions {
        PictureOptions {
            validation: self.validation,
            train_images: self.train_images,
            fold: self.fold,
            test_dataset: self.test_dataset.clone(),
            synthetic: self.synthetic.unwrap_or_default(),
        }
    }

    /// Returns the options of the images for the data crate.
    pub fn options(&self) -> DatasetOptions {
        DatasetOptions {
            validation: self.validation,
            train_images: self.train_images,
            synthetic: self.synthetic.unwrap_or_default(),
            view: self.view,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> DataRequest {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn the_defaults_hold_out_5000_images_and_change_nothing_at_random() {
        let settings = request("dataset = 'cifar10'").resolve(0, None);
        assert_eq!(settings.validation, 5000);
        assert!(settings.augment.is_identity());
        assert_eq!(settings.synthetic, None);
    }

    #[test]
    fn small_sets_hold_out_a_fifth_and_those_with_a_validation_split_nothing() {
        let held_out = |text: &str, train, validation| {
            request(text).resolve(0, Some(TrainingImages { train, validation })).validation
        };
        let sizes = [(300, 0), (5000, 0), (5001, 0), (50_000, 0), (300, 60)];
        let of = |text: &str| sizes.map(|(train, validation)| held_out(text, train, validation));
        assert_eq!(of("dataset = 'mine'"), [60, 1000, 5000, 5000, 0]);
        assert_eq!(of("dataset = 'mine'\nvalidation = 30"), [30; 5]);
        assert_eq!(held_out("dataset = 'mine'\ntask = { segmentation = {} }", 7, 0), 2);
    }

    #[test]
    fn a_fold_without_index_is_the_seed_s() {
        let request = request("dataset = 'cells'\ntask = { segmentation = {} }\nfold = { of = 5 }");
        let index = |seed| request.resolve(seed, None).fold.unwrap().index;
        assert_eq!([0, 4, 5, 7].map(index), [0, 4, 0, 2]);
        assert_eq!(request.resolve(0, None).validation, 8);
    }

    #[test]
    fn fields_of_other_tasks_are_refused_and_classification_may_be_named() {
        let field = |text: &str| request(&format!("dataset = 'x'\n{text}")).check_task().unwrap_err().field;
        assert_eq!(field("test_dataset = 'y'"), "test_dataset");
        let both = "augment = { horizontal_flip = true, alternating_flip = true }";
        assert_eq!(field(both), "augment.alternating_flip");
        assert_eq!(field("augment = { cutout = 5000 }"), "augment.cutout");
        assert_eq!(field("augment = { translate = 4294967295 }"), "augment.translate");
        assert_eq!(field("task = { classification = {} }\nfold = { of = 2 }"), "fold");
        assert_eq!(field("task = { segmentation = {} }\naugment = { translate = 2 }"), "augment");
        assert_eq!(field("task = { segmentation = {} }\npreprocess = ['standardize']"), "preprocess");
        let named = request("dataset = 'cifar10'\ntask = { classification = {} }");
        assert_eq!(named.resolve(0, None), request("dataset = 'cifar10'").resolve(0, None));
    }

    #[test]
    fn drawing_settings_belong_to_the_synthetic_data_set_only() {
        let stored = request("dataset = 'cifar10'\nsynthetic = { size = 16 }");
        assert_eq!(stored.check_drawing().unwrap_err().field, "synthetic");
        let request = request("dataset = 'synthetic'\nsynthetic = { size = 16 }");
        assert_eq!(request.check_drawing(), Ok(()));
        let drawn = request.resolve(0, None);
        assert_eq!(drawn.options().synthetic.size, 16);
    }
}
