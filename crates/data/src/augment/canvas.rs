//! Heavy augmentation after Graham: an image stretched, rotated, shifted and recoloured at random on a canvas.

use allconv_random::Stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::change::{Change, check_range, uniform};
use super::warp::Warp;
use crate::error::OutOfRange;
use crate::picture::Picture;

/// Places an image on a grey canvas of the size of the network's input, under a random affine map, and recolours it.
///
/// The scale of the image is uniform between the limits of `cover`: at 1 it covers the canvas. A uniform number in ±`distortion` is added to
/// each entry of the 2×2 matrix of the map; the image is shifted by a uniform part in ±`shift` of the canvas; each channel is multiplied, around
/// grey, by a uniform factor in 1 ± `colour`, and shifted by a uniform number in ±128·`colour`.
///
/// Springenberg et al. 2015 trained the large network for CIFAR-10 on inputs of 126×126 with this kind of augmentation; Graham (arXiv
/// 1312.5851, 1412.6071) states its kind, affine stretches and shifts of colour, and not every number. The defaults are this project's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Canvas {
    /// Least and largest height and width of the image, in parts of the canvas.
    #[serde(default = "cover")]
    pub cover: [f64; 2],
    /// Largest change of an entry of the matrix.
    #[serde(default = "fifth")]
    pub distortion: f64,
    /// Largest shift, in parts of the canvas.
    #[serde(default = "sixteenth")]
    pub shift: f64,
    /// Largest change of a channel, in parts of its range.
    #[serde(default = "fifth")]
    pub colour: f64,
}

fn cover() -> [f64; 2] {
    [0.7, 1.1]
}

fn fifth() -> f64 {
    0.2
}

fn sixteenth() -> f64 {
    1.0 / 16.0
}

impl Change for Canvas {
    fn check(&self) -> Result<(), OutOfRange> {
        check_range("augment.canvas.cover", self.cover[0], [0.05, self.cover[1]])?;
        check_range("augment.canvas.cover", self.cover[1], [self.cover[0], 4.0])?;
        check_range("augment.canvas.distortion", self.distortion, [0.0, 0.45])?;
        check_range("augment.canvas.shift", self.shift, [0.0, 1.0])?;
        check_range("augment.canvas.colour", self.colour, [0.0, 1.0])
    }

    fn apply(&self, picture: Picture, stream: &mut Stream) -> Picture {
        let shape = picture.shape();
        let cover = uniform(stream, self.cover);
        let mut within = |reach: f64| uniform(stream, [-reach, reach]);
        let [a, b, c, d] = [1.0, 0.0, 0.0, 1.0].map(|entry| (entry + within(self.distortion)) / cover);
        let matrix = [[a, b], [c, d]];
        let shift = [shape.width, shape.height].map(|length| within(self.shift) * length as f64);
        let placed = Warp { matrix, shift }.apply(&picture, [shape.height, shape.width]);
        let factors: Vec<[f64; 2]> =
            (0..shape.channels).map(|_| [1.0 + within(self.colour), 128.0 * within(self.colour)]).collect();
        let pixels = placed.pixels().iter().enumerate().map(|(place, value)| {
            let [factor, offset] = factors[place % shape.channels];
            ((f64::from(*value) - 128.0) * factor + 128.0 + offset + 0.5).clamp(0.0, 255.0) as u8
        });
        Picture::new(shape, pixels.collect())
    }
}
