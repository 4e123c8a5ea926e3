//! Whether a learned parameter is one for a whole layer or one for each channel.

use serde::{Deserialize, Serialize};

/// How many values a learned parameter has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sharing {
    /// One for all channels.
    #[default]
    Layer,
    /// One for each channel.
    Channel,
}

impl Sharing {
    /// The number of values for `channels`.
    pub(super) fn count(self, channels: usize) -> usize {
        match self {
            Self::Layer => 1,
            Self::Channel => channels,
        }
    }
}
