//! Mixup: the weighted mean of two images and of their labels.

use allconv_random::Stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::mixing::{Mixing, beta, check_alpha};
use crate::error::OutOfRange;
use crate::image_shape::ImageShape;

/// Replaces each image x by λx + (1 − λ)x′, and its label by the labels of both with these weights; x′ is the next image of the batch,
/// λ has the distribution Beta(`alpha`, `alpha`), drawn for each image.
///
/// Source: Zhang et al., arXiv 1710.09412.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mixup {
    /// Parameter of the distribution, 0.05 to 4.
    #[serde(default = "fifth")]
    pub alpha: f64,
}

fn fifth() -> f64 {
    0.2
}

impl Mixing for Mixup {
    fn check(&self) -> Result<(), OutOfRange> {
        check_alpha("augment.mixup.alpha", self.alpha)
    }

    fn mix(&self, _: ImageShape, image: &mut [f32], other: &[f32], stream: &mut Stream) -> f32 {
        let share = beta(stream, self.alpha) as f32;
        for (value, other) in image.iter_mut().zip(other) {
            *value = share * *value + (1.0 - share) * other;
        }
        share
    }
}
