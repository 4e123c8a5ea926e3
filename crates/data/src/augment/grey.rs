//! Random conversion to grey.

use allconv_random::Stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::change::{Change, check_range};
use super::colour;
use crate::error::OutOfRange;
use crate::picture::Picture;

/// Converts an image to grey, with equal channels, with a given probability. After torchvision's `RandomGrayscale`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grey {
    /// The probability, 0 to 1.
    pub probability: f64,
}

impl Change for Grey {
    fn check(&self) -> Result<(), OutOfRange> {
        check_range("augment.grey.probability", self.probability, [0.0, 1.0])
    }

    fn apply(&self, picture: Picture, stream: &mut Stream) -> Picture {
        if f64::from(stream.unit()) < self.probability { colour::saturation(&picture, 0.0) } else { picture }
    }
}
