//! The metrics that a run may name in `measure`, which other crates compute.

use crate::TaskSettings;

/// A metric that runs may name in `measure`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasurableMetric {
    /// Its name.
    pub name: String,
    /// Its revision, raised with every change of its values.
    pub revision: u32,
    /// Networks that have it.
    pub of: MeasuredOf,
}

/// Networks that a metric can be measured of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeasuredOf {
    /// All.
    Any,
    /// Those that name a class for an image.
    Classifiers,
    /// Those that return a map.
    Maps,
    /// Those that return a class for every pixel.
    Regions,
}

impl MeasuredOf {
    /// Returns whether networks for this task have it.
    pub(crate) fn fits(self, task: &TaskSettings) -> bool {
        let is_classification = task.patches().is_none();
        match self {
            MeasuredOf::Any => true,
            MeasuredOf::Classifiers => is_classification,
            MeasuredOf::Maps => !is_classification,
            MeasuredOf::Regions => matches!(task, TaskSettings::Segmentation(_)),
        }
    }
}
