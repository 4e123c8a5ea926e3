//! A prepared dataset: every split as `f32` images, ready to be loaded.

use std::sync::Arc;

use super::standardize::ChannelMoments;
use super::step::Preprocess;
use crate::augment::ImageShape;
use crate::dataset::{Dataset, Split};
use crate::directory::DataDirectory;
use crate::error::DataError;
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
}

/// One split after preprocessing. Cloning shares the images.
#[derive(Clone, Debug)]
pub struct PreparedSplit {
    images: Arc<Vec<f32>>,
    labels: Arc<Vec<u16>>,
    shape: ImageShape,
}

impl PreparedSplit {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// True if there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// All images, `[n, height, width, channels]`.
    pub fn images(&self) -> &[f32] {
        &self.images
    }

    /// All class numbers, `[n]`.
    pub fn labels(&self) -> &[u16] {
        &self.labels
    }

    /// One image, `[height, width, channels]`.
    pub fn image(&self, sample: usize) -> &[f32] {
        &self.images[sample * self.shape.len()..][..self.shape.len()]
    }
}

impl SampleSource for PreparedSplit {
    fn sample_count(&self) -> usize {
        self.len()
    }

    fn image_shape(&self) -> ImageShape {
        self.shape
    }

    fn label(&self, sample: usize) -> u32 {
        u32::from(self.labels[sample])
    }

    fn read_image(&self, sample: usize, image: &mut [f32]) -> Result<(), DataError> {
        image.copy_from_slice(self.image(sample));
        Ok(())
    }
}

/// A fitted step, ready to change images in place.
type Apply = Box<dyn Fn(&mut [f32])>;

/// Applies the steps in order: each is fitted on the training split as the steps before left it, then applied to every
/// split. Pixels start as grey levels from 0 to 255; an empty list leaves them so.
///
/// # Errors
/// Parameters outside their limits.
pub fn prepare(
    dataset: &Dataset,
    steps: &[Preprocess],
    _directory: &DataDirectory,
) -> Result<PreparedDataset, DataError> {
    let shape = dataset.shape();
    let mut train = as_floats(&dataset.train);
    let mut validation = dataset.validation.as_ref().map(as_floats);
    let mut test = as_floats(&dataset.test);
    for step in steps {
        let apply: Apply = match *step {
            Preprocess::Standardize => {
                let moments = ChannelMoments::fit(&train, shape.len(), shape.channels);
                Box::new(move |images| moments.apply(images, shape.len()))
            }
            Preprocess::GlobalContrast(parameters) => {
                Box::new(move |images| parameters.apply(images, shape.len()))
            }
        };
        for images in [Some(&mut train), validation.as_mut(), Some(&mut test)].into_iter().flatten() {
            apply(images);
        }
    }
    let join = |images: Vec<f32>, split: &Split| PreparedSplit {
        images: Arc::new(images),
        labels: split.shared_labels(),
        shape,
    };
    Ok(PreparedDataset {
        name: dataset.name.clone(),
        classes: dataset.classes.clone(),
        shape,
        train: join(train, &dataset.train),
        validation: validation.zip(dataset.validation.as_ref()).map(|(images, split)| join(images, split)),
        test: join(test, &dataset.test),
        content_hash: dataset.content_hash.clone(),
    })
}

fn as_floats(split: &Split) -> Vec<f32> {
    split.pixels().iter().map(|&byte| f32::from(byte)).collect()
}
