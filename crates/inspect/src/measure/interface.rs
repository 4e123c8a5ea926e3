//! The interface of a measure: its description, its request and its readings.

use allconv_record::{MetricPoint, RunDirectory};
use image::RgbImage;

use crate::{InspectError, OutputType, Pictures, Subject};

/// The description of a measure.
#[derive(Clone, Copy, Debug)]
pub struct MeasureDescription {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it measures, in one sentence.
    pub statement: &'static str,
    /// Its formula.
    pub formula: &'static str,
    /// Its source.
    pub source: &'static str,
    /// The metrics of the whole network; a study can name them.
    pub metrics: &'static [&'static str],
    /// The networks that it applies to.
    pub fits: Fits,
    /// Default number of images.
    pub images: usize,
    /// Its revision, raised with every change of its values.
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

/// The inputs and settings of a measure.
#[derive(Clone, Copy)]
pub struct MeasureRequest<'a> {
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

/// Default of the largest shift, in pixels.
pub const DEFAULT_LARGEST_SHIFT: usize = 3;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The name of the metric or of the quantity.
    pub metric: &'static str,
    /// The part of the network or the setting, e.g. a stage or an angle; empty for the whole network, then it is one of the measure's
    /// metrics.
    pub at: String,
    /// The value.
    pub value: f64,
    /// The same for each image, where it is a mean over images: what an interval is made of.
    pub per_image: Vec<f64>,
    /// Whether the value of an image is a fraction from 0 to 1, for instance of predictions, rather than a quantity with a scale of its
    /// own.
    pub is_fraction: bool,
}

impl Reading {
    /// Returns a mean over images.
    pub(crate) fn mean(metric: &'static str, at: impl Into<String>, per_image: Vec<f64>) -> Reading {
        let value = per_image.iter().sum::<f64>() / per_image.len() as f64;
        Reading { metric, at: at.into(), value, per_image, is_fraction: false }
    }

    /// Returns a fraction, mean over images.
    pub(crate) fn fraction(metric: &'static str, at: impl Into<String>, per_image: Vec<f64>) -> Reading {
        Reading { is_fraction: true, ..Reading::mean(metric, at, per_image) }
    }

    /// Returns a reading for each of these stages from its values for each image, then their mean for the whole network.
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

    /// Returns a value that is not a mean over images.
    pub(crate) fn plain(metric: &'static str, at: impl Into<String>, value: f64) -> Reading {
        Reading { metric, at: at.into(), value, per_image: Vec::new(), is_fraction: false }
    }
}

/// The results of a measure.
#[derive(Clone, Debug, Default)]
pub struct Measurement {
    /// The values.
    pub readings: Vec<Reading>,
    /// Pictures by name.
    pub pictures: Vec<(String, RgbImage)>,
}

/// Measures a network, if the measure fits it.
///
/// # Errors
/// [`InspectError::Request`] where it does not fit the network or the images.
pub fn take(measure: &dyn Measure, request: &MeasureRequest<'_>) -> Result<Measurement, InspectError> {
    let MeasureDescription { name, fits, .. } = measure.description();
    let names_a_class = request.subject.output_type() == OutputType::Class;
    match fits {
        Fits::Regions if request.subject.output_type() != OutputType::Regions => Err(InspectError::Request(
            format!("`{name}` is a measure of networks that return a class for every pixel"),
        )),
        Fits::Classes if !names_a_class => Err(InspectError::Request(format!(
            "`{name}` is a measure of networks that name a class; this one returns a map"
        ))),
        Fits::Maps if names_a_class => Err(InspectError::Request(format!(
            "`{name}` is a measure of networks that return a map; this one names a class"
        ))),
        _ => measure.take(request),
    }
}

/// One entry of the registry.
pub trait Measure: Sync {
    /// Returns the description of the measure.
    fn description(&self) -> MeasureDescription;

    /// Returns which networks have one of the measure's metrics: those that the measure fits, unless a metric requires more.
    fn fits_metric(&self, _metric: &str) -> Fits {
        self.description().fits
    }

    /// Measures; see [`take`], which first checks whether the measure fits.
    ///
    /// # Errors
    /// [`InspectError::Request`] where it does not fit the network or the images.
    fn take(&self, request: &MeasureRequest<'_>) -> Result<Measurement, InspectError>;
}
