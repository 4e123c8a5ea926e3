//! The tasks: batches, losses and metrics of each. One registry, one file per task.

mod classification;
mod dense;
mod dense_kind;
mod interface;
mod kept;
mod predictor;
mod restoration;
mod segmentation;
mod sizes;
mod super_resolution;

use burn::tensor::Device;

use crate::{DataStore, RunSettings, TaskSettings, TrainError};
pub use classification::{ClassObjective, Classification};
use dense::Dense;
pub use dense::MapObjective;
pub(crate) use dense::check_network;
pub(crate) use dense_kind::DenseKind;
pub(crate) use interface::MetricNames;
pub use interface::{EpochSums, Evaluated, ExampleInput, ExampleRecord, Prediction, StepError, Task};
pub use kept::check_content;
pub use predictor::{KeptData, Predictor, open_predictor};
use restoration::Restoration;
use segmentation::Segmentation;
pub(crate) use sizes::{check_examples, check_measured};
use super_resolution::SuperResolution;
pub(crate) use {
    classification::metric_names as class_metric_names, dense::metric_names as map_metric_names,
};

/// Returns the task that the settings describe, over its data, with tensors on `device` (without autodiff).
///
/// # Errors
/// [`TrainError`] when the data are absent, damaged, or not what the task needs.
pub fn open_task(
    settings: &RunSettings,
    data: &DataStore,
    device: &Device,
) -> Result<Box<dyn Task>, TrainError> {
    let task = settings.data.task();
    let Some(patches) = task.patches() else {
        return Ok(Box::new(Classification::open(settings, data, device)?));
    };
    let pictures = data.pictures(&settings.data)?;
    Ok(match dense_kind(&task, &pictures.classes) {
        Some(kind) => Box::new(Dense::open(kind, pictures, patches, settings, device)?),
        None => Box::new(Classification::open(settings, data, device)?),
    })
}

/// Returns the task over maps that the settings name; `None` for classification.
pub(crate) fn dense_kind(task: &TaskSettings, classes: &[String]) -> Option<Box<dyn DenseKind>> {
    Some(match task {
        TaskSettings::Classification {} => return None,
        TaskSettings::SuperResolution(settings) => Box::new(SuperResolution { scale: settings.scale }),
        TaskSettings::Segmentation(_) => Box::new(Segmentation { classes: classes.to_vec() }),
        TaskSettings::Denoising(settings) => Box::new(Restoration { sigma: settings.sigma }),
        TaskSettings::Autoencoding(_) => Box::new(Restoration { sigma: 0.0 }),
    })
}
