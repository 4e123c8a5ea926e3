//! SplitMix64: a scrambler of 64-bit keys, and the generator of resampling in reports.
//!
//! Source: Steele, Lea and Flood (2014), "Fast splittable pseudorandom number generators"; the output function is the
//! 64-bit finaliser of MurmurHash3 with Stafford's constants.

/// Added to the state for every word: the golden ratio in 64-bit fixed point, made odd.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Returns the first word of the generator whose state starts at `key`.
///
/// ```
/// assert_eq!(allconv_random::splitmix64(0), 0xe220_a839_7b1d_cdaf);
/// ```
#[must_use]
pub const fn splitmix64(key: u64) -> u64 {
    let mut z = key.wrapping_add(STEP);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What is resampled in a report. These are keys of [`SplitMix`], another generator than that of a
/// [`Purpose`](crate::Purpose)'s streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Resampling {
    /// Values drawn with replacement, for bootstrap intervals.
    Bootstrap = 0x4243_6142_4f4f_5400,
    /// Signs of paired differences, for permutation tests.
    SignFlips = 0x5169_4e46_4c49_5000,
}

/// A stream of random words, wholly determined by its key.
#[derive(Clone, Debug)]
pub struct SplitMix {
    state: u64,
}

impl SplitMix {
    /// Opens the stream of a key.
    #[must_use]
    pub const fn new(key: u64) -> Self {
        Self { state: key }
    }

    /// Opens the stream of a kind of resampling, so that a report is the same bytes every time.
    #[must_use]
    pub const fn of(resampling: Resampling) -> Self {
        Self::new(resampling as u64)
    }

    /// Draws 64 uniform bits.
    #[inline]
    pub fn word(&mut self) -> u64 {
        let word = splitmix64(self.state);
        self.state = self.state.wrapping_add(STEP);
        word
    }

    /// Draws an integer below `limit`, which is far below 2³²: multiply and shift, biased by less than limit/2³².
    #[inline]
    pub fn below(&mut self, limit: usize) -> usize {
        (((self.word() >> 32) * limit as u64) >> 32) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_the_reference_implementation() {
        let mut random = SplitMix::new(1_234_567);
        let expected = [6_457_827_717_110_365_317_u64, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!([random.word(), random.word(), random.word()], expected);
    }

    #[test]
    fn every_value_below_the_limit_occurs_about_equally_often() {
        let mut random = SplitMix::new(7);
        let mut counts = [0_i32; 6];
        for _ in 0..60_000 {
            counts[random.below(6)] += 1;
        }
        // Five standard deviations of a binomial with 60,000 trials of 1/6 are 456.
        assert!(counts.iter().all(|count| (count - 10_000).abs() < 456), "{counts:?}");
    }
}
