//! A dataset in memory: classes, image shape, and its splits of 8-bit pixels.

pub mod cifar;
pub mod cifar100_classes;
pub mod holdout;
pub mod images;
pub mod pack;
mod samples;
pub mod split;
pub mod synthetic;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::DataError;
use crate::image_shape::ImageShape;
use crate::import::layout::SplitName;
use crate::shards::ShardedSet;
use crate::view::View;
pub use images::Images;
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
    pub train: Images,
    /// Images for curves, selection and search; none if nothing is held out.
    pub validation: Option<Images>,
    /// Images for the one final evaluation.
    pub test: Images,
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
    /// What is seen of images; needed for those that differ in size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<View>,
}

impl Default for DatasetOptions {
    fn default() -> DatasetOptions {
        DatasetOptions {
            validation: 5000,
            train_images: None,
            synthetic: SyntheticSettings::default(),
            view: None,
        }
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

    /// Holds out the validation split, takes the requested number of training images, and applies the view.
    pub fn into_dataset(self, name: &str, options: &DatasetOptions) -> Result<Dataset, DataError> {
        self.check(name)?;
        let content_hash = self.content_hash();
        let images = |split| Images::of_split(split, options.view);
        let splits = Splits {
            train: images(self.train),
            validation: self.validation.map(images),
            test: images(self.test),
        };
        divided(name, self.classes, content_hash, splits, options)
    }
}

/// A set of encoded images, seen through the view of the options.
///
/// # Errors
/// [`DataError::BadOption`] for images of different sizes without a view; as [`Source::into_dataset`].
pub(crate) fn of_shards(
    name: &str,
    set: Arc<ShardedSet>,
    options: &DatasetOptions,
) -> Result<Dataset, DataError> {
    let shape = match (options.view, set.common_size()) {
        (Some(view), _) => view.shape(),
        (None, Some([height, width])) => {
            ImageShape { height: usize::from(height), width: usize::from(width), channels: 3 }
        }
        (None, None) => {
            return Err(DataError::BadOption {
                field: "view",
                value: "none".to_string(),
                limit: format!(
                    "the images of {name} differ in size, and the input of a network has one size"
                ),
                fix: "give the part of each image that is the input, e.g. view = { size = 64 }".to_string(),
            });
        }
    };
    let images = |split| Images::of_shards(&set, split, options.view, shape);
    let splits = Splits {
        train: images(SplitName::Train),
        validation: Some(images(SplitName::Validation)).filter(|images| !images.is_empty()),
        test: images(SplitName::Test),
    };
    let header = set.header();
    divided(name, header.classes.clone(), header.content_hash.clone(), splits, options)
}

/// The splits of a set before anything is held out.
pub(crate) struct Splits {
    pub(crate) train: Images,
    pub(crate) validation: Option<Images>,
    pub(crate) test: Images,
}

/// Holds out the validation split and takes the requested number of training images.
pub(crate) fn divided(
    name: &str,
    classes: Vec<String>,
    content_hash: String,
    splits: Splits,
    options: &DatasetOptions,
) -> Result<Dataset, DataError> {
    if splits.validation.is_some() && options.validation > 0 {
        return Err(DataError::BadOption {
            field: "validation",
            value: options.validation.to_string(),
            limit: format!("{name} brings its own validation split"),
            fix: "set validation = 0 to use that one".to_string(),
        });
    }
    let divided = holdout::divide(&splits.train, &classes, options.validation, options.train_images)?;
    let ImageShape { height, width, channels } = splits.train.shape();
    Ok(Dataset {
        name: name.to_string(),
        classes,
        height,
        width,
        channels,
        train: divided.train,
        validation: splits.validation.or(divided.validation),
        test: splits.test,
        content_hash,
    })
}

impl Dataset {
    /// Returns the shape of every image.
    pub fn shape(&self) -> ImageShape {
        ImageShape { height: self.height, width: self.width, channels: self.channels }
    }
}
