//! The sizes of a run that follow from its data: input and output of the network, samples, memory, metrics.

use allconv_data::{DataError, Patches, PictureExample};
use allconv_record::{ResolveError, SplitName};

use crate::section::wrong_value;
use crate::task::{MetricNames, class_metric_names, dense_kind, map_metric_names};
use crate::{DataSettings, DataStore};

/// The sizes of a run that follow from its data.
pub(crate) struct Sizes {
    /// Channels, rows and columns of the network's input.
    pub(crate) input: [usize; 3],
    /// Classes, or channels of a map.
    pub(crate) outputs: usize,
    /// Samples of an epoch.
    pub(crate) samples: u64,
    /// Hash of the data.
    pub(crate) content_hash: String,
    /// Bytes of the data in memory.
    pub(crate) data_bytes: u64,
    /// The metrics of the task.
    pub(crate) metrics: MetricNames,
    /// Whether anything is held out for validation.
    pub(crate) has_validation: bool,
}

/// Opens the data and returns the sizes that follow from them.
pub(crate) fn sizes(store: &DataStore, data: &DataSettings) -> Result<Sizes, ResolveError> {
    let task = data.task();
    let Some(patches) = task.patches() else {
        let dataset = store.dataset(data).map_err(data_error)?;
        let input = [dataset.channels, dataset.height, dataset.width];
        let samples = dataset.train.len() as u64;
        let held_out = dataset.validation.as_ref().map_or(0, |split| split.len());
        let splits = [Some(&dataset.train), dataset.validation.as_ref(), Some(&dataset.test)];
        return Ok(Sizes {
            input,
            outputs: dataset.classes.len(),
            samples,
            content_hash: dataset.content_hash.clone(),
            data_bytes: splits.into_iter().flatten().map(|images| images.bytes_prepared()).sum(),
            metrics: class_metric_names(),
            has_validation: held_out > 0,
        });
    };
    let pictures = store.pictures(data).map_err(data_error)?;
    Patches::check(&pictures.name, &pictures.train, patches).map_err(data_error)?;
    let Some(kind) = dense_kind(&task, &pictures.classes) else {
        return Err(wrong_value("data", "task", "no task over maps"));
    };
    kind.check(&pictures).map_err(data_error)?;
    let outputs = kind.outputs(pictures.channels);
    let further = pictures.further_tests.iter().map(|(_, examples)| examples);
    let all = [&pictures.train, &pictures.validation, &pictures.test].into_iter().chain(further);
    // The pictures, and for super-resolution their reductions, a quarter at most.
    let bytes = |example: &PictureExample| example.picture.pixels().len() as u64 * 5 / 4;
    Ok(Sizes {
        input: [pictures.channels, patches.size, patches.size],
        outputs,
        samples: (pictures.train.len() * patches.per_picture) as u64,
        content_hash: pictures.content_hash.clone(),
        data_bytes: all.flat_map(|split| split.iter()).map(bytes).sum(),
        metrics: map_metric_names(kind.as_ref(), &pictures),
        has_validation: !pictures.validation.is_empty(),
    })
}

/// Returns every metric that a run records, in the order in which it does.
pub(crate) fn recorded_metrics(
    names: MetricNames,
    has_validation: bool,
    measured: &[String],
) -> Vec<(SplitName, String)> {
    let MetricNames { training, evaluation, further, clean } = names;
    let validation = if has_validation { evaluation.clone() } else { Vec::new() };
    let of = |split: SplitName| move |name: String| (split, name);
    training
        .into_iter()
        .map(of(SplitName::Train))
        .chain(clean.into_iter().map(of(SplitName::Train)))
        .chain(validation.into_iter().map(of(SplitName::Valid)))
        .chain(evaluation.into_iter().chain(further).chain(measured.iter().cloned()).map(of(SplitName::Test)))
        .collect()
}

/// Returns the error of data that cannot be opened, at the field of `[data]` that it is about.
pub(crate) fn data_error(error: DataError) -> ResolveError {
    let (field, bad_data) = match &error {
        DataError::BadOption { field, .. } => (*field, false),
        DataError::UnknownDataset { .. } => ("dataset", false),
        _ => ("dataset", true),
    };
    ResolveError { bad_data, ..wrong_value("data", field, error) }
}
