//! Fitted preprocessing in a model folder: short constants in `config.json`, ZCA whitening as tensors.

use allconv_data::{
    ChannelMoments, DataError, FittedPreprocess, FittedStep, GlobalContrast, ImageShape, Whitening,
};
use allconv_train::{NamedTensor, NamedTensors};
use serde::{Deserialize, Serialize};

/// One step of preprocessing with its constants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PreprocessConstants {
    /// `(x − mean) / deviation` for each channel.
    Standardize {
        /// One mean a channel.
        mean: Vec<f32>,
        /// One standard deviation a channel.
        deviation: Vec<f32>,
    },
    /// Subtracts the mean of an image and divides by its norm.
    GlobalContrast(GlobalContrast),
    /// `(x − mean) · matrix` over the values of an image in the order height, width, channels.
    Zca {
        /// Name of the tensor with the mean image, `[height · width · channels]`.
        mean: String,
        /// Name of the tensor with the matrix, both sides as long as the mean image.
        matrix: String,
    },
}

/// The constants of fitted steps, and the tensors that are too long for `config.json`.
pub(super) fn constants(fitted: &FittedPreprocess) -> (Vec<PreprocessConstants>, NamedTensors) {
    let mut tensors = NamedTensors::new();
    let mut keep = |index: usize, name: &str, shape: Vec<usize>, values: &[f32]| {
        let name = format!("{index}.zca.{name}");
        tensors.insert(name.clone(), NamedTensor { shape, values: values.to_vec() });
        name
    };
    let steps = fitted.steps().iter().enumerate().map(|(index, step)| match step {
        FittedStep::Standardize(ChannelMoments { mean, deviation }) => {
            PreprocessConstants::Standardize { mean: mean.clone(), deviation: deviation.clone() }
        }
        FittedStep::GlobalContrast(parameters) => PreprocessConstants::GlobalContrast(*parameters),
        FittedStep::Zca(Whitening { mean, matrix }) => PreprocessConstants::Zca {
            mean: keep(index, "mean", vec![mean.len()], mean),
            matrix: keep(index, "matrix", vec![mean.len(), mean.len()], matrix),
        },
    });
    (steps.collect(), tensors)
}

/// The fitted steps of `constants` and `tensors`.
///
/// # Errors
/// The step and what does not fit.
pub(super) fn fitted(
    constants: &[PreprocessConstants],
    mut tensors: NamedTensors,
    shape: ImageShape,
) -> Result<FittedPreprocess, String> {
    let length = shape.len();
    let mut take = |name: &str, wanted: Vec<usize>| {
        let tensor = tensors.remove(name).ok_or_else(|| format!("tensor `{name}` is missing"))?;
        match tensor.shape == wanted {
            true => Ok(tensor.values),
            false => Err(format!("tensor `{name}` has shape {:?}, needed is {wanted:?}", tensor.shape)),
        }
    };
    let steps = constants.iter().map(|step| {
        Ok(match step {
            PreprocessConstants::Standardize { mean, deviation } => {
                FittedStep::Standardize(ChannelMoments { mean: mean.clone(), deviation: deviation.clone() })
            }
            PreprocessConstants::GlobalContrast(parameters) => FittedStep::GlobalContrast(*parameters),
            PreprocessConstants::Zca { mean, matrix } => FittedStep::Zca(Whitening {
                mean: take(mean, vec![length])?,
                matrix: take(matrix, vec![length, length])?,
            }),
        })
    });
    let steps = steps.collect::<Result<Vec<_>, String>>()?;
    if let Some(name) = tensors.keys().next() {
        return Err(format!("tensor `{name}` belongs to no step of `preprocess`"));
    }
    FittedPreprocess::of_steps(steps, shape).map_err(|error: DataError| error.to_string())
}

impl PreprocessConstants {
    /// The name of the step in studies and reports.
    pub fn name(&self) -> &'static str {
        match self {
            PreprocessConstants::Standardize { .. } => "standardize",
            PreprocessConstants::GlobalContrast(_) => "global_contrast",
            PreprocessConstants::Zca { .. } => "zca",
        }
    }
}
