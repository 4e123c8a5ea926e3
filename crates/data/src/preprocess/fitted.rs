//! Fitted steps: the preprocessing that a network needs, with its weights, for new images.

use std::path::Path;

use super::cache::ArrayFile;
use super::global_contrast::GlobalContrast;
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

/// One step with what was fitted for it.
#[derive(Clone, Debug, PartialEq)]
pub enum FittedStep {
    /// Subtracts a mean from every channel and divides by a deviation.
    Standardize(ChannelMoments),
    /// Gives every image mean 0 and one norm; nothing is fitted.
    GlobalContrast(GlobalContrast),
    /// Subtracts the mean image and multiplies by a matrix.
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

    /// Joins steps that were fitted elsewhere, for images of `shape`.
    ///
    /// # Errors
    /// [`DataError::BadOption`] when a step holds a number of values that does not fit the shape, one that is not finite, or a deviation that
    /// is not above 0.
    pub fn of_steps(steps: Vec<FittedStep>, shape: ImageShape) -> Result<FittedPreprocess, DataError> {
        let (channels, length) = (shape.channels, shape.len());
        for step in &steps {
            match step {
                FittedStep::Standardize(moments) => {
                    check_values("preprocess.standardize.mean", &moments.mean, channels)?;
                    check_values("preprocess.standardize.deviation", &moments.deviation, channels)?;
                    if let Some(deviation) = moments.deviation.iter().find(|value| **value <= 0.0) {
                        return Err(DataError::BadOption {
                            field: "preprocess.standardize.deviation",
                            value: deviation.to_string(),
                            limit: "every deviation must be above 0".to_string(),
                            fix: WRITE_AGAIN.to_string(),
                        });
                    }
                }
                FittedStep::GlobalContrast(parameters) => Preprocess::GlobalContrast(*parameters).check()?,
                FittedStep::Zca(whitening) => {
                    check_values("preprocess.zca.mean", &whitening.mean, length)?;
                    check_values("preprocess.zca.matrix", &whitening.matrix, length.saturating_mul(length))?;
                }
            }
        }
        Ok(FittedPreprocess { steps, shape })
    }

    /// The steps in the order in which they are applied.
    pub fn steps(&self) -> &[FittedStep] {
        &self.steps
    }

    /// Returns standardisation by moments that were measured elsewhere.
    pub(super) fn standardized(moments: ChannelMoments, shape: ImageShape) -> FittedPreprocess {
        FittedPreprocess { steps: vec![FittedStep::Standardize(moments)], shape }
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

/// What to do about fitted values that do not fit.
const WRITE_AGAIN: &str = "write the fitted steps anew, or restore them from a copy";

/// Refuses fitted values of another number than `count`, and those that are not finite.
fn check_values(field: &'static str, values: &[f32], count: usize) -> Result<(), DataError> {
    let refused = |value: String, limit: String| DataError::BadOption {
        field,
        value,
        limit,
        fix: WRITE_AGAIN.to_string(),
    };
    if values.len() != count {
        let limit = format!("images of this shape need {count}");
        return Err(refused(format!("{} values", values.len()), limit));
    }
    match values.iter().find(|value| !value.is_finite()) {
        None => Ok(()),
        Some(value) => Err(refused(value.to_string(), "every value must be finite".to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape { height: 2, width: 2, channels: 3 };

    fn moments(mean: Vec<f32>, deviation: Vec<f32>) -> FittedStep {
        FittedStep::Standardize(ChannelMoments { mean, deviation })
    }

    #[test]
    fn steps_come_back_from_their_values() {
        let mut images: Vec<f32> = (0..36).map(|value| (value * 7 % 11) as f32).collect();
        let steps = [Preprocess::Standardize, Preprocess::all()[1], Preprocess::all()[2]];
        let fitted = FittedPreprocess::fit(&steps, &mut images, SHAPE).expect("usual steps");
        let again = FittedPreprocess::of_steps(fitted.steps().to_vec(), SHAPE).expect("what was fitted");
        assert_eq!(again, fitted);
    }

    #[test]
    fn values_that_do_not_fit_are_refused_by_name() {
        let zca = |mean: usize, matrix: usize| {
            FittedStep::Zca(Whitening { mean: vec![0.0; mean], matrix: vec![0.0; matrix] })
        };
        for (step, name) in [
            (moments(vec![0.0; 2], vec![1.0; 3]), "standardize.mean = 2 values"),
            (moments(vec![0.0; 3], vec![1.0; 4]), "standardize.deviation = 4 values"),
            (moments(vec![0.0, f32::NAN, 0.0], vec![1.0; 3]), "standardize.mean = NaN"),
            (moments(vec![0.0; 3], vec![1.0, 0.0, 1.0]), "standardize.deviation = 0"),
            (zca(11, 144), "zca.mean = 11 values"),
            (zca(12, 143), "zca.matrix = 143 values"),
            (FittedStep::GlobalContrast(GlobalContrast { scale: -1.0, min_divisor: 0.0 }), "scale = -1"),
        ] {
            let message = FittedPreprocess::of_steps(vec![step], SHAPE).expect_err(name).to_string();
            assert!(message.contains(name), "{message}");
        }
    }
}
