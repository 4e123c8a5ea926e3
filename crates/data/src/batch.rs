//! One batch: images, labels and sample numbers as plain arrays.

/// A batch of samples, ready to become a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Pixels `[n, height, width, channels]`, contiguous, preprocessed and augmented.
    pub images: Vec<f32>,
    /// Class numbers `[n]`.
    pub labels: Vec<u32>,
    /// The labels that are mixed with these, if images are.
    pub mixed: Option<Mixed>,
    /// Sample numbers `[n]` within the split.
    pub samples: Vec<u32>,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// Channels of a pixel.
    pub channels: usize,
}

/// The second labels of mixed images.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixed {
    /// Class numbers `[n]` of the images that were mixed in.
    pub labels: Vec<u32>,
    /// Share of each image's own label `[n]`, 0 to 1; the rest belongs to the second one.
    pub shares: Vec<f32>,
}

impl Batch {
    /// Returns the number of samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Returns the class number with the largest share of each image: its own, unless more of another one is mixed in.
    pub fn main_labels(&self) -> Vec<u32> {
        let Some(Mixed { labels, shares }) = &self.mixed else { return self.labels.clone() };
        let pairs = self.labels.iter().zip(labels).zip(shares);
        pairs.map(|((own, other), share)| if *share >= 0.5 { *own } else { *other }).collect()
    }

    /// Returns whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }
}
