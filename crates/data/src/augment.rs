//! Augmentation of one image: horizontal flip and translation, keyed by (seed, epoch, sample).

use allconv_random::{Purpose, Stream};
use serde::{Deserialize, Serialize};

/// Random changes of a training image, applied after preprocessing.
///
/// The paper's augmented columns use flips and translations of at most 5 pixels (Springenberg et al. 2015,
/// section 3). Uncovered pixels become 0, which is the mean after preprocessing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Augmentation {
    /// Mirror left and right with probability one half.
    #[serde(default)]
    pub horizontal_flip: bool,
    /// Largest shift per dimension in pixels; every whole shift in `-translate..=translate` is equally likely.
    #[serde(default)]
    pub translate: u32,
}

/// Rows, columns and channels of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageShape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels of a pixel.
    pub channels: usize,
}

impl ImageShape {
    /// Number of values in an image.
    pub fn len(self) -> usize {
        self.height * self.width * self.channels
    }

    /// True if an image holds no value.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// What is done to one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Mirror left and right, before the shift.
    pub flip: bool,
    /// Rows the image moves down.
    pub down: i32,
    /// Columns the image moves to the right.
    pub right: i32,
}

impl Augmentation {
    /// Draws what happens to a sample in an epoch. A disabled part draws nothing and changes no other part.
    pub fn draw(&self, seed: u64, epoch: u32, sample: u32) -> Move {
        let mut stream = Stream::of_sample(seed, Purpose::Augmentation, epoch, sample);
        let flip_word = stream.word();
        let mut shift = || match self.translate {
            0 => 0,
            reach => stream.below(2 * reach + 1) as i32 - reach as i32,
        };
        let down = shift();
        let right = shift();
        Move { flip: self.horizontal_flip && flip_word & 1 == 1, down, right }
    }

    /// True if images pass unchanged.
    pub fn is_identity(&self) -> bool {
        !self.horizontal_flip && self.translate == 0
    }
}

impl Move {
    /// Moves the image `[height, width, channels]` from `source` into `target`; uncovered pixels become 0.
    pub fn apply(self, shape: ImageShape, source: &[f32], target: &mut [f32]) {
        let ImageShape { height, width, channels } = shape;
        assert_eq!(source.len(), shape.len(), "source must hold one image");
        assert_eq!(target.len(), shape.len(), "target must hold one image");
        for (row, line) in target.chunks_exact_mut(width * channels).enumerate() {
            let row_from = row as i64 - i64::from(self.down);
            if !(0..height as i64).contains(&row_from) {
                line.fill(0.0);
                continue;
            }
            let source_line = &source[row_from as usize * width * channels..][..width * channels];
            for (column, pixel) in line.chunks_exact_mut(channels).enumerate() {
                let shifted = column as i64 - i64::from(self.right);
                if !(0..width as i64).contains(&shifted) {
                    pixel.fill(0.0);
                    continue;
                }
                let column_from = if self.flip { width - 1 - shifted as usize } else { shifted as usize };
                pixel.copy_from_slice(&source_line[column_from * channels..][..channels]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape { height: 2, width: 3, channels: 1 };
    const IMAGE: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];

    fn moved(flip: bool, down: i32, right: i32) -> [f32; 6] {
        let mut target = [f32::NAN; 6];
        Move { flip, down, right }.apply(SHAPE, &IMAGE, &mut target);
        target
    }

    #[test]
    fn moves_follow_a_worked_example() {
        assert_eq!(moved(false, 0, 0), IMAGE);
        assert_eq!(moved(true, 0, 0), [3.0, 2.0, 1.0, 6.0, 5.0, 4.0]);
        assert_eq!(moved(false, 1, 0), [0.0, 0.0, 0.0, 1.0, 2.0, 3.0]);
        assert_eq!(moved(false, 0, -1), [2.0, 3.0, 0.0, 5.0, 6.0, 0.0]);
        assert_eq!(moved(true, 0, 1), [0.0, 3.0, 2.0, 0.0, 6.0, 5.0]);
        assert_eq!(moved(false, 9, -9), [0.0; 6]);
    }

    #[test]
    fn a_draw_depends_on_seed_epoch_and_sample_only() {
        let both = Augmentation { horizontal_flip: true, translate: 5 };
        assert_eq!(both.draw(1, 2, 3), both.draw(1, 2, 3));
        let moves: Vec<Move> = (0..64).map(|sample| both.draw(1, 2, sample)).collect();
        let later: Vec<Move> = (0..64).map(|sample| both.draw(1, 3, sample)).collect();
        assert_ne!(moves, later);
    }

    #[test]
    fn every_shift_and_both_sides_occur_about_equally_often() {
        let both = Augmentation { horizontal_flip: true, translate: 5 };
        let mut down = [0u32; 11];
        let mut right = [0u32; 11];
        let mut flips = 0u32;
        for sample in 0..11_000 {
            let Move { flip, down: d, right: r } = both.draw(5, 0, sample);
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
        let both = Augmentation { horizontal_flip: true, translate: 5 };
        let shifts = Augmentation { horizontal_flip: false, translate: 5 };
        for sample in 0..50 {
            let expected = Move { flip: false, ..both.draw(1, 0, sample) };
            assert_eq!(shifts.draw(1, 0, sample), expected);
        }
        assert_eq!(Augmentation::default().draw(1, 0, 0), Move { flip: false, down: 0, right: 0 });
    }
}
