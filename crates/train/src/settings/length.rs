//! How long a run is trained, and over which part of it its weights are averaged.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The length of the training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Length {
    /// Passes over the training split; a fraction ends inside a pass.
    Epochs(f64),
    /// Training images shown.
    Presentations(u64),
}

/// The weights that a run ends with, where they are a mean.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WeightAverage {
    /// Passes over the training split at the end of the run, after each step of which the weights count once; above 0. The running
    /// statistics of batch normalisation are averaged with them. Polyak and Juditsky 1992; Izmailov et al., arXiv 1803.05407.
    pub last_epochs: f64,
}
