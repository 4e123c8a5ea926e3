//! The interface of a task over maps: its inputs, targets and metrics, and the pictures that are kept of it.

use allconv_data::pairs::centred;
use allconv_data::{
    DataError, Depth, ImageShape, Photograph, Picture, PictureDataset, PictureExample, Samples, Targets,
};
use allconv_record::PictureRole;

use super::interface::Prediction;
use crate::TrainError;
use crate::metrics::Confusion;
use crate::tiles::DenseMap;

/// A task over maps.
pub(crate) trait DenseKind {
    /// Refuses data that the task cannot learn from.
    ///
    /// # Errors
    /// [`DataError`] naming the example.
    fn check(&self, data: &PictureDataset) -> Result<(), DataError>;
    /// Returns the channels of the map, for pictures of so many.
    fn outputs(&self, channels: usize) -> usize;
    /// Returns the height and width of the network's input for an example.
    fn input_size(&self, example: &PictureExample) -> [usize; 2];
    /// Returns the network's input for a whole example; `index` is its place in the split.
    fn input(&self, example: &PictureExample, index: usize) -> WholeInput;
    /// Returns the target of an example.
    fn target(&self, example: &PictureExample) -> Targets;
    /// Returns the names of the metrics that every example has a value of.
    fn metrics(&self, channels: usize) -> Vec<&'static str>;
    /// Computes the metrics of the map of an example.
    ///
    /// # Errors
    /// [`TrainError::Data`] when a metric is not defined for the example.
    fn score(
        &self,
        example: &PictureExample,
        index: usize,
        map: &DenseMap,
    ) -> Result<ExampleResult, TrainError>;
    /// Returns the names of the metrics of a split that are not means over examples.
    fn total_names(&self) -> Vec<String> {
        Vec::new()
    }
    /// Returns the metrics of the split that are not means over examples: those of [`total_names`](Self::total_names) that its truth
    /// defines.
    fn totals(&self, _confusion: Option<&Confusion>) -> Vec<(String, f64)> {
        Vec::new()
    }
    /// Returns small pictures of an example for display, each with the metrics of its caption.
    fn show(&self, example: &PictureExample, index: usize, map: &DenseMap) -> Vec<Shown>;
    /// Decodes a picture outside the data set; `file` is its name in errors.
    ///
    /// # Errors
    /// [`DataError`] for a file that is no picture, or one whose transparency the task cannot keep.
    fn decode(&self, file: &str, bytes: &[u8]) -> Result<Photograph, DataError> {
        Photograph::decode(file, bytes)
    }
    /// Returns what the prediction for such a picture keeps of a map: the values of each pixel, or its class.
    fn samples(&self, map: &DenseMap, depth: Depth) -> Samples {
        Samples::of_outputs(&map.values, depth)
    }
    /// Returns the prediction for the picture from the [`samples`](Self::samples) of its map, which have this shape.
    fn present(&self, picture: Photograph, shape: ImageShape, samples: Samples) -> Prediction {
        Prediction::Picture(picture.replaced(shape, samples))
    }
}

/// The network's input for an example.
pub(crate) struct WholeInput {
    /// Centred pixels, `[height, width, channels]`.
    pub(crate) values: Vec<f32>,
    /// Their shape.
    pub(crate) shape: ImageShape,
}

/// The metrics of one map.
pub(crate) struct ExampleResult {
    /// A value for each of [`DenseKind::metrics`].
    pub(crate) values: Vec<f64>,
    /// Pixels by true and predicted class, where there are classes.
    pub(crate) confusion: Option<Confusion>,
}

/// A small picture for display.
pub(crate) struct Shown {
    /// Its content.
    pub(crate) role: PictureRole,
    /// The picture.
    pub(crate) picture: Picture,
    /// The metrics of its caption: the name in the caption, and that of the example's metric.
    pub(crate) metrics: &'static [(&'static str, &'static str)],
}

/// Returns the pixels of a picture as network input.
pub(super) fn centred_pixels(picture: &Picture) -> Vec<f32> {
    picture.pixels().iter().map(|value| centred(*value)).collect()
}

/// Returns the picture that a map shows: every value rounded to the nearest of 8 bits.
pub(super) fn map_picture(map: &DenseMap) -> Picture {
    let pixels = map.values.iter().map(|value| allconv_data::pairs::pixel_value(*value)).collect();
    Picture::new(map.shape, pixels)
}

/// Returns the middle of a picture, at most `size` pixels high and wide.
pub(super) fn middle(picture: &Picture, size: usize) -> Picture {
    let ImageShape { height, width, .. } = picture.shape();
    let (rows, columns) = (height.min(size), width.min(size));
    picture.crop((height - rows) / 2, (width - columns) / 2, rows, columns)
}
