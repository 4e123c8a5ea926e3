//! Augmentation of one image: horizontal flip, translation and cutout, keyed by (seed, epoch, sample).

mod moves;

use allconv_random::{Purpose, Stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::image_shape::ImageShape;
pub use moves::{Cut, Move};

/// Random changes of a training image, applied after preprocessing.
///
/// The paper's augmented columns use flips and translations of at most 5 pixels (Springenberg et al. 2015,
/// section 3). Uncovered and cut-out pixels become 0, which is the mean after preprocessing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Augmentation {
    /// Mirror left and right with probability one half.
    #[serde(default)]
    pub horizontal_flip: bool,
    /// Mirror left and right in every second epoch, beginning with the first or the second as drawn for the image: in two epochs each
    /// image is shown once in each orientation. Excludes `horizontal_flip`. Jordan, arXiv 2404.00498, section 3.6.
    #[serde(default, skip_serializing_if = "is_off")]
    pub alternating_flip: bool,
    /// Largest shift per dimension in pixels; every whole shift in `-translate..=translate` is equally likely.
    #[serde(default)]
    pub translate: u32,
    /// Height and width of a square that becomes 0, in pixels; its centre is any pixel with equal chance, so that a part of it may lie
    /// outside. 0 cuts nothing. DeVries and Taylor, arXiv 1708.04552.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cutout: u32,
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

    /// Returns whether images pass unchanged.
    pub fn is_identity(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape { height: 2, width: 3, channels: 1 };

    #[test]
    fn every_centre_of_a_cut_occurs_about_equally_often_and_moves_are_unchanged() {
        let plain = Augmentation { horizontal_flip: true, translate: 5, ..Augmentation::default() };
        let cutting = Augmentation { cutout: 3, ..plain };
        let shape = ImageShape { height: 4, width: 8, channels: 3 };
        let (mut rows, mut columns) = ([0u32; 4], [0u32; 8]);
        for sample in 0..8_000 {
            let drawn = cutting.draw(3, 1, sample, shape);
            let Cut { top, left, size } = drawn.cut.unwrap();
            assert_eq!(size, 3);
            rows[(top + 1) as usize] += 1;
            columns[(left + 1) as usize] += 1;
            assert_eq!(Move { cut: None, ..drawn }, plain.draw(3, 1, sample, shape));
        }
        // Five standard deviations: 5·sqrt(8000·(1/4)·(3/4)) = 194, 5·sqrt(8000·(1/8)·(7/8)) = 148.
        assert!(rows.iter().all(|&count| count.abs_diff(2000) < 194), "{rows:?}");
        assert!(columns.iter().all(|&count| count.abs_diff(1000) < 148), "{columns:?}");
    }

    #[test]
    fn alternating_flips_show_each_image_once_in_each_orientation_in_two_epochs() {
        let alternating = Augmentation { alternating_flip: true, ..Augmentation::default() };
        let flip = |epoch, sample| alternating.draw(1, epoch, sample, SHAPE).flip;
        for sample in 0..64 {
            assert_ne!(flip(0, sample), flip(1, sample));
            assert_eq!(flip(0, sample), flip(2, sample));
            assert_eq!(flip(1, sample), flip(7, sample));
        }
        let first = (0..1000).filter(|&sample| flip(0, sample)).count();
        // Five standard deviations of 1000 draws: 79.
        assert!(first.abs_diff(500) < 79, "{first}");
    }

    #[test]
    fn a_draw_depends_on_seed_epoch_and_sample_only() {
        let both = Augmentation { horizontal_flip: true, translate: 5, ..Augmentation::default() };
        assert_eq!(both.draw(1, 2, 3, SHAPE), both.draw(1, 2, 3, SHAPE));
        let moves: Vec<Move> = (0..64).map(|sample| both.draw(1, 2, sample, SHAPE)).collect();
        let later: Vec<Move> = (0..64).map(|sample| both.draw(1, 3, sample, SHAPE)).collect();
        assert_ne!(moves, later);
    }

    #[test]
    fn every_shift_and_both_orientations_occur_about_equally_often() {
        let both = Augmentation { horizontal_flip: true, translate: 5, ..Augmentation::default() };
        let mut down = [0u32; 11];
        let mut right = [0u32; 11];
        let mut flips = 0u32;
        for sample in 0..11_000 {
            let Move { flip, down: d, right: r, .. } = both.draw(5, 0, sample, SHAPE);
            down[(d + 5) as usize] += 1;
            right[(r + 5) as usize] += 1;
            flips += u32::from(flip);
        }
        // Five standard deviations of a binomial count: 5·sqrt(11000·(1/11)·(10/11)) = 151, 5·sqrt(11000/4) = 262.
        assert!(down.iter().chain(&right).all(|&count| count.abs_diff(1000) < 151), "{down:?} {right:?}");
        assert!(flips.abs_diff(5500) < 262, "{flips}");
    }

    #[test]
    fn switching_flips_off_keeps_the_shifts() {
        let both = Augmentation { horizontal_flip: true, translate: 5, ..Augmentation::default() };
        let shifts = Augmentation { horizontal_flip: false, ..both };
        for sample in 0..50 {
            let expected = Move { flip: false, ..both.draw(1, 0, sample, SHAPE) };
            assert_eq!(shifts.draw(1, 0, sample, SHAPE), expected);
        }
        assert_eq!(Augmentation::default().draw(1, 0, 0, SHAPE), Move::default());
    }
}
