//! The choice between one learned parameter for a layer and one for each channel.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many values a learned parameter has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sharing {
    /// One for all channels.
    #[default]
    Layer,
    /// One for each channel.
    Channel,
}

impl Sharing {
    /// Returns the number of values for `channels`.
    pub(super) fn count(self, channels: usize) -> usize {
        match self {
            Self::Layer => 1,
            Self::Channel => channels,
        }
    }
}
