//! `train.optimizer`: the choice of the optimiser and its settings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The choice of the optimiser and its settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OptimizerSettings {
    /// SGD with `momentum` and `nesterov`; the default.
    Sgd {},
    /// Adam; `momentum` and `nesterov` have no meaning for it.
    Adam(AdamSettings),
}

/// β₁, β₂ and ε of Adam.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AdamSettings {
    /// Decay of the first moment, in [0, 1).
    pub beta1: f64,
    /// Decay of the second moment, in [0, 1).
    pub beta2: f64,
    /// Added to the root of the second moment, above 0.
    pub epsilon: f64,
}

impl Default for AdamSettings {
    fn default() -> AdamSettings {
        AdamSettings { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}
