//! The interface of a task over maps: its inputs, targets and metrics, and the pictures that are kept of it.

use allconv_data::pairs::centred;
use allconv_data::{DataError, ImageShape, Picture, PictureDataset, PictureExample, Targets};
use allconv_record::PictureRole;

use super::interface::Prediction;
use crate::TrainError;
use crate::metrics::Confusion;
use crate::tiles::DenseMap;

/// What a task over maps must say.
pub(crate) trait DenseKind {
    /// Refuses data that the task cannot learn from.
    ///
    /// # Errors
    /// [`DataError`] naming the example.
    fn check(&self, data: &PictureDataset) -> Result<(), DataError>;
    /// Channels of the map, for pictures of so many.
    fn outputs(&self, channels: usize) -> usize;
    /// Rows and columns of what the network sees of an example.
    fn input_sides(&self, example: &PictureExample) -> [usize; 2];
    /// What the network sees of a whole example; `index` is its place in the split.
    fn input(&self, example: &PictureExample, index: usize) -> WholeInput;
    /// What it should return.
    fn target(&self, example: &PictureExample) -> Targets;
    /// Names of the metrics that every example has a value of.
    fn metrics(&self, channels: usize) -> Vec<&'static str>;
    /// Judges the map of an example.
    ///
    /// # Errors
    /// [`TrainError::Data`] when a metric is not defined for the example.
    fn judge(&self, example: &PictureExample, index: usize, map: &DenseMap) -> Result<Verdict, TrainError>;
    /// Names of the metrics of a split that are no means over examples.
    fn total_names(&self) -> Vec<String> {
        Vec::new()
    }
    /// Metrics of the split that are no means over examples: those of [`total_names`](Self::total_names) that its truth defines.
    fn totals(&self, _confusion: Option<&Confusion>) -> Vec<(String, f64)> {
        Vec::new()
    }
    /// Small pictures of an example for people, each with the metrics that belong under it.
    fn show(&self, example: &PictureExample, index: usize, map: &DenseMap) -> Vec<Shown>;
    /// What people are given for a picture of their own.
    fn present(&self, map: &DenseMap) -> Prediction;
}

/// What the network sees of an example.
pub(crate) struct WholeInput {
    /// Centred pixels, `[height, width, channels]`.
    pub(crate) values: Vec<f32>,
    /// Their shape.
    pub(crate) shape: ImageShape,
}

/// What a task says of one map.
pub(crate) struct Verdict {
    /// A value for each of [`DenseKind::metrics`].
    pub(crate) values: Vec<f64>,
    /// Pixels by true and predicted class, where there are classes.
    pub(crate) confusion: Option<Confusion>,
}

/// A small picture for people.
pub(crate) struct Shown {
    /// What it shows.
    pub(crate) role: PictureRole,
    /// The picture.
    pub(crate) picture: Picture,
    /// The metrics under it: the name under the picture, and that of the example's metric.
    pub(crate) metrics: &'static [(&'static str, &'static str)],
}

/// A picture as networks see it.
pub(super) fn centred_pixels(picture: &Picture) -> Vec<f32> {
    picture.pixels().iter().map(|value| centred(*value)).collect()
}

/// The picture that a map shows: every value rounded to the nearest of 8 bits.
pub(super) fn map_picture(map: &DenseMap) -> Picture {
    let pixels = map.values.iter().map(|value| allconv_data::pairs::pixel_value(*value)).collect();
    Picture::new(map.shape, pixels)
}

/// The middle of a picture, at most `side` pixels each way.
pub(super) fn middle(picture: &Picture, side: usize) -> Picture {
    let ImageShape { height, width, .. } = picture.shape();
    let (rows, columns) = (height.min(side), width.min(side));
    picture.crop((height - rows) / 2, (width - columns) / 2, rows, columns)
}
