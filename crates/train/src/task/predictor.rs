//! Predictions for pictures outside the data set, without the data: from what the run kept of them.

use std::sync::Arc;

use allconv_data::{DataError, FittedPreprocess, ImageShape, Photograph, Picture, Samples, View};
use allconv_nets::{Mode, Network, Walk, images_to_tensor, walk};
use allconv_random::elementary::exp;
use allconv_record::{RunData, RunDirectory};
use burn::tensor::Device;

use super::dense_kind::DenseKind;
use super::interface::Prediction;
use super::kept::{check_content, other_data};
use super::sizes::check_size;
use crate::batch::to_host;
use crate::tiles::{Piece, Tiling, run_tiles};
use crate::{DataStore, RunSettings, TrainError};

/// The description of its data that a network needs in addition to its weights.
#[derive(Clone, Debug)]
pub struct KeptData {
    /// Classes and shape.
    pub data: RunData,
    /// The preprocessing of pixels, for classifiers.
    pub fitted: Arc<FittedPreprocess>,
}

impl KeptData {
    /// Returns what `run` kept. For runs of versions that kept nothing the available data set is used, if it is the one they were made
    /// with.
    ///
    /// # Errors
    /// [`TrainError`] when what the run kept is damaged, or it kept nothing and the data set is absent or another.
    pub fn of_run(
        run: &RunDirectory,
        settings: &RunSettings,
        content_hash: &str,
        store: &DataStore,
    ) -> Result<KeptData, TrainError> {
        match run.read_data()? {
            Some(data) if data.content_hash == content_hash => {
                let steps = match settings.data.task().patches() {
                    None => settings.data.preprocess.as_slice(),
                    Some(_) => &[],
                };
                let fitted = FittedPreprocess::read_kept(&run.preprocess_path(), steps, shape_of(&data))?;
                Ok(KeptData { data, fitted: Arc::new(fitted) })
            }
            Some(data) => Err(other_data(&data.dataset, &data.content_hash, content_hash)),
            None => {
                let (data, fitted) = super::open_task(settings, store, &Device::flex())?.kept();
                check_content(&data.dataset, &data.content_hash, content_hash)?;
                Ok(KeptData { data, fitted })
            }
        }
    }
}

fn shape_of(data: &RunData) -> ImageShape {
    let [channels, height, width] = data.input;
    ImageShape { height, width, channels }
}

/// Predictions for pictures outside the data set.
pub trait Predictor {
    /// Predicts a picture from the bytes of its file; `name` is its name in errors, `tile` the height and width of the tiles that it is cut
    /// into, in input pixels.
    ///
    /// # Errors
    /// [`TrainError`] when the file is no picture, or the picture is not of the kind that the network was trained on, cannot be cut into such tiles, or gives values
    /// that are not finite.
    fn predict(
        &self,
        network: &Network,
        name: &str,
        bytes: &[u8],
        tile: Option<usize>,
    ) -> Result<Prediction, TrainError>;
    /// Returns the number of output channels, or of classes.
    fn outputs(&self) -> usize;
}

/// Returns the predictor of a run's network, with tensors on `device`.
///
/// # Errors
/// [`TrainError::Specification`] when the settings do not describe a network for these data.
pub fn open_predictor(
    settings: &RunSettings,
    kept: &KeptData,
    device: &Device,
) -> Result<Box<dyn Predictor>, TrainError> {
    let device = device.clone();
    let classes = kept.data.classes.clone();
    let Some(kind) = super::dense_kind(&settings.data.task(), &classes) else {
        let (shape, fitted) = (shape_of(&kept.data), Arc::clone(&kept.fitted));
        return Ok(Box::new(ClassPredictor { classes, shape, view: settings.data.view, fitted, device }));
    };
    let channels = kept.data.input[0];
    let walk = walk(&settings.net, kept.data.input, kind.outputs(channels))
        .map_err(|error| TrainError::Specification(error.to_string()))?;
    Ok(Box::new(MapPredictor { kind, settings: settings.clone(), channels, walk, device }))
}

/// The predictor of a classifier.
struct ClassPredictor {
    classes: Vec<String>,
    shape: ImageShape,
    /// What is seen of pictures, which may have any size then.
    view: Option<View>,
    fitted: Arc<FittedPreprocess>,
    device: Device,
}

impl Predictor for ClassPredictor {
    fn predict(
        &self,
        network: &Network,
        name: &str,
        bytes: &[u8],
        tile: Option<usize>,
    ) -> Result<Prediction, TrainError> {
        if tile.is_some() {
            let reason = "a picture that gets one class is not cut into tiles; leave --tile out";
            return Err(TrainError::Specification(reason.to_owned()));
        }
        let picture = Picture::decode(name, bytes)?;
        let picture = self.view.map_or_else(|| picture.clone(), |view| view.of(&picture));
        let (wanted, found) = (self.shape, picture.shape());
        let size = |shape: ImageShape| (shape.height, shape.width);
        if size(wanted) != size(found) || (wanted.channels == 1 && found.channels == 3) {
            return Err(TrainError::Data(DataError::BadFile {
                file: name.to_owned(),
                expected: format!("{} like the training images", size_words(wanted)),
                found: size_words(found),
                fix: "resize or convert the picture".to_owned(),
            }));
        }
        let repeats = wanted.channels / found.channels;
        let mut values: Vec<f32> = picture
            .pixels()
            .iter()
            .flat_map(|value| std::iter::repeat_n(f32::from(*value), repeats))
            .collect();
        self.fitted.apply(&mut values);
        let images =
            images_to_tensor(values, [1, wanted.height, wanted.width, wanted.channels], &self.device);
        let logits = to_host(network.forward(images, Mode::Evaluate));
        check_finite(&logits, name)?;
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let powers: Vec<f64> = logits.iter().map(|value| exp(f64::from(value - largest))).collect();
        let sum: f64 = powers.iter().sum();
        let fractions = powers.iter().map(|power| power / sum);
        let mut classes: Vec<(String, f64)> = self.classes.iter().cloned().zip(fractions).collect();
        classes.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ok(Prediction::Classes(classes))
    }

    fn outputs(&self) -> usize {
        self.classes.len()
    }
}

fn size_words(shape: ImageShape) -> String {
    let kind = if shape.channels == 1 { "grey" } else { "colour" };
    format!("{}×{} pixels (width × height), {kind}", shape.width, shape.height)
}

/// The predictor of a network that returns maps.
struct MapPredictor {
    kind: Box<dyn DenseKind>,
    settings: RunSettings,
    channels: usize,
    walk: Walk,
    device: Device,
}

impl Predictor for MapPredictor {
    fn predict(
        &self,
        network: &Network,
        name: &str,
        bytes: &[u8],
        tile: Option<usize>,
    ) -> Result<Prediction, TrainError> {
        let decoded = self.kind.decode(name, bytes)?;
        // Grey pictures are colour pictures with equal channels.
        let picture = if self.channels == 3 { decoded.in_colour() } else { decoded };
        let shape = picture.shape;
        let refuse = |expected: String, found: String, fix: &str| {
            TrainError::Data(DataError::BadFile {
                file: name.to_owned(),
                expected,
                found,
                fix: fix.to_owned(),
            })
        };
        if shape.channels != self.channels {
            let kind = |channels| if channels == 1 { "grey" } else { "colour" };
            let expected = format!("a {} picture, as the network was trained on", kind(self.channels));
            return Err(refuse(expected, format!("a {} one", kind(shape.channels)), "convert it"));
        }
        let tiling = match tile {
            Some(size) => Some(
                Tiling::new(&self.walk, size)
                    .map_err(|error| TrainError::Specification(error.to_string()))?,
            ),
            None => Tiling::by_default(&self.walk, shape),
        };
        check_size(&self.settings.net, &self.walk, tiling, shape).map_err(|expected| {
            let found = format!("{}×{} (width × height)", shape.width, shape.height);
            refuse(expected, found, "take a larger picture")
        })?;
        let (shape, samples) = self.run(network, name, &picture, tiling)?;
        Ok(self.kind.present(picture, shape, samples))
    }

    fn outputs(&self) -> usize {
        self.kind.outputs(self.channels)
    }
}

impl MapPredictor {
    /// Returns the shape and the samples of the map of a picture; of the map itself there is never more than a tile.
    fn run(
        &self,
        network: &Network,
        name: &str,
        picture: &Photograph,
        tiling: Option<Tiling>,
    ) -> Result<(ImageShape, Samples), TrainError> {
        let read = |piece: Piece| {
            let mut values = Vec::with_capacity(piece.shape.len());
            let runs = piece.runs(picture.shape);
            runs.for_each(|(first, count)| picture.samples.append_inputs(first, count, &mut values));
            values
        };
        let (mut kept, mut finite) = (None, Ok(()));
        run_tiles(network, &read, picture.shape, tiling, &self.device, &mut |tile| {
            if finite.is_ok() {
                finite = check_finite(&tile.map.values, name);
            }
            let own = self.kind.samples(&tile.map, picture.samples.depth());
            let channels = own.len() / (tile.map.shape.height * tile.map.shape.width);
            let whole = ImageShape { channels, ..tile.whole };
            let (_, samples) = kept.get_or_insert_with(|| (whole, Samples::zeros(own.depth(), whole.len())));
            for (to, from, count) in tile.runs(channels) {
                samples.copy_from(to, &own, from, count);
            }
        });
        finite?;
        match kept {
            Some(kept) => Ok(kept),
            None => panic!("{name} was decoded to {:?}", picture.shape),
        }
    }
}

/// Refuses outputs that are not finite, which damaged weights give.
fn check_finite(values: &[f32], name: &str) -> Result<(), TrainError> {
    match values.iter().find(|value| !value.is_finite()) {
        None => Ok(()),
        Some(value) => Err(TrainError::NotFinite { what: format!("an output for {name}"), value: *value }),
    }
}
