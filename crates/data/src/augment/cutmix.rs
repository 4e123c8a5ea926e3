//! CutMix: a rectangle of one image in another, and their labels by area.

use allconv_random::Stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::mixing::{Mixing, beta, check_alpha};
use crate::error::OutOfRange;
use crate::image_shape::ImageShape;

/// Replaces a rectangle of each image by that of the next image of the batch, and its label by the labels of both, weighted by their areas.
///
/// The rectangle has √(1 − λ) of the height and width, λ with the distribution Beta(`alpha`, `alpha`), drawn for each image; its centre is
/// uniform, and the part outside the image is cut off before areas are compared. Source: Yun et al., arXiv 1905.04899.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cutmix {
    /// Parameter of the distribution, 0.05 to 4.
    #[serde(default = "one")]
    pub alpha: f64,
}

fn one() -> f64 {
    1.0
}

impl Mixing for Cutmix {
    fn check(&self) -> Result<(), OutOfRange> {
        check_alpha("augment.cutmix.alpha", self.alpha)
    }

    fn mix(&self, shape: ImageShape, image: &mut [f32], other: &[f32], stream: &mut Stream) -> f32 {
        let part = (1.0 - beta(stream, self.alpha)).sqrt();
        let mut range = |length: usize| {
            let centre = stream.below(length as u32) as i64;
            let half = (length as f64 * part / 2.0) as i64;
            (centre - half).max(0) as usize..(centre + half).min(length as i64) as usize
        };
        let (rows, columns) = (range(shape.height), range(shape.width));
        for row in rows.clone() {
            let start = (row * shape.width + columns.start) * shape.channels;
            let end = (row * shape.width + columns.end) * shape.channels;
            image[start..end].copy_from_slice(&other[start..end]);
        }
        1.0 - (rows.len() * columns.len()) as f32 / (shape.height * shape.width) as f32
    }
}
