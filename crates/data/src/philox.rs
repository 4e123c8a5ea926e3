//! Philox4x32-10: a counter-based random generator, so that every draw is a pure function of its key and counter.
//!
//! Source: Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3" (SC 2011), with the
//! known-answer vectors of the authors' Random123 library.

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const KEY_INCREMENTS: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;

/// What a stream is used for; streams of different purposes never share a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Order of the samples in an epoch.
    Order,
    /// Augmentation of one sample in one epoch.
    Augmentation,
    /// Drawing of one synthetic image.
    Synthetic,
    /// Place and orientation of one crop in one epoch.
    Crop,
    /// Noise on one crop in one epoch.
    Noise,
}

impl Purpose {
    const fn number(self) -> u32 {
        match self {
            Purpose::Order => 1,
            Purpose::Augmentation => 2,
            Purpose::Synthetic => 3,
            Purpose::Crop => 4,
            Purpose::Noise => 5,
        }
    }
}

/// Encrypts one counter: four words in, four random words out.
pub fn philox4x32(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let mut counter = counter;
    let mut key = key;
    for round in 0..ROUNDS {
        if round > 0 {
            key[0] = key[0].wrapping_add(KEY_INCREMENTS[0]);
            key[1] = key[1].wrapping_add(KEY_INCREMENTS[1]);
        }
        let product_0 = u64::from(MULTIPLIERS[0]) * u64::from(counter[0]);
        let product_1 = u64::from(MULTIPLIERS[1]) * u64::from(counter[2]);
        counter = [
            (product_1 >> 32) as u32 ^ counter[1] ^ key[0],
            product_1 as u32,
            (product_0 >> 32) as u32 ^ counter[3] ^ key[1],
            product_0 as u32,
        ];
    }
    counter
}

/// A sequence of random numbers that belongs to one (seed, purpose, epoch, sample).
///
/// ```
/// use allconv_data::philox::{Purpose, Stream};
/// let mut first = Stream::new(7, Purpose::Augmentation, 3, 41);
/// let mut again = Stream::new(7, Purpose::Augmentation, 3, 41);
/// assert_eq!(first.word(), again.word());
/// assert!(first.unit() < 1.0);
/// ```
#[derive(Clone, Debug)]
pub struct Stream {
    key: [u32; 2],
    counter: [u32; 4],
    block: [u32; 4],
    used: usize,
}

impl Stream {
    /// Opens the stream of (seed, purpose, epoch, sample); equal arguments give equal numbers.
    pub fn new(seed: u64, purpose: Purpose, epoch: u32, sample: u32) -> Stream {
        Stream {
            key: [seed as u32, (seed >> 32) as u32],
            counter: [0, sample, epoch, purpose.number()],
            block: [0; 4],
            used: 4,
        }
    }

    /// Draws 32 uniform bits.
    pub fn word(&mut self) -> u32 {
        if self.used == 4 {
            self.block = philox4x32(self.counter, self.key);
            // A stream of 2^34 words is longer than any use here; wrapping would repeat it, never crash.
            self.counter[0] = self.counter[0].wrapping_add(1);
            self.used = 0;
        }
        let word = self.block[self.used];
        self.used += 1;
        word
    }

    /// Draws a uniform number in [0, 1) with 24 bits, exact in `f32`.
    pub fn unit(&mut self) -> f32 {
        (self.word() >> 8) as f32 / (1u32 << 24) as f32
    }

    /// Draws a uniform number in [low, high).
    pub fn uniform(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Draws two independent numbers of the standard normal distribution (Box and Muller 1958).
    pub fn normal_pair(&mut self) -> [f32; 2] {
        // In (0, 1], so that the logarithm is finite.
        let share = (f64::from(self.word()) + 1.0) / (f64::from(u32::MAX) + 1.0);
        let turn = f64::from(self.word()) / (f64::from(u32::MAX) + 1.0);
        let radius = (-2.0 * share.ln()).sqrt();
        let (sine, cosine) = (std::f64::consts::TAU * turn).sin_cos();
        [(radius * cosine) as f32, (radius * sine) as f32]
    }

    /// Draws a uniform integer in [0, bound) without bias (Lemire's rejection).
    ///
    /// # Panics
    /// If `bound` is 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        assert!(bound > 0, "bound must be positive, got {bound}");
        let rejected = bound.wrapping_neg() % bound;
        loop {
            let product = u64::from(self.word()) * u64::from(bound);
            if product as u32 >= rejected {
                return (product >> 32) as u32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers_of_random123_are_met() {
        assert_eq!(philox4x32([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(
            philox4x32([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox4x32([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn integers_below_a_bound_are_uniform() {
        let mut stream = Stream::new(11, Purpose::Order, 0, 0);
        let mut counts = [0u32; 7];
        for _ in 0..70_000 {
            counts[stream.below(7) as usize] += 1;
        }
        // Chi-square with 6 degrees of freedom: 22.5 is exceeded once in a thousand seeds.
        let chi_square: f64 = counts.iter().map(|&c| (f64::from(c) - 1e4).powi(2) / 1e4).sum();
        assert!(chi_square < 22.5, "chi-square {chi_square}, counts {counts:?}");
    }

    #[test]
    fn normal_numbers_have_the_moments_of_the_normal_distribution() {
        let mut stream = Stream::new(3, Purpose::Noise, 0, 0);
        let values: Vec<f64> = (0..50_000).flat_map(|_| stream.normal_pair()).map(f64::from).collect();
        let moment = |power| values.iter().map(|value| value.powi(power)).sum::<f64>() / values.len() as f64;
        // Five standard errors each: sqrt(Var(x^k)/n) with Var = 1, 2, 15, 96.
        for (power, expected, variance) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)] {
            let bound = 5.0 * (variance / values.len() as f64).sqrt();
            assert!((moment(power) - expected).abs() < bound, "moment {power} is {}", moment(power));
        }
    }

    #[test]
    fn streams_of_different_purposes_differ() {
        let mut order = Stream::new(1, Purpose::Order, 2, 3);
        let mut augmentation = Stream::new(1, Purpose::Augmentation, 2, 3);
        assert_ne!(order.word(), augmentation.word());
    }

    /// FNV-1a, 64 bits, over the little-endian bytes of the words.
    fn fnv1a_of(words: impl Iterator<Item = u64>) -> u64 {
        words
            .flat_map(u64::to_le_bytes)
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    /// Hashes of the first 64 values of a stream by each way to draw: words, units, uniform, normal, below.
    fn first_values(stream: &Stream) -> [u64; 5] {
        let streams: [Stream; 5] = std::array::from_fn(|_| stream.clone());
        let [mut words, mut units, mut uniform, mut normal, mut below] = streams;
        [
            fnv1a_of((0..64).map(|_| words.word().into())),
            fnv1a_of((0..64).map(|_| units.unit().to_bits().into())),
            fnv1a_of((0..64).map(|_| uniform.uniform(-0.3, 1.7).to_bits().into())),
            fnv1a_of((0..32).flat_map(|_| normal.normal_pair()).map(|value| value.to_bits().into())),
            fnv1a_of((1..65).map(|number| below.below(number * 7919).into())),
        ]
    }

    #[test]
    fn the_values_of_every_purpose_never_change() {
        let expected = [
            (
                Purpose::Order,
                [
                    0x7c89_e0d2_a775_2cbe,
                    0x89fb_495c_3bd0_3c64,
                    0x6433_5785_2c7d_bfc4,
                    0x3733_552a_4a5a_d89c,
                    0xb54a_5ab1_427d_f24b,
                ],
            ),
            (
                Purpose::Augmentation,
                [
                    0x70fa_0671_51fc_e755,
                    0x72dd_d40d_9a0a_df98,
                    0x07df_f830_18e5_d206,
                    0x42b9_9218_c159_5b67,
                    0xf86c_8118_ebac_b288,
                ],
            ),
            (
                Purpose::Synthetic,
                [
                    0xe491_c85b_d9fa_0ef6,
                    0xef33_9474_c63b_29a5,
                    0x0e55_61c5_5c09_6108,
                    0xb6a6_cfe5_358d_2158,
                    0x6e9b_0fd7_195c_0f08,
                ],
            ),
            (
                Purpose::Crop,
                [
                    0x64ac_1e45_8c22_2e30,
                    0xdeab_29fa_d099_6abd,
                    0xad4a_803c_87b6_6756,
                    0xbf11_d639_b5e8_5acb,
                    0xe377_d580_9580_3d08,
                ],
            ),
            (
                Purpose::Noise,
                [
                    0x303b_bd4a_a149_95f6,
                    0xa055_faf9_e97e_325d,
                    0x198a_624c_6d5f_0e8c,
                    0xaf15_60ee_9617_d47e,
                    0x9901_7ec8_68b3_b40a,
                ],
            ),
        ];
        for (purpose, hashes) in expected {
            let stream = Stream::new(0x0123_4567_89ab_cdef, purpose, 3, 41);
            assert_eq!(first_values(&stream), hashes, "{purpose:?}");
        }
        let mut judged = Stream::new(0, Purpose::Noise, u32::MAX, 5);
        assert_eq!(fnv1a_of((0..64).map(|_| judged.word().into())), 0x4829_a612_6245_98d1);
    }
}
