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

use allconv_record::{MetricPoint, RunDirectory};
use image::RgbImage;

pub use corruption::mean_corruption_error;
pub use corruptions::{Corruption, SEVERITIES, corrupted};

use crate::{Answer, InspectError, Pictures, Subject};

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

/// A measure in words.
#[derive(Clone, Copy, Debug)]
pub struct MeasureCard {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it tells, in one sentence.
    pub statement: &'static str,
    /// How it is computed.
    pub formula: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// The metrics it gives for the whole network; a study can name them.
    pub metrics: &'static [&'static str],
    /// Which networks it can be taken of.
    pub fits: Fits,
    /// Images it is taken on unless told otherwise.
    pub images: usize,
    /// Raised by whoever changes the values it gives.
    pub revision: u32,
}

/// Networks that a measure fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fits {
    /// All.
    Any,
    /// Those that name a class for an image.
    Classes,
    /// Those that return a map.
    Maps,
    /// Those that return a class for every pixel.
    Regions,
}

/// What is measured, and on what.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The network.
    pub subject: &'a Subject,
    /// The images.
    pub pictures: &'a Pictures,
    /// The run that trained the network, if it was one.
    pub run: Option<&'a RunDirectory>,
    /// Values recorded while it trained; empty without a run.
    pub history: &'a [MetricPoint],
    /// Largest shift in pixels, at least 1.
    pub largest_shift: usize,
}

/// The shift that measures use unless told otherwise, in pixels.
pub const DEFAULT_LARGEST_SHIFT: usize = 3;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// What was measured.
    pub metric: &'static str,
    /// Of which part or at which setting, e.g. a stage or an angle; empty for the whole network, then it is one of the card's metrics.
    pub at: String,
    /// The value.
    pub value: f64,
    /// The same for each image, where it is a mean over images: what an interval is made of.
    pub per_image: Vec<f64>,
    /// Whether an image counts as a share of answers, from 0 to 1, rather than by a size of its own.
    pub of_answers: bool,
}

impl Reading {
    /// A mean over images.
    pub(crate) fn mean(metric: &'static str, at: impl Into<String>, per_image: Vec<f64>) -> Reading {
        let value = per_image.iter().sum::<f64>() / per_image.len() as f64;
        Reading { metric, at: at.into(), value, per_image, of_answers: false }
    }

    /// A share of answers, mean over images.
    pub(crate) fn share(metric: &'static str, at: impl Into<String>, per_image: Vec<f64>) -> Reading {
        Reading { of_answers: true, ..Reading::mean(metric, at, per_image) }
    }

    /// A reading for each of these stages from its values for each image, then their mean for the whole network.
    pub(crate) fn of_stages(
        metric: &'static str,
        subject: &Subject,
        images: usize,
        stages: Vec<(usize, Vec<f64>)>,
    ) -> Vec<Reading> {
        let mean = |image: usize| {
            let sum: f64 = stages.iter().map(|(_, values)| values[image]).sum();
            sum / stages.len().max(1) as f64
        };
        let whole = Reading::mean(metric, "", (0..images).map(mean).collect());
        let of_stage = |(stage, values)| Reading::mean(metric, subject.stage_label(stage), values);
        stages.into_iter().map(of_stage).chain([whole]).collect()
    }

    /// A value that is no mean over images.
    pub(crate) fn plain(metric: &'static str, at: impl Into<String>, value: f64) -> Reading {
        Reading { metric, at: at.into(), value, per_image: Vec::new(), of_answers: false }
    }
}

/// What a measure gives.
#[derive(Clone, Debug, Default)]
pub struct Measurement {
    /// The values.
    pub readings: Vec<Reading>,
    /// Pictures by name.
    pub pictures: Vec<(String, RgbImage)>,
}

/// Takes a measure of a network that it fits.
///
/// # Errors
/// [`InspectError::Question`] where it does not fit the network or the images.
pub fn take(measure: &dyn Measure, asked: &Asked<'_>) -> Result<Measurement, InspectError> {
    let MeasureCard { name, fits, .. } = measure.card();
    let answers_classes = asked.subject.answer() == Answer::Class;
    match fits {
        Fits::Regions if asked.subject.answer() != Answer::Regions => Err(InspectError::Question(format!(
            "`{name}` is a measure of networks that return a class for every pixel"
        ))),
        Fits::Classes if !answers_classes => Err(InspectError::Question(format!(
            "`{name}` is a measure of networks that name a class; this one returns a map"
        ))),
        Fits::Maps if answers_classes => Err(InspectError::Question(format!(
            "`{name}` is a measure of networks that return a map; this one names a class"
        ))),
        _ => measure.take(asked),
    }
}

/// One entry of the registry.
pub trait Measure: Sync {
    /// The measure in words.
    fn card(&self) -> MeasureCard;

    /// Which networks have one of the card's metrics: those that the measure fits, unless a metric asks for more.
    fn fits_metric(&self, _metric: &str) -> Fits {
        self.card().fits
    }

    /// Takes it; see [`take`], which asks whether it fits.
    ///
    /// # Errors
    /// [`InspectError::Question`] where it does not fit the network or the images.
    fn take(&self, asked: &Asked<'_>) -> Result<Measurement, InspectError>;
}

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
