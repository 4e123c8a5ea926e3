//! The rounding of channel counts to whole numbers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The rounding of channel counts to whole numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChannelRounding {
    /// To the nearest, halves away from zero.
    #[default]
    Nearest,
    /// Up in some layers and down in others, spread evenly, so that cost follows the width in small steps. Layer i rounds up
    /// where the fraction is at least `1 − frac(phase + i·0.618…)`; the phase is in [0, 1).
    Spread(f64),
}

impl ChannelRounding {
    pub(crate) fn is_nearest(&self) -> bool {
        *self == Self::Nearest
    }

    /// Returns `channels` as a whole number, at least 1, in the convolution `layer`.
    pub(crate) fn whole(self, channels: f64, layer: usize) -> usize {
        let rounded = match self {
            Self::Nearest => channels.round(),
            // The golden ratio spreads the thresholds of any number of layers evenly over [0, 1).
            Self::Spread(phase) => {
                const GOLDEN: f64 = 0.618_033_988_749_894_9;
                (channels + (phase + layer as f64 * GOLDEN).fract()).floor()
            }
        };
        (rounded as usize).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_is_half_away_from_zero_and_never_0() {
        let whole = |channels| ChannelRounding::Nearest.whole(channels, 0);
        assert_eq!([0.25 * 96.0, 0.25 * 192.0, 0.5 * 5.0, 0.001 * 96.0].map(whole), [24, 48, 3, 1]);
    }
}
