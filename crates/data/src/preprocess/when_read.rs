//! Fitting for images that are decoded when they are read: one pass over training images at even distances, kept in the cache.

use rayon::prelude::*;

use super::cache::{ArrayFile, CacheLock, cache_path, write_arrays};
use super::fitted::FittedPreprocess;
use super::standardize::ChannelMoments;
use super::step::Preprocess;
use crate::dataset::{Dataset, Images};
use crate::directory::DataDirectory;
use crate::error::DataError;

/// Training images that standardisation is fitted on; all where there are fewer. Five thousand give a mean to a hundredth of a deviation.
const FITTED_IMAGES: usize = 5000;

/// Fits the steps, and says in which cache file they are kept, if anything was fitted.
///
/// # Errors
/// Steps that need all training images in memory; images that cannot be read; a cache that cannot be written.
pub(super) fn fit(
    dataset: &Dataset,
    steps: &[Preprocess],
    directory: &DataDirectory,
) -> Result<(FittedPreprocess, Option<std::path::PathBuf>), DataError> {
    let shape = dataset.shape();
    match steps {
        [] | [Preprocess::GlobalContrast(_)] => Ok((FittedPreprocess::fit(steps, &mut [], shape)?, None)),
        [Preprocess::Standardize] => {
            let chosen = chosen(&dataset.train);
            let key = key(dataset, &chosen)?;
            let path = cache_path(directory, "fitted", &key);
            let _lock = CacheLock::acquire(directory, &key)?;
            let kept = ArrayFile::open(&path)?
                .and_then(|mut file| FittedPreprocess::from_file(steps, shape, &mut file));
            if let Some(fitted) = kept {
                return Ok((fitted, Some(path)));
            }
            let fitted = FittedPreprocess::standardized(moments(&dataset.train, &chosen)?, shape);
            write_arrays(&path, &fitted.to_arrays())?;
            Ok((fitted, Some(path)))
        }
        _ => Err(DataError::BadOption {
            field: "preprocess",
            value: format!("{:?}", steps.iter().map(Preprocess::name).collect::<Vec<_>>()),
            limit: "images that are decoded when they are read have one step at most, standardize or global_contrast"
                .to_string(),
            fix: "leave the other steps out, or import images of one size, which are decoded once".to_string(),
        }),
    }
}

fn chosen(train: &Images) -> Vec<usize> {
    let count = FITTED_IMAGES.min(train.len());
    (0..count).map(|index| index * train.len() / count).collect()
}

/// Names the cache file: revision, set, view and the chosen images decide what is fitted.
fn key(dataset: &Dataset, chosen: &[usize]) -> Result<String, DataError> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"allconv-data fitted when read\n").update(&crate::NUMERICS_REVISION.to_le_bytes());
    hasher.update(dataset.train.view_text().as_bytes());
    for sample in chosen {
        hasher.update(&dataset.train.content(*sample)?);
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// Mean and deviation of each channel. Grey levels and their squares are whole numbers, so that their sums are exact in any order.
fn moments(train: &Images, chosen: &[usize]) -> Result<ChannelMoments, DataError> {
    let channels = train.shape().channels;
    let sums = chosen
        .par_iter()
        .map(|sample| {
            let mut sums = vec![[0u64; 2]; channels];
            for pixel in train.read(*sample)?.chunks_exact(channels) {
                for (sum, value) in sums.iter_mut().zip(pixel) {
                    let value = u64::from(*value);
                    *sum = [sum[0] + value, sum[1] + value * value];
                }
            }
            Ok::<_, DataError>(sums)
        })
        .try_reduce(
            || vec![[0; 2]; channels],
            |a, b| Ok(a.iter().zip(&b).map(|(a, b)| [a[0] + b[0], a[1] + b[1]]).collect()),
        )?;
    let count = (chosen.len() * train.shape().height * train.shape().width) as f64;
    let mean: Vec<f64> = sums.iter().map(|[sum, _]| *sum as f64 / count).collect();
    let deviation = sums.iter().zip(&mean).map(|([_, squares], mean)| {
        let variance = (*squares as f64 / count - mean * mean).max(0.0);
        if variance > 0.0 { variance.sqrt() as f32 } else { 1.0 }
    });
    Ok(ChannelMoments {
        deviation: deviation.collect(),
        mean: mean.iter().map(|mean| *mean as f32).collect(),
    })
}
