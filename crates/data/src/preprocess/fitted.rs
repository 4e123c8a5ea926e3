//! Fitted steps: the preprocessing that a network needs, with its weights, for new images.

use std::path::Path;

use super::cache::ArrayFile;
use super::standardize::ChannelMoments;
use super::step::Preprocess;
use super::zca::Whitening;
use crate::augment::ImageShape;
use crate::error::DataError;

/// An ordered list of fitted steps for images of one shape.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedPreprocess {
    steps: Vec<FittedStep>,
    shape: ImageShape,
}

#[derive(Clone, Debug, PartialEq)]
enum FittedStep {
    Standardize(ChannelMoments),
    GlobalContrast(super::global_contrast::GlobalContrast),
    Zca(Whitening),
}

impl FittedStep {
    fn apply(&self, images: &mut [f32], shape: ImageShape) {
        match self {
            FittedStep::Standardize(moments) => moments.apply(images, shape.len()),
            FittedStep::GlobalContrast(parameters) => parameters.apply(images, shape.len()),
            FittedStep::Zca(whitening) => whitening.apply(images),
        }
    }
}

impl FittedPreprocess {
    /// Fits each step on the training images as the steps before left them, and leaves the images as the last step does.
    ///
    /// # Errors
    /// Parameters outside their limits.
    pub fn fit(
        steps: &[Preprocess],
        train: &mut [f32],
        shape: ImageShape,
    ) -> Result<FittedPreprocess, DataError> {
        let mut fitted = FittedPreprocess { steps: Vec::with_capacity(steps.len()), shape };
        for step in steps {
            step.check()?;
            let step = match step {
                Preprocess::Standardize => {
                    FittedStep::Standardize(ChannelMoments::fit(train, shape.len(), shape.channels))
                }
                Preprocess::GlobalContrast(parameters) => FittedStep::GlobalContrast(*parameters),
                Preprocess::Zca(parameters) => {
                    FittedStep::Zca(Whitening::fit(train, shape.len(), parameters)?)
                }
            };
            step.apply(train, shape);
            fitted.steps.push(step);
        }
        Ok(fitted)
    }

    /// No steps at all: pixels stay grey levels.
    #[must_use]
    pub fn nothing(shape: ImageShape) -> FittedPreprocess {
        FittedPreprocess { steps: Vec::new(), shape }
    }

    /// Applies all steps to images `[n, height, width, channels]` of grey levels from 0 to 255, in place.
    ///
    /// # Panics
    /// If the values are not a whole number of images.
    pub fn apply(&self, images: &mut [f32]) {
        assert_eq!(images.len() % self.shape.len(), 0, "images must be whole");
        for step in &self.steps {
            step.apply(images, self.shape);
        }
    }

    /// Reads fitted steps from a file that [`PreparedDataset::keep_fitted`](super::PreparedDataset::keep_fitted) wrote for images of
    /// `shape`; none is needed where no step is fitted.
    ///
    /// # Errors
    /// [`DataError`] when the file is missing, damaged, or holds other steps.
    pub fn read_kept(
        path: &Path,
        steps: &[Preprocess],
        shape: ImageShape,
    ) -> Result<FittedPreprocess, DataError> {
        if steps.iter().all(|step| matches!(step, Preprocess::GlobalContrast(_))) {
            return FittedPreprocess::fit(steps, &mut [], shape);
        }
        let file = ArrayFile::open(path)?;
        file.and_then(|mut file| FittedPreprocess::from_file(steps, shape, &mut file)).ok_or_else(|| {
            DataError::bad_file(
                path.display(),
                "the fitted preprocessing of the run",
                "no file, a damaged one, or one for other steps",
                "restore it from a copy, or make the run again",
            )
        })
    }

    /// Returns everything that was fitted, as one list of numbers.
    pub(super) fn to_arrays(&self) -> Vec<&[f32]> {
        self.steps
            .iter()
            .flat_map(|step| match step {
                FittedStep::Standardize(moments) => {
                    vec![moments.mean.as_slice(), moments.deviation.as_slice()]
                }
                FittedStep::GlobalContrast(_) => Vec::new(),
                FittedStep::Zca(whitening) => vec![whitening.mean.as_slice(), whitening.matrix.as_slice()],
            })
            .collect()
    }

    /// Returns the inverse of [`FittedPreprocess::to_arrays`]; `None` if the file holds another number of values.
    pub(super) fn from_file(
        steps: &[Preprocess],
        shape: ImageShape,
        file: &mut ArrayFile,
    ) -> Option<FittedPreprocess> {
        let length = shape.len();
        let steps = steps
            .iter()
            .map(|step| {
                Some(match step {
                    Preprocess::Standardize => FittedStep::Standardize(ChannelMoments {
                        mean: file.take(shape.channels)?,
                        deviation: file.take(shape.channels)?,
                    }),
                    Preprocess::GlobalContrast(parameters) => FittedStep::GlobalContrast(*parameters),
                    Preprocess::Zca(_) => FittedStep::Zca(Whitening {
                        mean: file.take(length)?,
                        matrix: file.take(length * length)?,
                    }),
                })
            })
            .collect::<Option<Vec<_>>>()?;
        file.is_used_up().then_some(FittedPreprocess { steps, shape })
    }
}
