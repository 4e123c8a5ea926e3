//! Values rounded to bfloat16, and pairs of them in the bits of one f32.
//!
//! Products of matrices take operands of bfloat16 in pairs, two neighbours of their inner dimension in the 32 bits of one element.
//! Such an element is moved as an f32, never computed with as one.

/// The bits of an f32 that a bfloat16 has too.
const KEPT: u32 = 0xffff_0000;

/// Returns two values, rounded to bfloat16, in the bits of one f32. The first lies in the upper half, as the instructions for dot
/// products add the upper half's product first.
#[inline(always)]
pub(crate) fn pair(first: f32, second: f32) -> f32 {
    f32::from_bits(nearest(first).to_bits() | nearest(second).to_bits() >> 16)
}

/// Returns the first value of a [`pair`].
#[inline(always)]
pub(crate) fn first(pair: f32) -> f32 {
    f32::from_bits(pair.to_bits() & KEPT)
}

/// Returns the second value of a [`pair`].
#[inline(always)]
pub(crate) fn second(pair: f32) -> f32 {
    f32::from_bits(pair.to_bits() << 16)
}

/// Returns the bfloat16 nearest to `value`, the even one of two that are equally near, as f32. NaN stays NaN.
#[inline(always)]
pub(crate) fn nearest(value: f32) -> f32 {
    let bits = value.to_bits();
    // Half a unit of the last kept place, less one where that place is even: a tie then carries into odd places only.
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) & KEPT;
    let quiet = (bits & KEPT) | 0x0040_0000;
    let is_nan = bits & 0x7fff_ffff > 0x7f80_0000;
    f32::from_bits(if is_nan { quiet } else { rounded })
}

#[cfg(test)]
mod tests {
    use super::super::{Isa, Kernel, LANES, Simd, dispatch_pairs};
    use super::*;
    use allconv_random::elementary::powi;

    /// One unit of the last place of a bfloat16 between 1 and 2.
    const UNIT: f32 = 1.0 / 128.0;

    #[test]
    fn values_go_to_the_nearest_and_ties_to_the_even_one() {
        let cases = [
            (1.0, 1.0),
            (1.0 + 0.4 * UNIT, 1.0),
            (1.0 + 0.6 * UNIT, 1.0 + UNIT),
            (1.0 + 0.5 * UNIT, 1.0),
            (1.0 + 1.5 * UNIT, 1.0 + 2.0 * UNIT),
            (-1.0 - 1.5 * UNIT, -1.0 - 2.0 * UNIT),
            (0.0, 0.0),
            (f32::INFINITY, f32::INFINITY),
            (f32::MAX, f32::INFINITY),
            (f32::NEG_INFINITY, f32::NEG_INFINITY),
        ];
        for (value, expected) in cases {
            assert_eq!(nearest(value), expected, "{value}");
        }
        assert_eq!(nearest(-0.0).to_bits(), (-0.0_f32).to_bits());
        // A NaN whose payload lies in the bits that are cut off.
        assert!(nearest(f32::from_bits(0x7f80_0001)).is_nan() && nearest(f32::NAN).is_nan());
    }

    #[test]
    fn no_rounding_is_further_than_half_a_unit() {
        for step in 0..=1000_u16 {
            let value = 1.0 + f32::from(step) / 1000.0;
            assert!((nearest(value) - value).abs() <= UNIT / 2.0, "{value}");
        }
    }

    #[test]
    fn a_pair_holds_both_values_rounded() {
        let value = 1.0 + 0.6 * UNIT;
        let pair = pair(value, -3.0 * value);
        assert_eq!([first(pair), second(pair)], [nearest(value), nearest(-3.0 * value)]);
    }

    /// One product of pairs on each of the eight lanes.
    struct Dot<'a> {
        a: &'a [f32; LANES],
        b: &'a [f32; LANES],
        c: &'a mut [f32; LANES],
    }

    impl Kernel for Dot<'_> {
        #[inline(always)]
        fn run<S: Simd>(self, simd: S) {
            // SAFETY: each array holds a vector.
            unsafe {
                let [a, b, c] = [self.a, self.b, &*self.c].map(|lanes| simd.load(lanes.as_ptr()));
                simd.store(self.c.as_mut_ptr(), simd.dot_pairs(a, b, c));
            }
        }
    }

    #[test]
    fn products_of_pairs_add_the_first_then_the_second_and_round_after_each_on_every_available_set() {
        let mut state = 1_u32;
        let mut draw = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Magnitudes from 2⁻⁶ to 2⁶, so that sums cancel, absorb and round in every way.
            (f32::from((state >> 16) as u16) / 32_768.0 - 1.0)
                * powi(2.0, ((state >> 8) % 13) as i32 - 6) as f32
        };
        for _ in 0..2000 {
            let [a, b]: [[[f32; 2]; LANES]; 2] =
                std::array::from_fn(|_| std::array::from_fn(|_| [draw(), draw()].map(nearest)));
            let c: [f32; LANES] = std::array::from_fn(|_| draw());
            let expected: [f32; LANES] =
                std::array::from_fn(|lane| c[lane] + a[lane][0] * b[lane][0] + a[lane][1] * b[lane][1]);
            let [a, b] = [a, b].map(|operand| operand.map(|[first, second]| pair(first, second)));
            for isa in Isa::available() {
                let mut found = c;
                dispatch_pairs(isa, Dot { a: &a, b: &b, c: &mut found });
                assert_eq!(found, expected, "{isa}, with instructions: {}", isa.multiplies_bfloat16());
            }
        }
    }
}
