//! `[data]`: which images, how they are prepared, and which of them are held out.

use allconv_data::{Augmentation, DatasetOptions, Preprocess, SyntheticSettings};
use serde::{Deserialize, Serialize};

use super::SettingError;

/// Validation images held out of the training split unless the study says otherwise.
const DEFAULT_VALIDATION: usize = 5000;

/// The data set that is drawn.
const SYNTHETIC: &str = "synthetic";

/// `[data]` as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataRequest {
    /// Registry name of the data set.
    pub dataset: String,
    /// Preprocessing in order; default: per-channel standardisation.
    pub preprocess: Option<Vec<Preprocess>>,
    /// Random changes of training images; default: none.
    pub augment: Option<Augmentation>,
    /// Training images held out for validation; default 5000, or the data set's own validation split.
    pub validation: Option<usize>,
    /// Train on this many images only.
    pub train_images: Option<usize>,
    /// What to draw, when the data set is `synthetic`.
    pub synthetic: Option<SyntheticSettings>,
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
    /// What to draw, when the data set is `synthetic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synthetic: Option<SyntheticSettings>,
}

impl DataRequest {
    /// Writes every default out.
    pub fn resolve(&self) -> DataSettings {
        let drawn = self.dataset == SYNTHETIC;
        DataSettings {
            dataset: self.dataset.clone(),
            preprocess: self.preprocess.clone().unwrap_or_else(|| vec![Preprocess::Standardize]),
            augment: self.augment.unwrap_or_default(),
            validation: self.validation.unwrap_or(DEFAULT_VALIDATION),
            train_images: self.train_images,
            synthetic: drawn.then(|| self.synthetic.unwrap_or_default()),
        }
    }

    /// Refuses drawing settings for a data set that is not drawn; asked after the data set's name is known to exist.
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
}

impl DataSettings {
    /// The part that decides which images there are, as the data crate takes it.
    pub fn options(&self) -> DatasetOptions {
        DatasetOptions {
            validation: self.validation,
            train_images: self.train_images,
            synthetic: self.synthetic.unwrap_or_default(),
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
        let settings = request("dataset = 'cifar10'").resolve();
        assert_eq!(settings.validation, 5000);
        assert!(settings.augment.is_identity());
        assert_eq!(settings.synthetic, None);
    }

    #[test]
    fn drawing_settings_belong_to_the_synthetic_data_set_only() {
        let stored = request("dataset = 'cifar10'\nsynthetic = { size = 16 }");
        assert_eq!(stored.check_drawing().unwrap_err().field, "synthetic");
        let request = request("dataset = 'synthetic'\nsynthetic = { size = 16 }");
        assert_eq!(request.check_drawing(), Ok(()));
        let drawn = request.resolve();
        assert_eq!(drawn.options().synthetic.size, 16);
    }
}
