//! Augmentation of training images: changes of their pixels, then flips, translation and cutout, then mixtures of two, keyed by (seed, epoch,
//! sample).
//!
//! Each change and each mixture is a file of this folder and a line of the registries `Augmentation::changes` and
//! `Augmentation::mixtures`, with a stream of its own, so that none changes what another draws.

mod affine;
mod canvas;
mod change;
mod colour;
mod colour_jitter;
mod cutmix;
mod grey;
mod mixing;
mod mixup;
mod moves;
mod padded_crop;
mod rand_augment;
mod random_resized_crop;
mod warp;

use allconv_random::{Purpose, Stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::batch::{Batch, Mixed};
use crate::dataset::Images;
use crate::error::{DataError, OutOfRange};
use crate::image_shape::ImageShape;
use crate::picture::Picture;
pub use affine::Affine;
pub use canvas::Canvas;
use change::Change;
pub use colour_jitter::ColourJitter;
pub use cutmix::Cutmix;
pub use grey::Grey;
use mixing::Mixing;
pub use mixup::Mixup;
pub use moves::{Cut, Move};
pub use padded_crop::{Border, PaddedCrop};
pub use rand_augment::RandAugment;
pub use random_resized_crop::RandomResizedCrop;

/// Random changes of training images: flips, translation and cutout after preprocessing, the tables below in the order of the fields, before
/// it (changes of pixels) or after all others (mixtures).
///
/// The paper's augmented columns use flips and translations of at most 5 pixels (Springenberg et al. 2015,
/// section 3). Uncovered and cut-out pixels become 0, which is the mean after preprocessing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Augmentation {
    /// Mirror left and right with probability one half.
    #[serde(default)]
    pub horizontal_flip: bool,
    /// Mirror left and right in every second epoch, beginning with the first or the second as drawn for the image: in two epochs each
    /// image is shown once in each orientation. Excludes `horizontal_flip`. Jordan, arXiv 2404.00498, section 3.6.
    #[serde(default, skip_serializing_if = "is_off")]
    pub alternating_flip: bool,
    /// Largest shift per dimension in pixels; every whole shift from −`translate` to `translate` is equally likely.
    #[serde(default)]
    pub translate: u32,
    /// Height and width of a square that becomes 0, in pixels; its centre is any pixel with equal chance, so that a part of it may lie
    /// outside. 0 cuts nothing. DeVries and Taylor, arXiv 1708.04552.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cutout: u32,
    /// Crop a random part of each image, in place of its view. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub random_resized_crop: Option<RandomResizedCrop>,
    /// Crop the image out of a border around it. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub padded_crop: Option<PaddedCrop>,
    /// Place the image on a canvas, stretched, rotated and recoloured. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canvas: Option<Canvas>,
    /// Rotate, scale and shear. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affine: Option<Affine>,
    /// Apply a few changes drawn from fourteen. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rand_augment: Option<RandAugment>,
    /// Change brightness, contrast, saturation and hue. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour_jitter: Option<ColourJitter>,
    /// Convert to grey with a given probability. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grey: Option<Grey>,
    /// Take the weighted mean of two images. With `cutmix`, each image gets one of both with equal chance. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mixup: Option<Mixup>,
    /// Replace a rectangle by that of another image. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cutmix: Option<Cutmix>,
}

/// The name of a draw: every random change is a function of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// Seed of the run.
    pub seed: u64,
    /// Epoch, counted from 0.
    pub epoch: u32,
    /// Number of the sample in its split.
    pub sample: u32,
}

impl Draw {
    fn stream(self, purpose: Purpose) -> Stream {
        Stream::of_sample(self.seed, purpose, self.epoch, self.sample)
    }
}

fn is_off(value: &bool) -> bool {
    !value
}

fn is_zero(value: &u32) -> bool {
    *value == 0
}

impl Augmentation {
    /// Draws the changes of a sample in an epoch. A disabled part changes no other part.
    pub fn draw(&self, seed: u64, epoch: u32, sample: u32, shape: ImageShape) -> Move {
        let mut stream = Stream::of_sample(seed, Purpose::Augmentation, epoch, sample);
        let flip_word = stream.word();
        let mut shift = || match self.translate {
            0 => 0,
            reach => stream.below(2 * reach + 1) as i32 - reach as i32,
        };
        let down = shift();
        let right = shift();
        let cut = (self.cutout > 0).then(|| {
            let mut first = |size: usize| i64::from(stream.below(size as u32)) - i64::from(self.cutout / 2);
            Cut { top: first(shape.height), left: first(shape.width), size: self.cutout }
        });
        let flip = if self.alternating_flip {
            let first_word = Stream::of_sample(seed, Purpose::Augmentation, 0, sample).word();
            (first_word ^ epoch) & 1 == 1
        } else {
            self.horizontal_flip && flip_word & 1 == 1
        };
        Move { flip, down, right, cut }
    }

    /// The registry of changes of pixels, in the order in which they are applied, each with the purpose of its stream.
    fn changes(&self) -> [(Option<&dyn Change>, Purpose); 6] {
        fn of<C: Change>(change: &Option<C>) -> Option<&dyn Change> {
            change.as_ref().map(|change| change as &dyn Change)
        }
        [
            (of(&self.padded_crop), Purpose::PaddedCrop),
            (of(&self.canvas), Purpose::Canvas),
            (of(&self.affine), Purpose::Affine),
            (of(&self.rand_augment), Purpose::RandAugment),
            (of(&self.colour_jitter), Purpose::ColourJitter),
            (of(&self.grey), Purpose::Grey),
        ]
    }

    /// The registry of mixtures, each with the purpose of its stream.
    fn mixtures(&self) -> [(Option<&dyn Mixing>, Purpose); 2] {
        fn of<M: Mixing>(mixing: &Option<M>) -> Option<&dyn Mixing> {
            mixing.as_ref().map(|mixing| mixing as &dyn Mixing)
        }
        [(of(&self.mixup), Purpose::Mixup), (of(&self.cutmix), Purpose::Cutmix)]
    }

    /// Refuses settings out of range.
    ///
    /// # Errors
    /// [`OutOfRange`] at the field.
    pub fn check(&self) -> Result<(), OutOfRange> {
        self.random_resized_crop.map_or(Ok(()), |crop| crop.check())?;
        self.changes().into_iter().filter_map(|(change, _)| change).try_for_each(|change| change.check())?;
        self.mixtures().into_iter().filter_map(|(mixing, _)| mixing).try_for_each(|mixing| mixing.check())
    }

    /// Returns whether pixels are changed before preprocessing.
    pub fn changes_pixels(&self) -> bool {
        self.random_resized_crop.is_some() || self.changes().iter().any(|(change, _)| change.is_some())
    }

    /// Returns the pixels of a sample in an epoch, before preprocessing.
    ///
    /// # Errors
    /// [`DataError`] when the image cannot be read.
    pub fn pixels(&self, images: &Images, draw: Draw) -> Result<Picture, DataError> {
        let whole = images.whole(draw.sample as usize)?;
        let seen = match self.random_resized_crop {
            Some(crop) => {
                let part = crop.draw(whole.shape(), &mut draw.stream(Purpose::RandomResizedCrop));
                images.resized_part(&whole, part)
            }
            None => images.seen(whole),
        };
        Ok(self.changes().into_iter().fold(seen, |picture, (change, purpose)| match change {
            Some(change) => change.apply(picture, &mut draw.stream(purpose)),
            None => picture,
        }))
    }

    /// Mixes each image of a batch with the next one, the last with the first; images and labels are those before any mixture.
    pub(crate) fn mix(&self, seed: u64, epoch: u32, batch: &mut Batch) {
        let mixtures: Vec<(&dyn Mixing, Purpose)> = self
            .mixtures()
            .into_iter()
            .filter_map(|(mixing, purpose)| mixing.map(|mixing| (mixing, purpose)))
            .collect();
        if mixtures.is_empty() || batch.is_empty() {
            return;
        }
        let shape = ImageShape { height: batch.height, width: batch.width, channels: batch.channels };
        let plain = batch.images.clone();
        let mut labels = batch.labels.clone();
        labels.rotate_left(1);
        let others = plain.chunks_exact(shape.len()).cycle().skip(1);
        let images = batch.images.chunks_exact_mut(shape.len());
        let shares = images.zip(others).zip(&batch.samples).map(|((image, other), sample)| {
            let draw = Draw { seed, epoch, sample: *sample };
            let chosen = draw.stream(Purpose::Mixture).below(mixtures.len() as u32);
            let (mixing, purpose) = mixtures[chosen as usize];
            mixing.mix(shape, image, other, &mut draw.stream(purpose))
        });
        batch.mixed = Some(Mixed { shares: shares.collect(), labels });
    }

    /// Returns whether images pass unchanged.
    pub fn is_identity(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests;
