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
}

fn is_default(filter: &Filter) -> bool {
    *filter == Filter::default()
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

    /// Resizes and crops a picture.
    ///
    /// ```
    /// use allconv_data::{Filter, ImageShape, Picture, View};
    /// let view = View { size: 4, resize: None, filter: Filter::Bilinear };
    /// let shape = ImageShape { height: 30, width: 70, channels: 3 };
    /// let seen = view.of(&Picture::new(shape, vec![9; shape.len()]));
    /// assert_eq!((seen.shape().height, seen.shape().width), (4, 4));
    /// ```
    pub fn of(&self, picture: &Picture) -> Picture {
        let shape = picture.shape();
        let edge = self.shorter_edge();
        let longer = |long: usize, short: usize| edge * long / short;
        let [height, width] = match shape.height <= shape.width {
            true => [edge, longer(shape.width, shape.height)],
            false => [longer(shape.height, shape.width), edge],
        };
        let kept = Window {
            top: half_to_even(height - self.size),
            left: half_to_even(width - self.size),
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
        let view = |size| View { size, resize: None, filter: Filter::default() };
        assert_eq!([7, 32, 64, 128, 224].map(|size| view(size).shorter_edge()), [8, 37, 73, 146, 256]);
        assert_eq!([0, 1, 2, 3, 5, 7].map(half_to_even), [0, 0, 1, 2, 2, 4]);
    }

    #[test]
    fn an_image_of_the_view_s_size_passes_unchanged_when_nothing_is_resized() {
        let shape = ImageShape { height: 5, width: 9, channels: 3 };
        let picture = Picture::new(shape, (0..135).collect());
        let view = View { size: 5, resize: Some(5), filter: Filter::Lanczos };
        assert_eq!(view.of(&picture), picture.crop(0, 2, 5, 5));
    }

    #[test]
    fn impossible_sizes_are_refused_by_field() {
        let message = |size, resize| {
            let fault = View { size, resize, filter: Filter::default() }.check().expect_err("refused");
            crate::DataError::from(fault).to_string()
        };
        assert!(message(0, None).starts_with("view.size = 0 is"));
        assert!(message(5000, None).contains("from 1 to 4096"));
        assert!(message(224, Some(200)).starts_with("view.resize = 200"));
    }
}
