//! Batches of pairs: an input, and the picture or label map that is its target.
//!
//! Every picture gives several patches an epoch. Place, orientation and noise of a patch are keyed by (seed, epoch, sample); sample
//! `s` is cut from picture `s mod n`. Pixels are given as `value/255 − 1/2`, so that zero padding is mid-grey.

mod orientation;
mod patches;
mod pixels;

pub use orientation::Symmetry;
pub use patches::{Pairing, PatchSettings, Patches};
pub use pixels::{add_noise, centred, pixel_value};

use crate::image_shape::ImageShape;

/// Pairs as plain arrays.
#[derive(Clone, Debug, PartialEq)]
pub struct PairBatch {
    /// The inputs, `[n, height, width, channels]`.
    pub inputs: Vec<f32>,
    /// Shape of one input.
    pub input: ImageShape,
    /// The targets.
    pub targets: Targets,
    /// Sample numbers `[n]` within the epoch.
    pub samples: Vec<u32>,
}

/// The targets of a batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// Pictures `[n, height, width, channels]`.
    Pictures {
        /// Their pixels.
        values: Vec<f32>,
        /// Shape of one.
        shape: ImageShape,
    },
    /// Class numbers `[n, height, width]`.
    Classes(Vec<u8>),
}

impl PairBatch {
    /// Returns the number of pairs.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Returns whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// Drops all but the first `pairs`.
    pub fn truncate(&mut self, pairs: usize) {
        self.samples.truncate(pairs);
        self.inputs.truncate(pairs * self.input.len());
        match &mut self.targets {
            Targets::Pictures { values, shape } => values.truncate(pairs * shape.len()),
            Targets::Classes(classes) => classes.truncate(pairs * self.input.height * self.input.width),
        }
    }
}
