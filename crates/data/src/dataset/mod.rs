//! A dataset in memory: classes, image shape, and its splits of 8-bit pixels.

pub mod cifar;
pub mod cifar100_classes;
pub mod holdout;
pub mod pack;
pub mod split;
pub mod synthetic;

use serde::{Deserialize, Serialize};

use crate::augment::ImageShape;
use crate::error::DataError;
pub use split::Split;
pub use synthetic::SyntheticSettings;

/// An opened dataset. Cloning shares the pixels.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Registry name.
    pub name: String,
    /// Class names; a label is an index into this list.
    pub classes: Vec<String>,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// Channels of a pixel.
    pub channels: usize,
    /// Images to train on, without the validation split.
    pub train: Split,
    /// Images for curves, selection and search; none if nothing is held out.
    pub validation: Option<Split>,
    /// Images for the one final evaluation.
    pub test: Split,
    /// BLAKE3 of everything the source holds (classes, shape, pixels, labels), before anything is held out, in hex.
    pub content_hash: String,
}

/// The part of a dataset that is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatasetOptions {
    /// Number of training images held out for validation, balanced over the classes; 0 holds out none.
    pub validation: usize,
    /// Use only this many of the remaining training images, balanced over the classes; `None` uses all.
    pub train_images: Option<usize>,
    /// Settings of the drawn images if the dataset is `synthetic`; other datasets ignore it.
    pub synthetic: SyntheticSettings,
}

impl Default for DatasetOptions {
    fn default() -> DatasetOptions {
        DatasetOptions { validation: 5000, train_images: None, synthetic: SyntheticSettings::default() }
    }
}

/// Everything a source holds, before anything is held out.
#[derive(Clone, Debug)]
pub struct Source {
    /// Class names.
    pub classes: Vec<String>,
    /// Shape of every image.
    pub shape: ImageShape,
    /// The training split.
    pub train: Split,
    /// The source's own validation split.
    pub validation: Option<Split>,
    /// The test split.
    pub test: Split,
}

impl Source {
    /// Hashes classes, shape, pixels and labels; equal hashes mean equal data.
    pub fn content_hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"allconv-data content 1\n");
        for class in &self.classes {
            hasher.update(&(class.len() as u64).to_le_bytes()).update(class.as_bytes());
        }
        let ImageShape { height, width, channels } = self.shape;
        for length in [self.classes.len(), height, width, channels] {
            hasher.update(&(length as u64).to_le_bytes());
        }
        for split in [Some(&self.train), self.validation.as_ref(), Some(&self.test)] {
            split.map_or(&Split::empty(self.shape), |split| split).hash_into(&mut hasher);
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Refuses empty splits and labels without a class.
    pub fn check(&self, name: &str) -> Result<(), DataError> {
        let splits =
            [("train", Some(&self.train)), ("val", self.validation.as_ref()), ("test", Some(&self.test))];
        for (split_name, split) in splits {
            let Some(split) = split else { continue };
            if split.is_empty() {
                return Err(DataError::bad_file(
                    format!("{name}, split {split_name}"),
                    "at least one image",
                    "none",
                    "add images or leave the split out",
                ));
            }
            if let Some(label) =
                split.labels().iter().find(|&&label| usize::from(label) >= self.classes.len())
            {
                return Err(DataError::bad_file(
                    format!("{name}, split {split_name}"),
                    format!("labels from 0 to {}", self.classes.len() - 1),
                    format!("label {label}"),
                    "repair or import the dataset again",
                ));
            }
        }
        Ok(())
    }

    /// Holds out the validation split and takes the requested number of training images.
    pub fn into_dataset(self, name: &str, options: &DatasetOptions) -> Result<Dataset, DataError> {
        self.check(name)?;
        let content_hash = self.content_hash();
        if self.validation.is_some() && options.validation > 0 {
            return Err(DataError::BadOption {
                field: "validation",
                value: options.validation.to_string(),
                limit: format!("{name} brings its own validation split"),
                fix: "set validation = 0 to use that one".to_string(),
            });
        }
        let divided = holdout::divide(&self.train, &self.classes, options.validation, options.train_images)?;
        Ok(Dataset {
            name: name.to_string(),
            classes: self.classes,
            height: self.shape.height,
            width: self.shape.width,
            channels: self.shape.channels,
            train: divided.train,
            validation: self.validation.or(divided.validation),
            test: self.test,
            content_hash,
        })
    }
}

impl Dataset {
    /// Returns the shape of every image.
    pub fn shape(&self) -> ImageShape {
        ImageShape { height: self.height, width: self.width, channels: self.channels }
    }
}
