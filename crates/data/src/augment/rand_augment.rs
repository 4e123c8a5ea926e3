//! RandAugment: a few changes of one strength, drawn from a list.

use allconv_random::Stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::change::{Change, check_range};
use super::colour;
use super::warp::Warp;
use crate::error::OutOfRange;
use crate::picture::Picture;

/// Largest `magnitude`.
const MOST: f64 = 30.0;

/// Applies `operations` changes to each image, each drawn from fourteen with equal chance, at strength `magnitude` of 30.
///
/// The changes are none, shear of rows and of columns (±0.3), shift along rows and along columns (±150/331 of the size), rotation (±30°),
/// brightness, contrast, saturation and sharpness (1 ± 0.9), removal of the lowest bits (up to 4), solarisation (threshold down to 0),
/// autocontrast and equalised histograms; signs are drawn. Shears and rotations are around the centre. Source: Cubuk et al., arXiv 1909.13719, with the ranges of torchvision's `RandAugment`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandAugment {
    /// Changes of each image, 1 to 10.
    #[serde(default = "two")]
    pub operations: u32,
    /// Their strength, 0 to 30.
    #[serde(default = "nine")]
    pub magnitude: f64,
}

fn two() -> u32 {
    2
}

fn nine() -> f64 {
    9.0
}

impl Change for RandAugment {
    fn check(&self) -> Result<(), OutOfRange> {
        check_range("augment.rand_augment.operations", f64::from(self.operations), [1.0, 10.0])?;
        check_range("augment.rand_augment.magnitude", self.magnitude, [0.0, MOST])
    }

    fn apply(&self, picture: Picture, stream: &mut Stream) -> Picture {
        (0..self.operations).fold(picture, |picture, _| {
            let number = stream.below(14);
            let sign = if stream.word() & 1 == 1 { -1.0 } else { 1.0 };
            changed(&picture, number, self.magnitude / MOST, sign)
        })
    }
}

/// Applies one change, at a strength from 0 to 1 with a sign.
fn changed(picture: &Picture, number: u32, strength: f64, sign: f64) -> Picture {
    let shape = picture.shape();
    let size = [shape.height, shape.width];
    let signed = strength * sign;
    let warped = |degrees: f64, shear: [f64; 2], shift: [f64; 2]| {
        let warp = Warp { shift, ..Warp::of(degrees, [1.0; 2], shear) };
        warp.apply(picture, size)
    };
    let reach = 150.0 / 331.0 * signed;
    let factor = (1.0 + 0.9 * signed) as f32;
    match number {
        1 => warped(0.0, [0.3 * signed, 0.0], [0.0; 2]),
        2 => warped(0.0, [0.0, 0.3 * signed], [0.0; 2]),
        3 => warped(0.0, [0.0; 2], [reach * shape.width as f64, 0.0]),
        4 => warped(0.0, [0.0; 2], [0.0, reach * shape.height as f64]),
        5 => warped(30.0 * signed, [0.0; 2], [0.0; 2]),
        6 => colour::brightness(picture, factor),
        7 => colour::contrast(picture, factor),
        8 => colour::saturation(picture, factor),
        9 => colour::sharpness(picture, factor),
        10 => colour::posterize(picture, 8 - (4.0 * strength + 0.5) as u32),
        11 => colour::solarize(picture, (255.0 * (1.0 - strength) + 0.5) as u16),
        12 => colour::autocontrast(picture),
        13 => colour::equalize(picture),
        _ => picture.clone(),
    }
}
