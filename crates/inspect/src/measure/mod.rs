//! Measurements of networks: the registry. Each measure is one file that states its definition and source and is tested on a case with a
//! known result.
//!
//! A measure gives *readings*. Those that stand for the whole network are metrics like any other: a study can name them in
//! `[train] measure`, and they are recorded with the test error.

mod aliasing;
mod canvas;
mod checkerboard;
mod class_errors;
mod corruption;
mod corruptions;
mod equivariance;
mod frequency_sensitivity;
mod geometric;
mod gradient_flow;
mod interface;
mod learning_curve;
mod low_pass;
mod map_shift;
mod mirrored;
mod predictions;
mod receptive_field;
mod sharpness;
mod shift;
#[cfg(test)]
pub(crate) mod tests;
mod zone_plate;

pub use corruption::mean_corruption_error;
pub use corruptions::{Corruption, SEVERITIES, corrupted};
pub use interface::{
    DEFAULT_LARGEST_SHIFT, Fits, Measure, MeasureDescription, MeasureRequest, Measurement, Reading, take,
};

use crate::InspectError;

/// Every measure, in the order of the documentation.
pub static MEASURES: [&dyn Measure; 17] = [
    &mirrored::Mirrored,
    &class_errors::ClassErrors,
    &shift::CircularShift,
    &shift::ZeroShift,
    &shift::CropShift,
    &map_shift::MapShift,
    &equivariance::Equivariance,
    &geometric::Rotation,
    &geometric::Scale,
    &receptive_field::ReceptiveField,
    &aliasing::Aliasing,
    &zone_plate::ZonePlate,
    &checkerboard::Checkerboard,
    &frequency_sensitivity::FrequencySensitivity,
    &corruption::CorruptionError,
    &gradient_flow::GradientFlow,
    &sharpness::Sharpness,
];

/// Measures of a run's record rather than of its weights.
pub static RECORD_MEASURES: [&dyn Measure; 1] = [&learning_curve::LearningCurve];

/// Returns every measure, those of the record included.
pub fn all_measures() -> impl Iterator<Item = &'static dyn Measure> {
    MEASURES.into_iter().chain(RECORD_MEASURES)
}

/// Returns every metric that a study can name, with its revision and the networks that have it.
pub fn study_metrics() -> Vec<(&'static str, u32, Fits)> {
    let of = |measure: &'static dyn Measure| {
        let description = measure.description();
        description
            .metrics
            .iter()
            .map(move |metric| (*metric, description.revision, measure.fits_metric(metric)))
    };
    all_measures().flat_map(of).collect()
}

/// Takes the metrics called `names`, each measure once and on as many of `pictures` as its description says.
///
/// # Errors
/// [`InspectError::Request`] for an unknown name, or a measure that does not fit; the message holds the name.
pub fn take_metrics(
    names: &[String],
    request: &MeasureRequest<'_>,
) -> Result<Vec<(String, f64)>, InspectError> {
    let mut values = Vec::new();
    for measure in all_measures() {
        let description = measure.description();
        let wanted: Vec<&&str> =
            description.metrics.iter().filter(|metric| names.iter().any(|name| name == *metric)).collect();
        if wanted.is_empty() {
            continue;
        }
        let pictures = request.pictures.spread(description.images);
        let taken = take(measure, &MeasureRequest { pictures: &pictures, ..*request })?;
        for metric in wanted {
            let whole = |reading: &&Reading| reading.metric == *metric && reading.at.is_empty();
            let Some(reading) = taken.readings.iter().find(whole) else {
                return Err(InspectError::Request(format!("`{metric}` cannot be measured on this network")));
            };
            values.push(((*metric).to_owned(), reading.value));
        }
    }
    match names.iter().find(|name| values.iter().all(|(known, _)| known != *name)) {
        Some(unknown) => Err(InspectError::Request(format!("no metric is called `{unknown}`"))),
        None => Ok(values),
    }
}
