//! `train.optimizer`: which optimiser, and the settings that are its own.

use serde::{Deserialize, Serialize};

/// Which optimiser, and the settings that are its own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OptimizerSettings {
    /// SGD with `momentum` and `nesterov`; what is used where none is named.
    Sgd {},
    /// Adam; `momentum` and `nesterov` have no meaning for it.
    Adam(AdamSettings),
}

/// β₁, β₂ and ε of Adam.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdamSettings {
    /// Share of the first moment that is kept, in [0, 1).
    pub beta1: f64,
    /// Share of the second moment that is kept, in [0, 1).
    pub beta2: f64,
    /// What is added to the root of the second moment, above 0.
    pub epsilon: f64,
}

impl Default for AdamSettings {
    fn default() -> AdamSettings {
        AdamSettings { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}
