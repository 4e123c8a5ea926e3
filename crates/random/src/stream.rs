//! Streams of random words, and their keys.

use crate::philox::philox4x32;
use crate::purpose::Purpose;

/// A sequence of random numbers that is a function of its name alone.
///
/// ```
/// use allconv_random::{Purpose, Stream};
/// let mut first = Stream::of_sample(7, Purpose::Augmentation, 3, 41);
/// let mut again = Stream::of_sample(7, Purpose::Augmentation, 3, 41);
/// assert_eq!(first.word(), again.word());
/// assert!(first.unit() < 1.0);
/// ```
#[derive(Clone, Debug)]
pub struct Stream {
    key: [u32; 2],
    /// Word 0 numbers the blocks; the others stay.
    counter: [u32; 4],
    block: [u32; 4],
    used: usize,
}

impl Stream {
    /// Opens the stream of one sample in one epoch: key = seed, counter = (block, sample, epoch, tag).
    #[must_use]
    pub const fn of_sample(seed: u64, purpose: Purpose, epoch: u32, sample: u32) -> Self {
        Self::new(seed, [sample, epoch, purpose.tag()])
    }

    /// Opens the stream of the example at `index` of an evaluated split, the same for all networks: that of the
    /// sample `index` for seed 0 in the epoch 2³² − 1, which no training reaches.
    #[must_use]
    pub const fn of_evaluated(purpose: Purpose, index: u32) -> Self {
        Self::of_sample(0, purpose, u32::MAX, index)
    }

    /// Opens the stream of one name: key = seed, counter = (block, low half, high half, tag), the halves of the name's FNV-1a hash.
    #[must_use]
    pub fn of_name(seed: u64, purpose: Purpose, name: &str) -> Self {
        let hash = fnv1a(name);
        Self::new(seed, [hash as u32, (hash >> 32) as u32, purpose.tag()])
    }

    /// Opens the stream of one number, without a seed: key = (low half, high half ^ tag), counter = (block, 0, 0, 0).
    ///
    /// Numbers below 2³² of different purposes never share a stream.
    #[must_use]
    pub const fn of_number(purpose: Purpose, number: u64) -> Self {
        Self::of_key(number ^ (purpose.tag() as u64) << 32)
    }

    /// Opens the stream of a key that a generator made, as [`step_key`] does: counter = (block, 0, 0, 0).
    #[must_use]
    pub const fn of_key(key: u64) -> Self {
        Self::new(key, [0; 3])
    }

    const fn new(key: u64, [second, third, fourth]: [u32; 3]) -> Self {
        Self { key: halves(key), counter: [0, second, third, fourth], block: [0; 4], used: 4 }
    }

    /// Draws 32 uniform bits.
    #[inline]
    pub fn word(&mut self) -> u32 {
        if self.used == 4 {
            self.block = philox4x32(self.key, self.counter);
            // A stream of 2^34 words is longer than any use here; wrapping would repeat it, without a panic.
            self.counter[0] = self.counter[0].wrapping_add(1);
            self.used = 0;
        }
        let word = self.block[self.used];
        self.used += 1;
        word
    }
}

/// Returns the key of stage `index` in one step: the first two words of key = seed, counter = (step low, step high, index, tag).
#[must_use]
pub const fn step_key(seed: u64, purpose: Purpose, step: u64, index: u32) -> u64 {
    let [low, high] = halves(step);
    let [low, high, _, _] = philox4x32(halves(seed), [low, high, index, purpose.tag()]);
    (high as u64) << 32 | low as u64
}

const fn halves(number: u64) -> [u32; 2] {
    [number as u32, (number >> 32) as u32]
}

/// Returns the FNV-1a hash, 64 bits.
fn fnv1a(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fnv1a_gives_its_published_values() {
        assert_eq!(fnv1a(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a("a"), 0xaf63_dc4c_8601_ec8c);
    }

    #[test]
    fn streams_of_all_purposes_and_names_differ() {
        let mut first_words = Vec::new();
        for purpose in Purpose::ALL {
            let streams = [
                Stream::of_sample(1, purpose, 2, 3),
                Stream::of_sample(2, purpose, 2, 3),
                Stream::of_evaluated(purpose, 3),
                Stream::of_name(1, purpose, "features.0.weight"),
                Stream::of_number(purpose, 3),
                Stream::of_key(step_key(1, purpose, 2, 3)),
            ];
            first_words.extend(streams.map(|mut stream| [stream.word(), stream.word()]));
        }
        first_words.sort_unstable();
        assert!(first_words.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn words_are_those_of_successive_blocks() {
        let mut stream = Stream::of_key(5);
        let words: [u32; 8] = std::array::from_fn(|_| stream.word());
        assert_eq!(words[..4], philox4x32([5, 0], [0; 4]));
        assert_eq!(words[4..], philox4x32([5, 0], [1, 0, 0, 0]));
    }
}
