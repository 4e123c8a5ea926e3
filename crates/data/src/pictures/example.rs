//! Pictures with names and label maps, and the sets that they form.

use std::sync::Arc;

use rayon::prelude::*;

use crate::dataset::{Source, Split, SyntheticSettings, synthetic};
use crate::error::DataError;
use crate::image_shape::ImageShape;
use crate::import::layout::SplitName;
use crate::picture::Picture;
use crate::shards::ShardedSet;

/// The number of pixels in a label map that belong to no class: losses and metrics leave them out. A set of 256 classes ignores no pixel.
pub const IGNORED: u8 = 255;

/// One picture and, where the set has them, the class of each of its pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureExample {
    /// The file's name without folder and extension; what records and reports call it.
    pub name: String,
    /// The picture.
    pub picture: Picture,
    /// Class numbers `[height, width]`, or [`IGNORED`].
    pub mask: Option<Arc<Vec<u8>>>,
}

/// Everything a set of pictures holds, before anything is held out.
#[derive(Clone, Debug)]
pub struct PictureSource {
    /// Channels of every picture, 1 or 3.
    pub channels: usize,
    /// Names of the classes in the label maps; empty where there are none.
    pub classes: Vec<String>,
    /// Pictures to train on, or all of them where the set is not divided.
    pub train: Vec<PictureExample>,
    /// The set's own validation pictures; may be empty.
    pub validation: Vec<PictureExample>,
    /// The set's own test pictures; may be empty.
    pub test: Vec<PictureExample>,
}

/// An opened set of pictures. Cloning shares them.
#[derive(Clone, Debug)]
pub struct PictureDataset {
    /// Registry name.
    pub name: String,
    /// Channels of every picture.
    pub channels: usize,
    /// Names of the classes in the label maps; empty where there are none.
    pub classes: Vec<String>,
    /// Pictures to train on.
    pub train: Arc<Vec<PictureExample>>,
    /// Pictures for curves and selection; empty if nothing is held out.
    pub validation: Arc<Vec<PictureExample>>,
    /// Pictures for the one final evaluation.
    pub test: Arc<Vec<PictureExample>>,
    /// Pictures of further sets that are evaluated then too, by the name of the set.
    pub further_tests: Vec<(String, Arc<Vec<PictureExample>>)>,
    /// BLAKE3 of everything that the sets hold, before anything is held out, in hex.
    pub content_hash: String,
}

impl PictureDataset {
    /// The pictures of all sets that are tested on, those of the test split first.
    pub fn tested(&self) -> impl Iterator<Item = &PictureExample> {
        let further = self.further_tests.iter().flat_map(|(_, examples)| examples.iter());
        self.test.iter().chain(further)
    }
}

impl PictureSource {
    /// The pictures of a classification set; their classes are left aside.
    pub(crate) fn of_classified(source: &Source) -> PictureSource {
        let examples = |split: &Split, word: &str| -> Vec<PictureExample> {
            (0..split.len())
                .map(|sample| PictureExample {
                    name: format!("{word}_{sample:05}"),
                    picture: Picture::new(source.shape, split.image(sample).to_vec()),
                    mask: None,
                })
                .collect()
        };
        PictureSource {
            channels: source.shape.channels,
            classes: Vec::new(),
            train: examples(&source.train, "train"),
            validation: source.validation.as_ref().map_or_else(Vec::new, |split| examples(split, "val")),
            test: examples(&source.test, "test"),
        }
    }

    /// The images of a set of encoded ones, decoded; their classes are left aside.
    ///
    /// # Errors
    /// [`DataError`] when an image cannot be read.
    pub(crate) fn of_shards(set: &ShardedSet) -> Result<PictureSource, DataError> {
        let examples = |split: SplitName| -> Result<Vec<PictureExample>, DataError> {
            let example = |sample| {
                let picture = set.picture(set.first_of(split) + sample)?;
                Ok(PictureExample { name: format!("{}_{sample:05}", split.folder()), picture, mask: None })
            };
            (0..set.header().count(split)).into_par_iter().map(example).collect()
        };
        Ok(PictureSource {
            channels: 3,
            classes: Vec::new(),
            train: examples(SplitName::Train)?,
            validation: examples(SplitName::Validation)?,
            test: examples(SplitName::Test)?,
        })
    }

    /// The drawn set with its label maps.
    pub(crate) fn drawn(settings: &SyntheticSettings) -> Result<PictureSource, DataError> {
        let source = synthetic::draw(settings)?;
        let mut pictures = PictureSource::of_classified(&source);
        pictures.classes = synthetic::MASK_CLASSES.iter().map(ToString::to_string).collect();
        for (examples, is_test) in [(&mut pictures.train, false), (&mut pictures.test, true)] {
            for (example, mask) in examples.iter_mut().zip(synthetic::draw_masks(settings, is_test)) {
                example.mask = Some(Arc::new(mask));
            }
        }
        Ok(pictures)
    }

    /// Hashes kind, classes, names, sizes, pixels and label maps; equal hashes mean equal data.
    pub fn content_hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"allconv-data pictures 1\n");
        hasher.update(&(self.channels as u64).to_le_bytes());
        let text = |hasher: &mut blake3::Hasher, text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        };
        hasher.update(&(self.classes.len() as u64).to_le_bytes());
        self.classes.iter().for_each(|class| text(&mut hasher, class));
        for examples in [&self.train, &self.validation, &self.test] {
            hasher.update(&(examples.len() as u64).to_le_bytes());
            for example in examples {
                text(&mut hasher, &example.name);
                let ImageShape { height, width, .. } = example.picture.shape();
                hasher.update(&(height as u64).to_le_bytes()).update(&(width as u64).to_le_bytes());
                hasher.update(&example.hash());
            }
        }
        hasher.finalize().to_hex().to_string()
    }
}

impl PictureExample {
    /// BLAKE3 of pixels and label map.
    pub(super) fn hash(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.picture.pixels());
        if let Some(mask) = &self.mask {
            hasher.update(mask);
        }
        *hasher.finalize().as_bytes()
    }
}
