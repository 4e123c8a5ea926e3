//! Vectors as arrays of eight lanes, vectorised by the compiler; multiply-adds are fused by emulation where the build target
//! has no instruction for them.

use super::pair;
use super::vectors::{Arithmetic, LANES, Simd, Single};

/// The instruction set of every CPU.
#[derive(Clone, Copy)]
pub(super) struct Portable;

impl Arithmetic for Portable {
    type Vector = [f32; LANES];

    #[inline(always)]
    fn splat(self, value: f32) -> [f32; LANES] {
        [value; LANES]
    }

    #[inline(always)]
    fn add(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        std::array::from_fn(|lane| a[lane] + b[lane])
    }

    #[inline(always)]
    fn sub(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        std::array::from_fn(|lane| a[lane] - b[lane])
    }

    #[inline(always)]
    fn mul(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        std::array::from_fn(|lane| a[lane] * b[lane])
    }

    #[inline(always)]
    fn mul_add(self, a: [f32; LANES], b: [f32; LANES], c: [f32; LANES]) -> [f32; LANES] {
        if FUSED_BY_TARGET {
            std::array::from_fn(|lane| a[lane].mul_add(b[lane], c[lane]))
        } else {
            fused(a, b, c)
        }
    }

    #[inline(always)]
    fn negated_mul_add(self, a: [f32; LANES], b: [f32; LANES], c: [f32; LANES]) -> [f32; LANES] {
        self.mul_add(a.map(|value| -value), b, c)
    }

    #[inline(always)]
    fn rectify(self, a: [f32; LANES]) -> [f32; LANES] {
        a.map(|value| if value <= 0.0 { 0.0 } else { value })
    }

    #[inline(always)]
    fn first_of_pairs(self, pairs: [f32; LANES]) -> [f32; LANES] {
        pairs.map(pair::first)
    }

    #[inline(always)]
    fn second_of_pairs(self, pairs: [f32; LANES]) -> [f32; LANES] {
        pairs.map(pair::second)
    }
}

impl Simd for Portable {
    type Wide = Single<Self>;

    #[inline(always)]
    fn wide(self) -> Single<Self> {
        Single(self)
    }

    #[inline(always)]
    unsafe fn broadcast(self, source: *const f32) -> [f32; LANES] {
        // SAFETY: the caller guarantees a readable element.
        [unsafe { *source }; LANES]
    }

    #[inline(always)]
    unsafe fn load(self, source: *const f32) -> [f32; LANES] {
        // SAFETY: the caller guarantees LANES readable elements; an array of f32 has the alignment of f32.
        unsafe { source.cast::<[f32; LANES]>().read() }
    }

    #[inline(always)]
    unsafe fn store(self, target: *mut f32, value: [f32; LANES]) {
        // SAFETY: the caller guarantees LANES writable elements; an array of f32 has the alignment of f32.
        unsafe { target.cast::<[f32; LANES]>().write(value) }
    }
}

/// Whether every CPU of the build target multiplies and adds with one rounding; elsewhere [`f32::mul_add`] is a call of the platform's
/// library for each lane.
const FUSED_BY_TARGET: bool =
    cfg!(any(target_feature = "fma", all(target_arch = "aarch64", target_feature = "neon")));

/// Computes `a * b + c` rounded once, by arithmetic in f64.
///
/// The product of two f32 is exact in f64, so that the sum is rounded in f64, and then to f32. The two roundings differ from one only where
/// the sum in f64 lies midway between two neighbouring f32: for normal results its last 29 bits are then a one and zeros, and results
/// below them, whose neighbours lie further apart, are all suspects. Zero is not a suspect: midway to its neighbour lies 2⁻¹⁵⁰, and
/// f64 holds such a sum exactly, as its terms are multiples of 2⁻¹⁹⁸. Suspects are rare, and one branch for the eight lanes costs a
/// quarter of what rounding to odd in every lane does.
#[inline(always)]
fn fused(a: [f32; LANES], b: [f32; LANES], c: [f32; LANES]) -> [f32; LANES] {
    let sums: [f64; LANES] =
        std::array::from_fn(|lane| f64::from(a[lane]) * f64::from(b[lane]) + f64::from(c[lane]));
    #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest f32")]
    let rounded = sums.map(|sum| sum as f32);
    let mut suspects = 0;
    for lane in 0..LANES {
        #[expect(clippy::cast_possible_truncation, reason = "the lower half of the bits")]
        let low = sums[lane].to_bits() as u32;
        // Infinities and NaN are not suspects, or leave the exact computation unchanged.
        let magnitude = rounded[lane].to_bits() & !SIGN;
        suspects |= u32::from(low << 3 == SIGN) | u32::from(magnitude.wrapping_sub(1) < SMALLEST_NORMAL);
    }
    if suspects == 0 { rounded } else { fused_by_rounding_to_odd(&a, &b, &c) }
}

/// The bit of the sign.
const SIGN: u32 = 0x8000_0000;
/// The bits of the smallest normal number.
const SMALLEST_NORMAL: u32 = 0x0080_0000;

/// Computes `a * b + c` rounded once, whatever the operands: the sum is rounded to odd in f64, which keeps the second rounding right.
///
/// Source: Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms using rounding to odd", IEEE
/// Transactions on Computers 57 (2008). f64 has more than the 24 + 2 bits that it takes.
#[cold]
#[inline(never)]
fn fused_by_rounding_to_odd(a: &[f32; LANES], b: &[f32; LANES], c: &[f32; LANES]) -> [f32; LANES] {
    std::array::from_fn(|lane| {
        let (product, addend) = (f64::from(a[lane]) * f64::from(b[lane]), f64::from(c[lane]));
        let sum = product + addend;
        // The error of the addition, exactly (Knuth). NaN where the sum is not finite.
        let added = sum - product;
        let error = (product - (sum - added)) + (addend - added);
        // To odd: cut off towards zero, and the last bit set where something was cut off.
        let inexact = u64::from(error.abs() > 0.0);
        let beyond = (error.to_bits() ^ sum.to_bits()) >> 63;
        #[expect(clippy::cast_possible_truncation, reason = "rounds to the nearest f32")]
        let rounded = f64::from_bits(sum.to_bits().wrapping_sub(inexact & beyond) | inexact) as f32;
        rounded
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use allconv_random::elementary::powi;
    use allconv_random::philox4x32;

    /// Returns whether both have the same bits, or both are NaN.
    fn same(found: f32, expected: f32) -> bool {
        found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan())
    }

    fn check(a: [f32; LANES], b: [f32; LANES], c: [f32; LANES]) {
        let ways = [
            ("with a branch", fused(a, b, c), 1.0),
            ("to odd", fused_by_rounding_to_odd(&a, &b, &c), 1.0),
            ("of the set", Portable.mul_add(a, b, c), 1.0),
            ("negated", Portable.negated_mul_add(a, b, c), -1.0),
        ];
        for (way, found, sign) in ways {
            for lane in 0..LANES {
                let (a, b, c) = (sign * a[lane], b[lane], c[lane]);
                // By contract the sum rounded once, with or without an instruction for it.
                let expected = a.mul_add(b, c);
                assert!(
                    same(found[lane], expected),
                    "{way}: {a:e} · {b:e} + {c:e} = {expected:e}, not {:e}",
                    found[lane]
                );
            }
        }
    }

    fn power_of_two(exponent: i32) -> f32 {
        powi(2.0, exponent) as f32
    }

    /// Returns vectors of random words.
    fn words(key: u32) -> impl FnMut() -> [u32; LANES] {
        let mut counter = 0;
        move || {
            counter += 2;
            let half = |number: u32| philox4x32([key, 0], [counter + number, 0, 0, 0]);
            let halves = [half(0), half(1)];
            std::array::from_fn(|lane| halves[lane / 4][lane % 4])
        }
    }

    #[test]
    fn every_pattern_of_bits_is_multiplied_and_added_with_one_rounding() {
        let mut words = words(1);
        for _ in 0..40_000 {
            let [a, b, c] = std::array::from_fn(|_| words().map(f32::from_bits));
            check(a, b, c);
        }
    }

    #[test]
    fn sums_of_one_magnitude_ties_and_cancellations_are_rounded_once() {
        let mut words = words(2);
        // Few bits in the operands make ties, exponents within a few dozen of each other make sums of which both terms matter, and the
        // lowest exponents make denormal results.
        for (bits, exponent) in [(2, 127), (5, 127), (12, 127), (23, 127), (3, 64), (12, 60), (23, 53)] {
            let mut draw = |spread: u32, exponent: u32| {
                words().map(|word| {
                    let fraction = (word & 0x007f_ffff) >> (23 - bits) << (23 - bits);
                    f32::from_bits(
                        word & SIGN
                            | (exponent - spread + (word >> 23 & 0xff) % (2 * spread + 1)) << 23
                            | fraction,
                    )
                })
            };
            for _ in 0..20_000 {
                let (a, b) = (draw(14, exponent), draw(14, exponent));
                let sum = (2 * exponent).saturating_sub(127).clamp(30, 220);
                check(a, b, draw(29, sum));
                // What the product is close to, so that it cancels.
                let near = std::array::from_fn(|lane| -(a[lane] * b[lane]));
                check(a, b, near);
                check(a, b, near.map(|value: f32| f32::from_bits(value.to_bits() ^ 1)));
            }
        }
    }

    #[test]
    fn halves_of_the_last_place_with_a_little_more_or_less_are_rounded_once() {
        // c is next to a tie of `c + 2⁻²⁴`, and the product is that with an excess that f64 drops when it adds.
        let half = power_of_two(-12);
        let more = f32::from_bits(half.to_bits() + 1);
        let less = f32::from_bits(half.to_bits() - 1);
        for exponent in [-126, -100, -60, 0, 60, 100, 127 - 24] {
            let unit = power_of_two(exponent);
            let c =
                [1.0, 1.0 + f32::EPSILON, -1.0, 2.0 - f32::EPSILON, 1.5, 0.5, 0.0, -0.0].map(|c| c * unit);
            for (a, b) in [(half, half), (more, half), (less, half), (more, more), (less, less), (more, less)]
            {
                for a in [a, -a] {
                    check([a * unit; LANES], [b; LANES], c);
                    check([a * unit; LANES], [b * half; LANES], c);
                }
            }
        }
    }

    #[test]
    fn special_values_in_all_combinations_follow_the_rules() {
        let special = [
            0.0,
            1.0,
            f32::EPSILON,
            1.0 + f32::EPSILON,
            f32::MIN_POSITIVE,
            f32::from_bits(1),
            f32::from_bits(SMALLEST_NORMAL - 1),
            f32::MAX,
            f32::INFINITY,
            f32::NAN,
            power_of_two(-75),
            power_of_two(104),
            power_of_two(-24),
            3.0,
        ];
        let special: Vec<f32> = special.into_iter().flat_map(|value| [value, -value]).collect();
        for &a in &special {
            for &b in &special {
                for c in special.chunks(LANES) {
                    let c = std::array::from_fn(|lane| c[lane % c.len()]);
                    check([a; LANES], [b; LANES], c);
                }
            }
        }
    }
}
