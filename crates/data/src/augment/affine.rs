//! Random rotation, scale and shear.

use allconv_random::Stream;
use allconv_random::elementary::{cos, sin};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::change::{Change, check_range, uniform};
use super::warp::Warp;
use crate::error::OutOfRange;
use crate::picture::Picture;

/// Rotates, scales and shears an image around its centre, with bilinear interpolation; positions outside the image are grey (128).
///
/// The angle is uniform in ±`rotate` degrees, the scale uniform between the limits of `scale`, the angle by which rows are sheared uniform in
/// ±`shear` degrees. After torchvision's `RandomAffine`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Affine {
    /// Largest angle to either side, in degrees.
    #[serde(default)]
    pub rotate: f64,
    /// Least and largest factor.
    #[serde(default = "unscaled")]
    pub scale: [f64; 2],
    /// Largest shear to either side, in degrees.
    #[serde(default)]
    pub shear: f64,
}

fn unscaled() -> [f64; 2] {
    [1.0; 2]
}

impl Change for Affine {
    fn check(&self) -> Result<(), OutOfRange> {
        check_range("augment.affine.rotate", self.rotate, [0.0, 180.0])?;
        check_range("augment.affine.shear", self.shear, [0.0, 80.0])?;
        check_range("augment.affine.scale", self.scale[0], [0.05, self.scale[1]])?;
        check_range("augment.affine.scale", self.scale[1], [self.scale[0], 20.0])
    }

    fn apply(&self, picture: Picture, stream: &mut Stream) -> Picture {
        let degrees = uniform(stream, [-self.rotate, self.rotate]);
        let scale = uniform(stream, self.scale);
        let angle = uniform(stream, [-self.shear, self.shear]).to_radians();
        let shape = picture.shape();
        let warp = Warp::of(degrees, [scale; 2], [sin(angle) / cos(angle), 0.0]);
        warp.apply(&picture, [shape.height, shape.width])
    }
}
