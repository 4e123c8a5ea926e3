//! Random numbers that are a function of a key alone.

use allconv_kernels::philox::{philox4x32, unit_f32};

/// A counter-based stream.
#[derive(Clone, Debug)]
pub(super) struct Random {
    key: [u32; 2],
    counter: u32,
    block: [u32; 4],
    used: usize,
}

impl Random {
    /// The stream of (purpose, number); equal arguments give equal numbers.
    pub(super) fn new(purpose: u32, number: u64) -> Random {
        Random { key: [number as u32, purpose ^ (number >> 32) as u32], counter: 0, block: [0; 4], used: 4 }
    }

    /// A number in [0, 1).
    pub(super) fn unit(&mut self) -> f64 {
        if self.used == 4 {
            self.block = philox4x32(self.key, [self.counter, 0, 0, 0]);
            self.counter = self.counter.wrapping_add(1);
            self.used = 0;
        }
        self.used += 1;
        f64::from(unit_f32(self.block[self.used - 1]))
    }

    /// A standard normal number (Box and Muller).
    pub(super) fn normal(&mut self) -> f64 {
        let (radius, angle) = (1.0 - self.unit(), self.unit());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }

    /// A Poisson number of this mean (Knuth's product below 30, the rounded normal approximation above).
    pub(super) fn poisson(&mut self, mean: f64) -> f64 {
        if mean > 30.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0);
        }
        let (limit, mut product, mut count) = ((-mean).exp(), self.unit(), 0.0);
        while product > limit {
            product *= self.unit();
            count += 1.0;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut random = Random::new(1, 2);
        let mut moments = |draw: &mut dyn FnMut(&mut Random) -> f64| {
            let values: Vec<f64> = (0..20_000).map(|_| draw(&mut random)).collect();
            let mean = values.iter().sum::<f64>() / 20_000.0;
            (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 20_000.0)
        };
        // Five standard errors each.
        let (mean, variance) = moments(&mut |random| random.normal());
        assert!(mean.abs() < 0.036 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
        let (mean, variance) = moments(&mut |random| random.poisson(4.0));
        assert!((mean - 4.0).abs() < 0.071 && (variance - 4.0).abs() < 0.22, "{mean} {variance}");
    }

    /// FNV-1a, 64 bits, over the little-endian bytes of the words.
    fn fnv1a_of(words: impl Iterator<Item = u64>) -> u64 {
        words
            .flat_map(u64::to_le_bytes)
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    #[test]
    fn the_values_of_every_purpose_never_change() {
        // Of the phases of waves, of corruptions and of directions.
        let expected = [
            (0x4652_4551, [0x2eac_dd95_6c8c_327d, 0x7dbf_70e3_42b9_b2cc, 0x38a3_119c_b8ea_0d79]),
            (0x434f_5252, [0x22fa_ceff_8445_c0f8, 0x702d_f939_9dc3_3cc6, 0xd2bb_8ffd_1f2a_c285]),
            (0x5348_5250, [0xb873_b98a_6623_024b, 0xcee9_3ab8_f1f5_a160, 0xfc0b_703a_81c6_9440]),
        ];
        for (purpose, hashes) in expected {
            let stream = || Random::new(purpose, 0x0000_0007_89ab_cdef);
            let [mut units, mut normal, mut poisson] = [stream(), stream(), stream()];
            let drawn = [
                fnv1a_of((0..64).map(|_| units.unit().to_bits())),
                // In f32, where the last bit of a platform's logarithm does not show.
                fnv1a_of((0..64).map(|_| (normal.normal() as f32).to_bits().into())),
                fnv1a_of((0..64).map(|mean| poisson.poisson(f64::from(mean)).to_bits())),
            ];
            assert_eq!(drawn, hashes, "{purpose:#x}");
        }
    }
}
