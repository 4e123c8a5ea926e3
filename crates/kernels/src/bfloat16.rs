//! Rounding of operands to bfloat16, for the accuracy classes that multiply in it.

use crate::engine::Engine;
use crate::scratch::Scratch;
use crate::simd::{Kernel, LANES, Simd, dispatch};

/// Rounds operands of products to bfloat16 where the engine's accuracy class says so; elsewhere does nothing.
pub(crate) fn round_operand(engine: &Engine, values: &mut [f32]) {
    if engine.accuracy().rounds_operands() {
        dispatch(engine.isa(), Round(values));
    }
}

/// A rounded copy of `values` where the engine's accuracy class wants one.
pub(crate) fn rounded_copy<'e>(engine: &'e Engine, values: &[f32]) -> Option<Scratch<'e>> {
    engine.accuracy().rounds_operands().then(|| {
        let mut copy = engine.scratch().take(values.len());
        copy.copy_from_slice(values);
        round_operand(engine, &mut copy);
        copy
    })
}

struct Round<'a>(&'a mut [f32]);

impl Kernel for Round<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let (values, rest) = self.0.as_chunks_mut::<LANES>();
        for values in values {
            for value in values {
                *value = nearest(*value);
            }
        }
        for value in rest {
            *value = nearest(*value);
        }
    }
}

/// The bfloat16 nearest to `value`, the even one of two that are equally near, as f32. NaN stays NaN.
#[inline(always)]
fn nearest(value: f32) -> f32 {
    const KEPT: u32 = 0xffff_0000;
    let bits = value.to_bits();
    // Half a unit of the last kept place, less one where that place is even: a tie then carries into odd places only.
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) & KEPT;
    let quiet = (bits & KEPT) | 0x0040_0000;
    let is_nan = bits & 0x7fff_ffff > 0x7f80_0000;
    f32::from_bits(if is_nan { quiet } else { rounded })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Accuracy;
    use crate::isa::Isa;

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
    fn whole_slices_are_rounded_on_every_available_set_in_the_classes_that_ask_for_it() {
        let values: Vec<f32> = (0..19_u8).map(|i| 1.0 + f32::from(i) * 0.3 * UNIT).collect();
        let rounded: Vec<f32> = values.iter().map(|&value| nearest(value)).collect();
        for isa in Isa::available() {
            for accuracy in Accuracy::ALL {
                let engine = Engine::new(isa, accuracy);
                let mut found = values.clone();
                round_operand(&engine, &mut found);
                let copy = rounded_copy(&engine, &values);
                if matches!(accuracy, Accuracy::Bf16 | Accuracy::Bf16Fast) {
                    assert_eq!(found, rounded, "{isa}");
                    assert_eq!(copy.as_deref(), Some(&rounded[..]), "{isa}");
                } else {
                    assert_eq!(found, values, "{isa}");
                    assert!(copy.is_none());
                }
            }
        }
    }
}
