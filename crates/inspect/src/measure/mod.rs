//! Measurements of networks: the registry. Each measure is one file that states its definition and source and is tested on a case
//! whose answer is known.
//!
//! A measure gives *readings*. Those that stand for the whole network are metrics like any other: a study can name them in
//! `[train] measure`, and they are recorded beside the test error.

mod aliasing;
mod checkerboard;
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
pub use interface::{Asked, DEFAULT_LARGEST_SHIFT, Fits, Measure, MeasureCard, Measurement, Reading, take};

use crate::InspectError;

/// Every measure, in the order of the documentation.
pub static MEASURES: [&dyn Measure; 16] = [
    &mirrored::Mirrored,
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

/// Every measure, those of the record included.
pub fn all_measures() -> impl Iterator<Item = &'static dyn Measure> {
    MEASURES.into_iter().chain(RECORD_MEASURES)
}

/// Every metric that a study can name, with its revision and the networks that have it.
pub fn study_metrics() -> Vec<(&'static str, u32, Fits)> {
    let of = |measure: &'static dyn Measure| {
        let card = measure.card();
        card.metrics.iter().map(move |metric| (*metric, card.revision, measure.fits_metric(metric)))
    };
    all_measures().flat_map(of).collect()
}

/// Takes the metrics called `names`, each measure once and on as many of `pictures` as its card says.
///
/// # Errors
/// [`InspectError::Question`] for an unknown name, or a measure that does not fit; the name stands in the message.
pub fn take_metrics(names: &[String], asked: &Asked<'_>) -> Result<Vec<(String, f64)>, InspectError> {
    let mut values = Vec::new();
    for measure in all_measures() {
        let card = measure.card();
        let wanted: Vec<&&str> =
            card.metrics.iter().filter(|metric| names.iter().any(|name| name == *metric)).collect();
        if wanted.is_empty() {
            continue;
        }
        let pictures = asked.pictures.spread(card.images);
        let taken = take(measure, &Asked { pictures: &pictures, ..*asked })?;
        for metric in wanted {
            let whole = |reading: &&Reading| reading.metric == *metric && reading.at.is_empty();
            let Some(reading) = taken.readings.iter().find(whole) else {
                return Err(InspectError::Question(format!("`{metric}` cannot be measured on this network")));
            };
            values.push(((*metric).to_owned(), reading.value));
        }
    }
    match names.iter().find(|name| values.iter().all(|(known, _)| known != *name)) {
        Some(unknown) => Err(InspectError::Question(format!("no metric is called `{unknown}`"))),
        None => Ok(values),
    }
}
