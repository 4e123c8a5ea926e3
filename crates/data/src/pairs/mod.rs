//! Batches of pairs: what a network sees, and the picture or label map that it should return.
//!
//! Every picture gives several patches an epoch. Place, orientation and noise of a patch are keyed by (seed, epoch, sample); sample
//! `s` is cut from picture `s mod n`. Pixels are handed over as `value/255 − 1/2`, so that zero padding is mid-grey.

mod orientation;
mod patches;
mod pixels;

pub use orientation::Symmetry;
pub use patches::{Pairing, PatchSettings, Patches};
pub use pixels::{add_noise, centred, pixel_value};

use crate::augment::ImageShape;

/// Pairs as plain arrays.
#[derive(Clone, Debug, PartialEq)]
pub struct PairBatch {
    /// What the network sees, `[n, height, width, channels]`.
    pub inputs: Vec<f32>,
    /// Shape of one input.
    pub input: ImageShape,
    /// What it should return.
    pub targets: Targets,
    /// Sample numbers `[n]` within the epoch.
    pub samples: Vec<u32>,
}

/// What a network should return for a batch.
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
    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// True if there is no pair.
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
