//! Random brightness, contrast, saturation and hue.

use allconv_random::Stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::change::{Change, check_range, uniform};
use super::colour;
use crate::error::OutOfRange;
use crate::picture::Picture;

/// Changes brightness, contrast, saturation and hue, in an order drawn for each image.
///
/// The factors of the first three are uniform in 1 ± their field, not below 0; the hue is rotated by a uniform part of a circle in ±`hue`.
/// After torchvision's `ColorJitter`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColourJitter {
    /// Largest change of brightness to either side, 0 to 4.
    #[serde(default)]
    pub brightness: f64,
    /// Largest change of contrast to either side, 0 to 4.
    #[serde(default)]
    pub contrast: f64,
    /// Largest change of saturation to either side, 0 to 4.
    #[serde(default)]
    pub saturation: f64,
    /// Largest rotation of the hue to either side, 0 to 0.5.
    #[serde(default)]
    pub hue: f64,
}

impl Change for ColourJitter {
    fn check(&self) -> Result<(), OutOfRange> {
        check_range("augment.colour_jitter.brightness", self.brightness, [0.0, 4.0])?;
        check_range("augment.colour_jitter.contrast", self.contrast, [0.0, 4.0])?;
        check_range("augment.colour_jitter.saturation", self.saturation, [0.0, 4.0])?;
        check_range("augment.colour_jitter.hue", self.hue, [0.0, 0.5])
    }

    fn apply(&self, picture: Picture, stream: &mut Stream) -> Picture {
        let mut factor = |reach: f64| uniform(stream, [(1.0 - reach).max(0.0), 1.0 + reach]) as f32;
        let factors = [self.brightness, self.contrast, self.saturation].map(&mut factor);
        let turn = uniform(stream, [-self.hue, self.hue]) as f32;
        let mut order = [0, 1, 2, 3];
        for last in (1..order.len()).rev() {
            order.swap(last, stream.below(last as u32 + 1) as usize);
        }
        order.iter().fold(picture, |picture, change| match change {
            0 if self.brightness > 0.0 => colour::brightness(&picture, factors[0]),
            1 if self.contrast > 0.0 => colour::contrast(&picture, factors[1]),
            2 if self.saturation > 0.0 => colour::saturation(&picture, factors[2]),
            3 if self.hue > 0.0 => colour::hue(&picture, turn),
            _ => picture,
        })
    }
}
