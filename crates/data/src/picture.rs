//! One picture of any size: 8-bit pixels, grey or colour, cheap to share.

use std::io::Cursor;
use std::sync::Arc;

use crate::error::DataError;
use crate::image_shape::ImageShape;
use crate::import::background::Background;
use crate::import::decode;

/// Pixels `[height, width, channels]` of 8 bits. Cloning shares them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    shape: ImageShape,
    pixels: Arc<Vec<u8>>,
}

impl Picture {
    /// Combines a shape and its pixels.
    ///
    /// # Panics
    /// If they do not belong together.
    pub fn new(shape: ImageShape, pixels: Vec<u8>) -> Picture {
        assert_eq!(pixels.len(), shape.len(), "{} pixel values for {shape:?}", pixels.len());
        Picture { shape, pixels: Arc::new(pixels) }
    }

    /// Decodes an image file, grey (1 channel) or colour (3 channels); `file` is its name in errors.
    ///
    /// # Errors
    /// [`DataError::BadFile`] with what was found instead.
    pub fn decode(file: &str, bytes: &[u8]) -> Result<Picture, DataError> {
        Picture::decode_over(file, bytes, None)
    }

    /// As [`Picture::decode`]; transparent pixels are composited over `background`, and refused without one.
    ///
    /// # Errors
    /// As [`Picture::decode`].
    pub(crate) fn decode_over(
        file: &str,
        bytes: &[u8],
        background: Option<Background>,
    ) -> Result<Picture, DataError> {
        let image = decode::decode_as_stored_over(bytes, background);
        let image = image.map_err(|found| decode::refused(file, found))?;
        Ok(Picture::new(image.shape, image.pixels))
    }

    /// Returns the rows, columns and channels.
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// Returns all pixels, `[height, width, channels]`.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Returns all pixels, copied where others share them.
    pub fn into_pixels(self) -> Vec<u8> {
        Arc::try_unwrap(self.pixels).unwrap_or_else(|shared| shared.to_vec())
    }

    /// Returns the picture with one channel, if it has three that are equal everywhere; else itself.
    #[must_use]
    pub fn grey_if_equal(self) -> Picture {
        let is_grey = |pixel: &[u8]| pixel[0] == pixel[1] && pixel[1] == pixel[2];
        if self.shape.channels != 3 || !self.pixels.chunks_exact(3).all(is_grey) {
            return self;
        }
        Picture::new(
            ImageShape { channels: 1, ..self.shape },
            self.pixels.iter().step_by(3).copied().collect(),
        )
    }

    /// Returns the picture with left and right exchanged.
    #[must_use]
    pub fn mirrored(&self) -> Picture {
        let ImageShape { width, channels, .. } = self.shape;
        let rows = self.pixels.chunks_exact(width * channels);
        let pixels = rows.flat_map(|row| row.chunks_exact(channels).rev().flatten()).copied().collect();
        Picture::new(self.shape, pixels)
    }

    /// Returns the picture with three channels, which are equal where it has one.
    #[must_use]
    pub fn in_colour(&self) -> Picture {
        match self.shape.channels {
            1 => {
                let pixels = self.pixels.iter().flat_map(|value| [*value; 3]).collect();
                Picture::new(ImageShape { channels: 3, ..self.shape }, pixels)
            }
            _ => self.clone(),
        }
    }

    /// Returns the part of `height` × `width` pixels whose first pixel is `(top, left)`.
    ///
    /// # Panics
    /// If it reaches beyond the picture.
    pub fn crop(&self, top: usize, left: usize, height: usize, width: usize) -> Picture {
        let ImageShape { height: rows, width: columns, channels } = self.shape;
        assert!(top + height <= rows && left + width <= columns, "{height}×{width} at ({top}, {left})");
        let mut pixels = Vec::with_capacity(height * width * channels);
        for row in top..top + height {
            pixels.extend_from_slice(&self.pixels[(row * columns + left) * channels..][..width * channels]);
        }
        Picture::new(ImageShape { height, width, channels }, pixels)
    }

    /// Returns the picture without the last rows and columns that `factor` does not divide.
    pub fn cropped_to_multiple(&self, factor: usize) -> Picture {
        let ImageShape { height, width, .. } = self.shape;
        let (rows, columns) = (height / factor * factor, width / factor * factor);
        if (rows, columns) == (height, width) { self.clone() } else { self.crop(0, 0, rows, columns) }
    }

    /// Encodes the picture as PNG.
    ///
    /// # Errors
    /// [`DataError::BadOption`] unless it has 1 or 3 channels and at least one pixel.
    pub fn png(&self) -> Result<Vec<u8>, DataError> {
        let color = match self.shape.channels {
            1 => image::ExtendedColorType::L8,
            _ => image::ExtendedColorType::Rgb8,
        };
        let mut bytes = Cursor::new(Vec::new());
        let (width, height) = (self.shape.width as u32, self.shape.height as u32);
        image::write_buffer_with_format(
            &mut bytes,
            &self.pixels,
            width,
            height,
            color,
            image::ImageFormat::Png,
        )
        .map_err(|error| DataError::BadOption {
            field: "channels",
            value: self.shape.channels.to_string(),
            limit: format!("a PNG has 1 or 3 of them here: {error}"),
            fix: "use a grey or colour picture".to_string(),
        })?;
        Ok(bytes.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(height: usize, width: usize, channels: usize) -> Picture {
        let shape = ImageShape { height, width, channels };
        Picture::new(shape, (0..shape.len()).map(|value| value as u8).collect())
    }

    #[test]
    fn grey_and_colour_are_restored_from_a_png() {
        for channels in [1, 3] {
            let picture = counted(3, 5, channels);
            let png = picture.png().expect("a PNG");
            assert_eq!(Picture::decode("a.png", &png).expect("a PNG"), picture);
        }
        let error = Picture::decode("a.png", b"nonsense").expect_err("no image").to_string();
        assert!(error.starts_with("a.png: expected a JPEG, PNG"), "{error}");
    }

    #[test]
    fn a_crop_holds_the_pixels_of_its_place() {
        let picture = counted(4, 5, 1);
        assert_eq!(picture.crop(1, 2, 2, 3).pixels(), [7, 8, 9, 12, 13, 14]);
        let shape = picture.cropped_to_multiple(3).shape();
        assert_eq!((shape.height, shape.width), (3, 3));
    }
}
