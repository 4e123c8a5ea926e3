//! Philox4x32-10, a counter-based generator: (key, counter) → four 32-bit words, with no state.
//!
//! Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

/// Multipliers of the two halves of the block.
const MULTIPLIERS: [u32; 2] = [0xd251_1f53, 0xcd9e_8d57];
/// Added to the key after every round: the golden ratio and the square root of 3, minus 1, in 32-bit fixed point.
const WEYL: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];
/// Rounds of the variant that the paper recommends.
const ROUNDS: usize = 10;

/// Returns the four random words of block `counter` in the stream `key`.
///
/// ```
/// let words = allconv_random::philox4x32([0, 0], [0, 0, 0, 0]);
/// assert_eq!(words, [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
/// ```
#[must_use]
pub const fn philox4x32(mut key: [u32; 2], counter: [u32; 4]) -> [u32; 4] {
    let [mut c0, mut c1, mut c2, mut c3] = counter;
    let mut round = 0;
    while round < ROUNDS {
        if round > 0 {
            key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
        }
        let (high0, low0) = wide_product(MULTIPLIERS[0], c0);
        let (high1, low1) = wide_product(MULTIPLIERS[1], c2);
        (c0, c1, c2, c3) = (high1 ^ c1 ^ key[0], low1, high0 ^ c3 ^ key[1], low0);
        round += 1;
    }
    [c0, c1, c2, c3]
}

/// Returns a uniform value in `[0, 1)` with the upper 24 bits of a random word, exact in f32.
#[inline]
#[must_use]
pub fn unit_f32(word: u32) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "24 bits are exact in f32")]
    let bits = (word >> 8) as f32;
    bits * (1.0 / 16_777_216.0)
}

#[expect(clippy::cast_possible_truncation, reason = "the two 32-bit halves of the product are wanted")]
const fn wide_product(a: u32, b: u32) -> (u32, u32) {
    let product = a as u64 * b as u64;
    ((product >> 32) as u32, product as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers_of_random123() {
        // The three vectors "philox4x32 10" of the file kat_vectors in the authors' library Random123.
        assert_eq!(philox4x32([0; 2], [0; 4]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(
            philox4x32([u32::MAX; 2], [u32::MAX; 4]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox4x32([0xa409_3822, 0x299f_31d0], [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn unit_values_cover_the_half_open_interval() {
        assert_eq!(unit_f32(0), 0.0);
        assert!(unit_f32(u32::MAX) < 1.0 && unit_f32(u32::MAX) > 0.999_999);
    }
}
