//! The values of all streams, which never change: those of the generators before this crate.
//!
//! Each hash is FNV-1a, 64 bits, over the little-endian bytes of the first 64 values. Numbers that need a logarithm are compared in
//! f32, where the last bit of a platform's logarithm does not show.

use allconv_random::{Purpose, Stream, step_key};

const SEED: u64 = 0x0123_4567_89ab_cdef;

fn fnv1a_of(words: impl Iterator<Item = u64>) -> u64 {
    words
        .flat_map(u64::to_le_bytes)
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn hash_of_f32(values: impl Iterator<Item = f32>) -> u64 {
    fnv1a_of(values.map(|value| value.to_bits().into()))
}

#[test]
fn samples_of_every_purpose() {
    // Of words, units, uniform, normal and bounded numbers.
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
        let streams: [Stream; 5] = std::array::from_fn(|_| Stream::of_sample(SEED, purpose, 3, 41));
        let [mut words, mut units, mut uniform, mut normal, mut below] = streams;
        let drawn = [
            fnv1a_of((0..64).map(|_| words.word().into())),
            hash_of_f32((0..64).map(|_| units.unit())),
            hash_of_f32((0..64).map(|_| uniform.uniform(-0.3, 1.7))),
            hash_of_f32((0..32).flat_map(|_| normal.normal_pair()).map(|value| value as f32)),
            fnv1a_of((1..65).map(|number| below.below(number * 7919).into())),
        ];
        assert_eq!(drawn, hashes, "{purpose:?}");
    }
    let mut evaluated = Stream::of_evaluated(Purpose::Noise, 5);
    assert_eq!(fnv1a_of((0..64).map(|_| evaluated.word().into())), 0x4829_a612_6245_98d1);
}

#[test]
fn numbers_of_every_purpose() {
    // Of units, normal and Poisson numbers.
    let expected = [
        (Purpose::WavePhase, [0x2eac_dd95_6c8c_327d, 0x7dbf_70e3_42b9_b2cc, 0x38a3_119c_b8ea_0d79]),
        (Purpose::Corruption, [0x22fa_ceff_8445_c0f8, 0x702d_f939_9dc3_3cc6, 0xd2bb_8ffd_1f2a_c285]),
        (Purpose::Direction, [0xb873_b98a_6623_024b, 0xcee9_3ab8_f1f5_a160, 0xfc0b_703a_81c6_9440]),
    ];
    for (purpose, hashes) in expected {
        let streams: [Stream; 3] = std::array::from_fn(|_| Stream::of_number(purpose, 0x0000_0007_89ab_cdef));
        let [mut units, mut normal, mut poisson] = streams;
        let drawn = [
            fnv1a_of((0..64).map(|_| f64::from(units.unit()).to_bits())),
            hash_of_f32((0..64).map(|_| normal.normal() as f32)),
            fnv1a_of((0..64).map(|mean| poisson.poisson(f64::from(mean)).to_bits())),
        ];
        assert_eq!(drawn, hashes, "{purpose:?}");
    }
}

#[test]
fn names() {
    let stream = || Stream::of_name(SEED, Purpose::Weights, "features.1.weight");
    let (mut units, mut normal) = (stream(), stream());
    // The weights of shape 7×3×3×3, of fan 27: uniform in ±√(3/27), and normal with variance 2/27.
    let limit = (3.0_f64 / 27.0).sqrt();
    let uniform = (0..7 * 27).map(|_| ((2.0 * f64::from(units.unit()) - 1.0) * limit) as f32);
    assert_eq!(hash_of_f32(uniform), 0x43b1_1038_fefa_048b);
    let deviation = (2.0_f64 / 27.0).sqrt();
    let normal = (0..95).flat_map(|_| normal.scaled_normal_pair(deviation)).take(7 * 27);
    assert_eq!(hash_of_f32(normal.map(|value| value as f32)), 0x5f0a_968e_3ef1_1f22);
}

#[test]
fn keys_and_the_streams_that_they_open() {
    let keys = [Purpose::Dropout, Purpose::Operator]
        .map(|purpose| step_key(SEED, purpose, 0x0000_0009_0000_0005, 4));
    assert_eq!(keys, [0x3834_5c63_8908_c129, 0xafee_6f33_d25f_0212]);
    let (mut units, mut gumbel) = (Stream::of_key(SEED), Stream::of_key(SEED));
    assert_eq!(hash_of_f32((0..64).map(|_| units.unit())), 0x2505_8a19_00ec_a9e8);
    assert_eq!(hash_of_f32((0..64).map(|_| gumbel.gumbel() as f32)), 0xc7b6_4fe4_625d_aae2);
}
