//! The interface of a measure: its description, what it is taken on, and the values it gives.

use allconv_record::{MetricPoint, RunDirectory};
use image::RgbImage;

use crate::{Answer, InspectError, Pictures, Subject};

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
