//! Random numbers for resampling: SplitMix64 of (key, counter), so a report is the same bytes every time.
//!
//! Source: Steele, Lea and Flood (2014), "Fast splittable pseudorandom number generators"; the output function is the
//! 64-bit finaliser of MurmurHash3 with Stafford's constants.

/// A stream of random words, wholly determined by its key.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    pub(crate) fn new(key: u64) -> Random {
        Random { state: key }
    }

    pub(crate) fn word(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `limit`, which is far below 2³²: multiply and shift, biased by less than limit/2³².
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (((self.word() >> 32) * limit as u64) >> 32) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_the_reference_implementation() {
        let mut random = Random::new(1_234_567);
        let expected = [6_457_827_717_110_365_317_u64, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!([random.word(), random.word(), random.word()], expected);
    }

    #[test]
    fn every_value_below_the_limit_comes_up_about_equally_often() {
        let mut random = Random::new(7);
        let mut counts = [0_i32; 6];
        for _ in 0..60_000 {
            counts[random.below(6)] += 1;
        }
        // Five standard deviations of a binomial with 60,000 trials of 1/6 are 456.
        assert!(counts.iter().all(|count| (count - 10_000).abs() < 456), "{counts:?}");
    }
}
