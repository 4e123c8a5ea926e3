//! A prepared dataset: every split as `f32` images, ready to be loaded.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use super::cache::{CacheLock, cache_path, write_arrays};
use super::fitted::FittedPreprocess;
use super::step::Preprocess;
use super::stored::{Arrays, CacheKeys, Stored};
use super::when_read;
use crate::augment::{Augmentation, Draw};
use crate::dataset::{Dataset, Images};
use crate::directory::DataDirectory;
use crate::error::DataError;
use crate::image_shape::ImageShape;
use crate::loader::SampleSource;

/// A dataset after preprocessing. Cloning shares the images.
#[derive(Clone, Debug)]
pub struct PreparedDataset {
    /// Registry name.
    pub name: String,
    /// Class names.
    pub classes: Vec<String>,
    /// Shape of every image.
    pub shape: ImageShape,
    /// Images to train on.
    pub train: PreparedSplit,
    /// Images held out.
    pub validation: Option<PreparedSplit>,
    /// Images for the final evaluation.
    pub test: PreparedSplit,
    /// [`Dataset::content_hash`].
    pub content_hash: String,
    /// The fitted steps, for images that belong to no split.
    pub fitted: Arc<FittedPreprocess>,
    /// The cache file that holds them, where they are kept in one.
    pub fitted_file: Option<PathBuf>,
}

impl PreparedDataset {
    /// Keeps the fitted steps in a file of their own, where [`FittedPreprocess::read_kept`] finds them; writes none where nothing was
    /// fitted. A large one shares its bytes with the cache, so that many runs store it once.
    ///
    /// # Errors
    /// [`DataError`] when the file cannot be written.
    pub fn keep_fitted(&self, path: &Path) -> Result<(), DataError> {
        let arrays = self.fitted.to_arrays();
        if arrays.is_empty() {
            return Ok(());
        }
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(DataError::io("replace", path)(error));
            }
            _ => {}
        }
        // Cache files are replaced by renaming and never written to, so a second name for one is safe. On another file system, or where
        // the cache was emptied, the file is written.
        match self.fitted_file.as_ref().map(|cached| fs::hard_link(cached, path)) {
            Some(Ok(())) => Ok(()),
            _ => write_arrays(path, &arrays),
        }
    }
}

/// One split after preprocessing. Cloning shares the images.
#[derive(Clone, Debug)]
pub struct PreparedSplit {
    /// The prepared values of all images; none where images are prepared when they are read.
    values: Option<Arc<Vec<f32>>>,
    images: Images,
    fitted: Arc<FittedPreprocess>,
}

impl PreparedSplit {
    /// Returns the number of images.
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Returns whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// Returns `count` of its images at even distances, in the stored order; itself if there are no more.
    #[must_use]
    pub fn spread(&self, count: usize) -> PreparedSplit {
        if count >= self.len() {
            return self.clone();
        }
        let chosen: Vec<usize> = (0..count).map(|index| index * self.len() / count).collect();
        let length = self.images.shape().len();
        let values = self.values.as_ref().map(|values| {
            Arc::new(chosen.iter().flat_map(|sample| &values[sample * length..][..length]).copied().collect())
        });
        PreparedSplit { values, images: self.images.select(&chosen), fitted: Arc::clone(&self.fitted) }
    }

    /// Returns the split once for each part of its images that evaluation looks at: usually once, ten times with
    /// [`Crops::Ten`](crate::Crops::Ten).
    pub fn crops(&self) -> Vec<PreparedSplit> {
        if self.values.is_some() {
            return vec![self.clone()];
        }
        let of = |images| PreparedSplit { values: None, images, fitted: Arc::clone(&self.fitted) };
        self.images.crops().into_iter().map(of).collect()
    }

    /// Returns one image, `[height, width, channels]`.
    ///
    /// # Errors
    /// [`DataError`] when it cannot be read.
    pub fn image(&self, sample: usize) -> Result<Cow<'_, [f32]>, DataError> {
        let length = self.images.shape().len();
        Ok(match &self.values {
            Some(values) => Cow::Borrowed(&values[sample * length..][..length]),
            None => {
                let mut image: Vec<f32> =
                    self.images.read(sample)?.iter().map(|&byte| f32::from(byte)).collect();
                self.fitted.apply(&mut image);
                Cow::Owned(image)
            }
        })
    }
}

impl SampleSource for PreparedSplit {
    fn sample_count(&self) -> usize {
        self.len()
    }

    fn image_shape(&self) -> ImageShape {
        self.images.shape()
    }

    fn label(&self, sample: usize) -> Result<u32, DataError> {
        Ok(u32::from(self.images.label(sample)?))
    }

    fn read_image(&self, sample: usize, image: &mut [f32]) -> Result<(), DataError> {
        image.copy_from_slice(&self.image(sample)?);
        Ok(())
    }

    fn read_changed(
        &self,
        augmentation: &Augmentation,
        draw: Draw,
        image: &mut [f32],
    ) -> Result<(), DataError> {
        let picture = augmentation.pixels(&self.images, draw)?;
        for (value, pixel) in image.iter_mut().zip(picture.pixels()) {
            *value = f32::from(*pixel);
        }
        self.fitted.apply(image);
        Ok(())
    }
}

/// Applies the steps in order: each is fitted on the training split as the steps before left it, then applied to every
/// split. Pixels start as grey levels from 0 to 255; an empty list leaves them so.
///
/// Lists with `zca`, which takes a minute for CIFAR, are kept in the directory's `cache/`, named by the hash of steps and
/// data; a second process that needs the same entry waits for the first. Other lists are computed faster than they are read.
///
/// # Errors
/// Parameters outside their limits; a cache that cannot be written.
pub fn prepare(
    dataset: &Dataset,
    steps: &[Preprocess],
    directory: &DataDirectory,
) -> Result<PreparedDataset, DataError> {
    let Some(stored) = Stored::of(dataset) else { return prepare_when_read(dataset, steps, directory) };
    let mut fitted_file = None;
    let arrays = if steps.iter().any(|step| matches!(step, Preprocess::Zca(_))) {
        let keys = CacheKeys::of(&stored, steps)?;
        fitted_file = Some(cache_path(directory, "fitted", &keys.fitted));
        let _lock = CacheLock::acquire(directory, &keys.fitted)?;
        match Arrays::read(&stored, steps, directory, &keys)? {
            Some(arrays) => arrays,
            None => {
                let arrays = Arrays::compute(&stored, steps)?;
                arrays.write(directory, &keys)?;
                arrays
            }
        }
    } else {
        Arrays::compute(&stored, steps)?
    };
    let fitted = Arc::new(arrays.fitted);
    let join = |values: Vec<f32>, images: &Images| PreparedSplit {
        values: Some(Arc::new(values)),
        images: images.clone(),
        fitted: Arc::clone(&fitted),
    };
    Ok(PreparedDataset {
        name: dataset.name.clone(),
        classes: dataset.classes.clone(),
        shape: dataset.shape(),
        train: join(arrays.train, &dataset.train),
        validation: arrays
            .validation
            .zip(dataset.validation.as_ref())
            .map(|(images, split)| join(images, split)),
        test: join(arrays.test, &dataset.test),
        content_hash: dataset.content_hash.clone(),
        fitted: Arc::clone(&fitted),
        fitted_file,
    })
}

/// Prepares images that are decoded when they are read: the steps are fitted on training images at even distances.
fn prepare_when_read(
    dataset: &Dataset,
    steps: &[Preprocess],
    directory: &DataDirectory,
) -> Result<PreparedDataset, DataError> {
    let (fitted, fitted_file) = when_read::fit(dataset, steps, directory)?;
    let fitted = Arc::new(fitted);
    let join =
        |images: &Images| PreparedSplit { values: None, images: images.clone(), fitted: Arc::clone(&fitted) };
    Ok(PreparedDataset {
        name: dataset.name.clone(),
        classes: dataset.classes.clone(),
        shape: dataset.shape(),
        train: join(&dataset.train),
        validation: dataset.validation.as_ref().map(join),
        test: join(&dataset.test),
        content_hash: dataset.content_hash.clone(),
        fitted: Arc::clone(&fitted),
        fitted_file,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{DatasetOptions, SyntheticSettings};
    use crate::registry::open;

    fn small(directory: &DataDirectory) -> Dataset {
        let synthetic = SyntheticSettings { size: 8, train: 120, test: 30, ..SyntheticSettings::default() };
        let options = DatasetOptions { validation: 20, train_images: None, synthetic, view: None };
        open("synthetic", directory, &options).expect("valid options")
    }

    fn same(one: &PreparedDataset, other: &PreparedDataset) -> bool {
        one.train.values == other.train.values
            && one.validation.as_ref().map(|split| &split.values)
                == other.validation.as_ref().map(|split| &split.values)
            && one.test.values == other.test.values
            && one.fitted == other.fitted
    }

    #[test]
    fn a_second_preparation_reads_the_cache_and_a_damaged_cache_is_repaired() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let directory = DataDirectory::new(folder.path());
        let dataset = small(&directory);
        let steps = [Preprocess::Standardize, Preprocess::Zca(Default::default())];
        let first = prepare(&dataset, &steps, &directory).expect("prepared");
        let cached: Vec<_> = fs::read_dir(directory.cache())
            .expect("a cache")
            .map(|item| item.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "f32"))
            .collect();
        assert_eq!(cached.len(), 2, "{cached:?}");

        // Values that no computation gives show that the second preparation reads the cache.
        let images = cached.iter().find(|path| path.to_string_lossy().contains("images-")).expect("images");
        let values =
            vec![42.0f32; dataset.train.stored().expect("in memory").pixels().len() + (20 + 30) * 8 * 8 * 3];
        write_arrays(images, &[&values]).expect("a planted cache");
        let planted = prepare(&dataset, &steps, &directory).expect("prepared");
        assert_eq!(planted.test.image(29).expect("in memory")[0], 42.0);

        for path in &cached {
            let mut bytes = fs::read(path).expect("a cache file");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x10;
            fs::write(path, bytes).expect("a damaged cache");
            let repaired = prepare(&dataset, &steps, &directory).expect("prepared");
            assert!(same(&first, &repaired), "{}", path.display());
        }
    }

    #[test]
    fn fitted_steps_are_kept_in_a_file_and_read_back_or_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let directory = DataDirectory::new(folder.path().join("data"));
        let dataset = small(&directory);
        let file = folder.path().join("preprocess.f32");
        for steps in [vec![Preprocess::Standardize], Preprocess::all().to_vec()] {
            let prepared = prepare(&dataset, &steps, &directory).expect("prepared");
            prepared.keep_fitted(&file).expect("kept");
            // A second time over the first, as a continued run does it.
            prepared.keep_fitted(&file).expect("kept");
            let read = FittedPreprocess::read_kept(&file, &steps, dataset.shape()).expect("read");
            assert!(read == *prepared.fitted);
            let whole = fs::read(&file).expect("a file");
            fs::remove_file(&file).expect("removed");
            fs::write(&file, &whole[..whole.len() - 4]).expect("cut");
            assert!(FittedPreprocess::read_kept(&file, &steps, dataset.shape()).is_err());
        }
        fs::remove_file(&file).expect("removed");
        let steps = [Preprocess::GlobalContrast(Default::default())];
        let prepared = prepare(&dataset, &steps, &directory).expect("prepared");
        prepared.keep_fitted(&file).expect("nothing to keep");
        assert!(!file.exists());
        let read = FittedPreprocess::read_kept(&file, &steps, dataset.shape()).expect("nothing to read");
        assert!(read == *prepared.fitted);
    }

    #[test]
    fn steps_are_fitted_on_the_training_split_alone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let directory = DataDirectory::new(folder.path());
        let dataset = small(&directory);
        let mut other = dataset.clone();
        other.test = dataset.train.select(&[3, 1, 4]);
        other.validation = None;
        for steps in [vec![Preprocess::Standardize], Preprocess::all().to_vec()] {
            let one = prepare(&dataset, &steps, &directory).expect("prepared");
            let two = prepare(&other, &steps, &directory).expect("prepared");
            assert!(one.fitted == two.fitted && one.train.values == two.train.values);
            // The fitted steps do to a training image what was done to it in its split, up to the rounding of sums
            // in blocks of other sizes: 192 terms of size below 10 with 24 bits.
            for (a, b) in
                two.test.image(1).expect("in memory").iter().zip(&*one.train.image(1).expect("in memory"))
            {
                assert!((a - b).abs() < 192.0 * 10.0 / (1 << 24) as f32, "{a} {b}");
            }
        }
    }

    #[test]
    fn without_steps_pixels_are_grey_levels_and_nothing_is_written() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let directory = DataDirectory::new(folder.path().join("absent"));
        let dataset = small(&directory);
        let prepared = prepare(&dataset, &[], &directory).expect("prepared");
        let expected: Vec<f32> =
            dataset.test.read(7).expect("in memory").iter().map(|&byte| f32::from(byte)).collect();
        assert_eq!(*prepared.test.image(7).expect("in memory"), expected);
        prepare(&dataset, &[Preprocess::Standardize], &directory).expect("prepared");
        assert!(!directory.root().exists());
    }
}
