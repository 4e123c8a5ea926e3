//! One split of a dataset: 8-bit images and their labels, cheap to share.

use std::io::Cursor;
use std::sync::Arc;

use crate::error::DataError;
use crate::image_shape::ImageShape;

/// Images `[n, height, width, channels]` of 8 bits and their class numbers `[n]`. Cloning shares both.
#[derive(Clone, Debug)]
pub struct Split {
    pixels: Arc<Vec<u8>>,
    labels: Arc<Vec<u16>>,
    shape: ImageShape,
}

impl Split {
    /// Joins pixels `[n, height, width, channels]` with labels `[n]`.
    ///
    /// # Panics
    /// If the lengths do not belong together.
    pub fn new(pixels: Vec<u8>, labels: Vec<u16>, shape: ImageShape) -> Split {
        assert_eq!(pixels.len(), labels.len() * shape.len(), "pixels must hold one image per label");
        Split { pixels: Arc::new(pixels), labels: Arc::new(labels), shape }
    }

    /// Returns a split without images.
    pub fn empty(shape: ImageShape) -> Split {
        Split::new(Vec::new(), Vec::new(), shape)
    }

    /// Returns the number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Returns whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Returns the shape of every image.
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// Returns all pixels, `[n, height, width, channels]`.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Returns all class numbers, `[n]`.
    pub fn labels(&self) -> &[u16] {
        &self.labels
    }

    /// Returns the pixels of one image, `[height, width, channels]`.
    pub fn image(&self, sample: usize) -> &[u8] {
        &self.pixels[sample * self.shape.len()..][..self.shape.len()]
    }

    /// Copies the named samples, in the order given.
    pub fn select(&self, samples: &[usize]) -> Split {
        let mut pixels = Vec::with_capacity(samples.len() * self.shape.len());
        let mut labels = Vec::with_capacity(samples.len());
        for &sample in samples {
            pixels.extend_from_slice(self.image(sample));
            labels.push(self.labels[sample]);
        }
        Split::new(pixels, labels, self.shape)
    }

    /// Returns the number of images of each class.
    pub fn class_counts(&self, classes: usize) -> Vec<usize> {
        let mut counts = vec![0; classes];
        for &label in self.labels.iter() {
            counts[usize::from(label)] += 1;
        }
        counts
    }

    /// Encodes one image as PNG, for reports.
    pub fn png(&self, sample: usize) -> Result<Vec<u8>, DataError> {
        png(self.shape, self.image(sample), sample)
    }

    /// Adds number, labels and pixels to a hash.
    pub fn hash_into(&self, hasher: &mut blake3::Hasher) {
        hasher.update(&(self.len() as u64).to_le_bytes());
        for &label in self.labels.iter() {
            hasher.update(&label.to_le_bytes());
        }
        hasher.update(&self.pixels);
    }
}

/// Encodes the pixels of the image number `sample` as PNG.
pub(super) fn png(shape: ImageShape, pixels: &[u8], sample: usize) -> Result<Vec<u8>, DataError> {
    let color = match shape.channels {
        1 => image::ExtendedColorType::L8,
        3 => image::ExtendedColorType::Rgb8,
        channels => {
            return Err(DataError::BadOption {
                field: "channels",
                value: channels.to_string(),
                limit: "a PNG has 1 or 3 of them here".to_string(),
                fix: "use a grey or colour dataset".to_string(),
            });
        }
    };
    let mut bytes = Cursor::new(Vec::new());
    let (width, height) = (shape.width as u32, shape.height as u32);
    image::write_buffer_with_format(&mut bytes, pixels, width, height, color, image::ImageFormat::Png)
        .map_err(|error| {
            DataError::bad_file(
                format!("sample {sample}"),
                "an image PNG can hold",
                error,
                "report this as a bug",
            )
        })?;
    Ok(bytes.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_png_decodes_to_the_same_pixels() {
        let shape = ImageShape { height: 2, width: 3, channels: 3 };
        let pixels: Vec<u8> = (0..36).map(|value| value * 7).collect();
        let split = Split::new(pixels, vec![0, 1], shape);
        let png = split.png(1).expect("an RGB image");
        let decoded = image::load_from_memory(&png).expect("a PNG").into_rgb8();
        assert_eq!(decoded.dimensions(), (3, 2));
        assert_eq!(decoded.as_raw().as_slice(), split.image(1));
    }

    #[test]
    fn selection_keeps_the_order_given() {
        let shape = ImageShape { height: 1, width: 1, channels: 1 };
        let split = Split::new(vec![10, 11, 12], vec![0, 1, 1], shape);
        let chosen = split.select(&[2, 0]);
        assert_eq!(chosen.pixels(), [12, 10]);
        assert_eq!(chosen.labels(), [1, 0]);
        assert_eq!(split.class_counts(3), [1, 2, 0]);
    }
}
