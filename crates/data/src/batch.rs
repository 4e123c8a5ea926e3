//! One batch: images, labels and sample numbers as plain arrays.

/// A batch of samples, ready to become a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Pixels `[n, height, width, channels]`, contiguous, preprocessed and augmented.
    pub images: Vec<f32>,
    /// Class numbers `[n]`.
    pub labels: Vec<u32>,
    /// Sample numbers `[n]` within the split.
    pub samples: Vec<u32>,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// Channels of a pixel.
    pub channels: usize,
}

impl Batch {
    /// Returns the number of samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Returns whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }
}
