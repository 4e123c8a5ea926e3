//! The view of an image of any size that is the input of a network: resized to a shorter edge, then cropped at the centre.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::OutOfRange;
use crate::image_shape::ImageShape;
use crate::picture::Picture;
use crate::resize::{Filter, Window, resized_part};

/// Largest size of a view, in pixels.
const MOST_PIXELS: usize = 4096;

/// How an image of any size becomes `size` × `size` pixels: its shorter edge is resized to `resize` pixels, and the `size` × `size` pixels at the
/// centre are kept, as evaluation on ImageNet has it (torchvision's `Resize` and `CenterCrop`).
///
/// | field | default |
/// |---|---|
/// | `size` | must be given: height and width of the network's input, 1 to 4096 |
/// | `resize` | `size`·8/7, rounded: 256 for 224; at least `size` |
/// | `filter` | `bilinear`, antialiased |
/// | `crops` | `centre`; `ten`: evaluation means the class probabilities of the four corners, the centre, and their mirror images |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// Height and width of the view, 1 to 4096 pixels.
    pub size: usize,
    /// Length of the shorter edge before the crop, in pixels, at least `size`. Default: `size`·8/7, rounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resize: Option<usize>,
    /// Filter of the resizing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub filter: Filter,
    /// The parts of the resized image that evaluation looks at.
    #[serde(default, skip_serializing_if = "is_default")]
    pub crops: Crops,
}

/// The parts of a resized image that evaluation looks at. Training, prediction, explanations and measures see the centre.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Crops {
    /// The centre.
    #[default]
    Centre,
    /// The four corners, the centre, and their mirror images (Krizhevsky et al. 2012): the class probabilities are their mean.
    Ten,
}

impl Crops {
    /// Returns the number of parts.
    pub fn count(self) -> usize {
        match self {
            Crops::Centre => 1,
            Crops::Ten => 10,
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl View {
    /// Refuses sizes of 0 or above 4096, and a crop that is larger than what is cropped.
    ///
    /// # Errors
    /// [`OutOfRange`] at the field.
    pub fn check(&self) -> Result<(), OutOfRange> {
        let sizes = 1..=MOST_PIXELS;
        OutOfRange::unless(
            sizes.contains(&self.size),
            "view.size",
            self.size,
            format!("from 1 to {MOST_PIXELS} pixels"),
        )?;
        let (resize, most) = (self.shorter_edge(), 2 * MOST_PIXELS);
        let range = format!("from view.size = {} to {most} pixels", self.size);
        OutOfRange::unless((self.size..=most).contains(&resize), "view.resize", resize, range)
    }

    /// Returns the length of the shorter edge before the crop.
    pub fn shorter_edge(&self) -> usize {
        self.resize.unwrap_or((self.size * 8 + 3) / 7)
    }

    /// Resizes a picture and crops its centre.
    ///
    /// ```
    /// use allconv_data::{Crops, Filter, ImageShape, Picture, View};
    /// let view = View { size: 4, resize: None, filter: Filter::Bilinear, crops: Crops::Centre };
    /// let shape = ImageShape { height: 30, width: 70, channels: 3 };
    /// let seen = view.of(&Picture::new(shape, vec![9; shape.len()]));
    /// assert_eq!((seen.shape().height, seen.shape().width), (4, 4));
    /// ```
    pub fn of(&self, picture: &Picture) -> Picture {
        self.offset_part(picture, [half_to_even; 2])
    }

    /// Resizes a picture and crops one of the parts that evaluation looks at: of ten the corners at the top, those at the bottom, the centre,
    /// then the same mirrored.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn crop(&self, picture: &Picture, number: usize) -> Picture {
        assert!(number < self.crops.count(), "crop {number} of {}", self.crops.count());
        if self.crops == Crops::Centre {
            return self.of(picture);
        }
        let corner = |place: usize| match number % 5 {
            4 => None,
            corner => Some((corner >> place) & 1 == 1),
        };
        let seen = self.placed(picture, [1, 0].map(corner));
        if number < 5 { seen } else { seen.mirrored() }
    }

    /// Crops at the end of each axis (true), its beginning (false) or its centre (none).
    fn placed(&self, picture: &Picture, places: [Option<bool>; 2]) -> Picture {
        let offset: [fn(usize) -> usize; 2] = places.map(|place| match place {
            None => half_to_even as fn(usize) -> usize,
            Some(true) => |rest| rest,
            Some(false) => |_| 0,
        });
        self.offset_part(picture, offset)
    }

    /// Resizes a picture and crops it at the offsets that follow from what is left over of each axis.
    fn offset_part(&self, picture: &Picture, offset: [fn(usize) -> usize; 2]) -> Picture {
        let shape = picture.shape();
        let edge = self.shorter_edge();
        let longer = |long: usize, short: usize| edge * long / short;
        let [height, width] = match shape.height <= shape.width {
            true => [edge, longer(shape.width, shape.height)],
            false => [longer(shape.height, shape.width), edge],
        };
        let kept = Window {
            top: offset[0](height - self.size),
            left: offset[1](width - self.size),
            height: self.size,
            width: self.size,
        };
        resized_part(picture, Window::whole(shape), [height, width], kept, self.filter)
    }

    /// Returns the rows, columns and channels of a view of images in colour.
    pub fn shape(&self) -> ImageShape {
        ImageShape { height: self.size, width: self.size, channels: 3 }
    }
}

/// Returns half of a length, rounded to the nearest even number when it is odd, as Python rounds.
fn half_to_even(length: usize) -> usize {
    length / 2 + usize::from(length % 4 == 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shorter_edge_is_eight_sevenths_and_halves_round_to_even() {
        let view = |size| View { size, resize: None, filter: Filter::default(), crops: Crops::Centre };
        assert_eq!([7, 32, 64, 128, 224].map(|size| view(size).shorter_edge()), [8, 37, 73, 146, 256]);
        assert_eq!([0, 1, 2, 3, 5, 7].map(half_to_even), [0, 0, 1, 2, 2, 4]);
    }

    #[test]
    fn an_image_of_the_view_s_size_passes_unchanged_when_nothing_is_resized() {
        let shape = ImageShape { height: 5, width: 9, channels: 3 };
        let picture = Picture::new(shape, (0..135).collect());
        let view = View { size: 5, resize: Some(5), filter: Filter::Lanczos, crops: Crops::Centre };
        assert_eq!(view.of(&picture), picture.crop(0, 2, 5, 5));
    }

    #[test]
    fn ten_crops_are_the_corners_the_centre_and_their_mirror_images() {
        let shape = ImageShape { height: 5, width: 9, channels: 3 };
        let picture = Picture::new(shape, (0..135).collect());
        let view = View { size: 3, resize: Some(5), filter: Filter::Bilinear, crops: Crops::Ten };
        let places = [(0, 0), (0, 6), (2, 0), (2, 6), (1, 3)];
        for (number, (top, left)) in places.into_iter().enumerate() {
            let part = picture.crop(top, left, 3, 3);
            assert_eq!(view.crop(&picture, number), part, "crop {number}");
            assert_eq!(view.crop(&picture, number + 5), part.mirrored(), "crop {}", number + 5);
        }
        let row: Vec<u8> = picture.crop(0, 0, 1, 2).mirrored().into_pixels();
        assert_eq!(row, [3, 4, 5, 0, 1, 2]);
    }

    #[test]
    fn impossible_sizes_are_refused_by_field() {
        let message = |size, resize| {
            let fault = View { size, resize, filter: Filter::default(), crops: Crops::Centre }
                .check()
                .expect_err("refused");
            crate::DataError::from(fault).to_string()
        };
        assert!(message(0, None).starts_with("view.size = 0 is"));
        assert!(message(5000, None).contains("from 1 to 4096"));
        assert!(message(224, Some(200)).starts_with("view.resize = 200"));
    }
}
