//! Operands rounded to bfloat16, for convolutions that are not products of matrices.

use crate::cpu::{Kernel, LANES, Simd, dispatch, nearest};
use crate::engine::Engine;
use crate::memory::Scratch;

/// Rounds operands of products to bfloat16 where the engine's accuracy class says so; elsewhere does nothing.
pub(crate) fn round_operand(engine: &Engine, values: &mut [f32]) {
    if engine.accuracy().rounds_operands() {
        dispatch(engine.isa(), Round(values));
    }
}

/// Returns a rounded copy of `values` where the engine's accuracy class has one.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::Isa;
    use crate::numbers::Accuracy;

    /// One unit of the last place of a bfloat16 between 1 and 2.
    const UNIT: f32 = 1.0 / 128.0;

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
