//! Padded crop: a crop of the image's own size out of the image with a border around it.

use allconv_random::Stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::change::Change;
use crate::error::OutOfRange;
use crate::picture::Picture;

/// Largest border, in pixels.
const MOST_PIXELS: u32 = 4096;

/// Pads an image with `pixels` rows and columns to every side, and crops a part of the image's size at a uniform position.
///
/// `translate` is the same with a border of 0 after preprocessing, the mean; this border is made of pixels. After torchvision's
/// `RandomCrop(size, padding)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PaddedCrop {
    /// Width of the border, 1 to 4096; below the height and width of the image for `reflect`.
    pub pixels: u32,
    /// Values of the border.
    #[serde(default, skip_serializing_if = "is_default")]
    pub border: Border,
}

/// The values of a border.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Border {
    /// The image mirrored at its outermost pixels, which are not repeated.
    #[default]
    Reflect,
    /// The outermost pixels, repeated.
    Edge,
    /// Black.
    Black,
}

fn is_default(border: &Border) -> bool {
    *border == Border::default()
}

impl Change for PaddedCrop {
    fn check(&self) -> Result<(), OutOfRange> {
        let range = format!("from 1 to {MOST_PIXELS}");
        OutOfRange::unless(
            (1..=MOST_PIXELS).contains(&self.pixels),
            "augment.padded_crop.pixels",
            self.pixels,
            range,
        )
    }

    fn apply(&self, picture: Picture, stream: &mut Stream) -> Picture {
        let shape = picture.shape();
        let mut shift = || i64::from(stream.below(2 * self.pixels + 1)) - i64::from(self.pixels);
        let (down, right) = (shift(), shift());
        let mut pixels = Vec::with_capacity(shape.len());
        for row in 0..shape.height as i64 {
            let row_from = self.border.position(row + down, shape.height);
            for column in 0..shape.width as i64 {
                match (row_from, self.border.position(column + right, shape.width)) {
                    (Some(row), Some(column)) => {
                        let place = (row * shape.width + column) * shape.channels;
                        pixels.extend_from_slice(&picture.pixels()[place..place + shape.channels]);
                    }
                    _ => pixels.resize(pixels.len() + shape.channels, 0),
                }
            }
        }
        Picture::new(shape, pixels)
    }
}

impl Border {
    /// Returns the position in an axis of `length` whose value stands at `position`, inside or outside; none where it is black.
    fn position(self, position: i64, length: usize) -> Option<usize> {
        let last = length as i64 - 1;
        match self {
            _ if (0..=last).contains(&position) => Some(position as usize),
            Border::Black => None,
            Border::Edge => Some(position.clamp(0, last) as usize),
            Border::Reflect if last == 0 => Some(0),
            Border::Reflect => {
                let place = position.rem_euclid(2 * last);
                Some(place.min(2 * last - place) as usize)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_shape::ImageShape;
    use allconv_random::Purpose;

    #[test]
    fn borders_follow_worked_examples() {
        let places = |border: Border| (-3..6).map(|place| border.position(place, 3)).collect::<Vec<_>>();
        let of = |places: [usize; 9]| places.map(Some).to_vec();
        assert_eq!(places(Border::Reflect), of([1, 2, 1, 0, 1, 2, 1, 0, 1]));
        assert_eq!(places(Border::Edge), of([0, 0, 0, 0, 1, 2, 2, 2, 2]));
        assert_eq!(places(Border::Black).iter().flatten().count(), 3);
        assert_eq!(Border::Reflect.position(7, 1), Some(0));
    }

    #[test]
    fn every_position_of_the_crop_occurs_about_equally_often() {
        // The value of a pixel is its number, so that the first pixel of the crop says where it begins.
        let shape = ImageShape { height: 3, width: 3, channels: 1 };
        let picture = Picture::new(shape, (1..=9).collect());
        let crop = PaddedCrop { pixels: 1, border: Border::Black };
        let mut first = [0u32; 10];
        for sample in 0..9_000 {
            let mut stream = Stream::of_sample(3, Purpose::PaddedCrop, 0, sample);
            first[usize::from(crop.apply(picture.clone(), &mut stream).pixels()[0])] += 1;
        }
        // Five of nine crops begin in the border; the others at pixels 1, 2, 4 and 5. Five standard deviations: 5·sqrt(9000·(1/9)·(8/9)) = 149.
        assert!(first[0].abs_diff(5000) < 236, "{first:?}");
        assert!([1, 2, 4, 5].iter().all(|&pixel| first[pixel].abs_diff(1000) < 149), "{first:?}");
    }
}
