//! The prepared values of a set that lies in memory: computed, or read from the cache.

use super::cache::{ArrayFile, cache_path, write_arrays};
use super::fitted::FittedPreprocess;
use super::step::Preprocess;
use crate::dataset::{Dataset, Split};
use crate::directory::DataDirectory;
use crate::error::DataError;
use crate::image_shape::ImageShape;

/// The splits of a set that lies in memory.
pub(super) struct Stored<'a> {
    pub(super) train: &'a Split,
    pub(super) validation: Option<&'a Split>,
    pub(super) test: &'a Split,
}

impl Stored<'_> {
    pub(super) fn of(dataset: &Dataset) -> Option<Stored<'_>> {
        let validation = match &dataset.validation {
            Some(images) => Some(images.stored()?),
            None => None,
        };
        Some(Stored { train: dataset.train.stored()?, validation, test: dataset.test.stored()? })
    }

    pub(super) fn shape(&self) -> ImageShape {
        self.train.shape()
    }
}

/// Fitted steps and the images of every split.
pub(super) struct Arrays {
    pub(super) fitted: FittedPreprocess,
    pub(super) train: Vec<f32>,
    pub(super) validation: Option<Vec<f32>>,
    pub(super) test: Vec<f32>,
}

impl Arrays {
    pub(super) fn compute(dataset: &Stored, steps: &[Preprocess]) -> Result<Arrays, DataError> {
        let mut train = as_floats(dataset.train);
        let fitted = FittedPreprocess::fit(steps, &mut train, dataset.shape())?;
        let apply = |split: &Split| {
            let mut images = as_floats(split);
            fitted.apply(&mut images);
            images
        };
        let validation = dataset.validation.map(apply);
        let test = apply(dataset.test);
        Ok(Arrays { fitted, train, validation, test })
    }

    pub(super) fn write(&self, directory: &DataDirectory, keys: &CacheKeys) -> Result<(), DataError> {
        write_arrays(&cache_path(directory, "fitted", &keys.fitted), &self.fitted.to_arrays())?;
        let splits = [Some(&self.train), self.validation.as_ref(), Some(&self.test)];
        let images: Vec<&[f32]> = splits.into_iter().flatten().map(Vec::as_slice).collect();
        write_arrays(&cache_path(directory, "images", &keys.images), &images)
    }

    pub(super) fn read(
        dataset: &Stored,
        steps: &[Preprocess],
        directory: &DataDirectory,
        keys: &CacheKeys,
    ) -> Result<Option<Arrays>, DataError> {
        let fitted = ArrayFile::open(&cache_path(directory, "fitted", &keys.fitted))?;
        let images = ArrayFile::open(&cache_path(directory, "images", &keys.images))?;
        let (Some(mut fitted), Some(mut images)) = (fitted, images) else { return Ok(None) };
        let Some(fitted) = FittedPreprocess::from_file(steps, dataset.shape(), &mut fitted) else {
            return Ok(None);
        };
        let mut take = |split: &Split| images.take(split.pixels().len());
        let Some(train) = take(dataset.train) else { return Ok(None) };
        let validation = match dataset.validation {
            None => None,
            Some(split) => match take(split) {
                None => return Ok(None),
                taken => taken,
            },
        };
        let Some(test) = take(dataset.test) else { return Ok(None) };
        Ok(images.is_used_up().then_some(Arrays { fitted, train, validation, test }))
    }
}

/// Names of the cache files of one preparation.
pub(super) struct CacheKeys {
    /// Hash of revision, steps, shape and training split.
    pub(super) fitted: String,
    /// The same with the other splits.
    pub(super) images: String,
}

impl CacheKeys {
    pub(super) fn of(dataset: &Stored, steps: &[Preprocess]) -> Result<CacheKeys, DataError> {
        let described = serde_json::to_string(&(
            crate::NUMERICS_REVISION,
            steps,
            dataset.shape().height,
            dataset.shape().width,
            dataset.shape().channels,
        ))
        .map_err(|error| {
            DataError::bad_file("preprocess", "plain numbers", error, "use finite parameters")
        })?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"allconv-data prepared\n").update(described.as_bytes());
        dataset.train.hash_into(&mut hasher);
        let fitted = hasher.finalize().to_hex().to_string();
        for split in [dataset.validation, Some(dataset.test)].into_iter().flatten() {
            split.hash_into(&mut hasher);
        }
        Ok(CacheKeys { fitted, images: hasher.finalize().to_hex().to_string() })
    }
}

fn as_floats(split: &Split) -> Vec<f32> {
    split.pixels().iter().map(|&byte| f32::from(byte)).collect()
}
