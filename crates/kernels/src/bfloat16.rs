//! Rounding of operands to bfloat16, for the accuracy classes that multiply in it, and pairs of such operands.
//!
//! Products of matrices take operands of bfloat16 in pairs, two neighbours of their inner dimension in the 32 bits of one element,
//! see [`pair`]. Such an element is moved as an f32, never computed with as one.

use crate::engine::Engine;
use crate::isa::Isa;
use crate::scratch::Scratch;
use crate::simd::{Kernel, LANES, Simd, Wide, dispatch, dispatch_pairs};

/// The bits of an f32 that a bfloat16 has too.
const KEPT: u32 = 0xffff_0000;

/// Two values, rounded to bfloat16, in the bits of one f32. The first lies in the upper half, as the instructions for dot
/// products add the upper half's product first.
#[inline(always)]
pub(crate) fn pair(first: f32, second: f32) -> f32 {
    f32::from_bits(nearest(first).to_bits() | nearest(second).to_bits() >> 16)
}

/// The first value of a [`pair`].
#[inline(always)]
pub(crate) fn first(pair: f32) -> f32 {
    f32::from_bits(pair.to_bits() & KEPT)
}

/// The second value of a [`pair`].
#[inline(always)]
pub(crate) fn second(pair: f32) -> f32 {
    f32::from_bits(pair.to_bits() << 16)
}

/// Pairs neighbours: elements 0 and 1, 2 and 3, …
///
/// # Panics
/// When there are not twice as many values as pairs.
pub(crate) fn pair_neighbours(isa: Isa, values: &[f32], pairs: &mut [f32]) {
    assert!(values.len() == 2 * pairs.len(), "{} values in {} pairs", values.len(), pairs.len());
    dispatch_pairs(isa, Neighbours { values, pairs });
}

/// Pairs rows, element by element: `values` are runs of `rows` rows, of which the rows 0 and 1, 2 and 3, … of each run become one
/// row of pairs; the last row of an odd number is paired with zeros.
///
/// # Panics
/// When a row does not consist of whole vectors, or the two lengths do not fit.
pub(crate) fn pair_rows(isa: Isa, values: &[f32], [rows, row_len]: [usize; 2], pairs: &mut [f32]) {
    let run = rows * row_len;
    assert!(
        row_len.is_multiple_of(LANES)
            && values.len().is_multiple_of(run)
            && pairs.len() == values.len() / run * rows.div_ceil(2) * row_len,
        "{} values in runs of {rows} rows of {row_len} for {} pairs",
        values.len(),
        pairs.len()
    );
    dispatch_pairs(isa, Rows { values, rows, row_len, pairs });
}

/// Pairs every element of a row of `row_len` with the one `distance` further on, and with zero where the row ends before that.
///
/// # Panics
/// When the lengths differ, or are not whole rows.
pub(crate) fn pair_at_distance(isa: Isa, values: &[f32], row_len: usize, distance: usize, pairs: &mut [f32]) {
    assert!(
        values.len() == pairs.len() && values.len().is_multiple_of(row_len),
        "{} values in rows of {row_len} for {} pairs",
        values.len(),
        pairs.len()
    );
    dispatch_pairs(isa, AtDistance { values, row_len, distance, pairs });
}

struct Neighbours<'a> {
    values: &'a [f32],
    pairs: &'a mut [f32],
}

impl Kernel for Neighbours<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (wide, together) = (simd.wide(), <S::Wide as Wide>::VECTORS * LANES / 2);
        let mut done = 0;
        while done + together <= self.pairs.len() {
            // SAFETY: as many pairs are left, and twice as many values, as was asserted.
            unsafe {
                let values = wide.load_adjoining(self.values.as_ptr().add(2 * done));
                wide.store_neighbours_paired(self.pairs.as_mut_ptr().add(done), values);
            }
            done += together;
        }
        let (values, _) = self.values[2 * done..].as_chunks::<2>();
        for (target, &[first, second]) in self.pairs[done..].iter_mut().zip(values) {
            *target = pair(first, second);
        }
    }
}

/// Pairs the elements of two equally long rows.
#[inline(always)]
fn pair_two_rows<S: Simd>(simd: S, firsts: &[f32], seconds: &[f32], pairs: &mut [f32]) {
    assert!(firsts.len() == pairs.len() && seconds.len() == pairs.len());
    let together = <S::Wide as Wide>::VECTORS * LANES;
    let mut done = 0;
    while done + together <= pairs.len() {
        // SAFETY: as many elements are left in all three rows.
        unsafe {
            let (firsts, seconds) = (firsts.as_ptr().add(done), seconds.as_ptr().add(done));
            simd.wide().pair_places(firsts, seconds, LANES, pairs.as_mut_ptr().add(done));
        }
        done += together;
    }
    for ((target, &first), &second) in pairs[done..].iter_mut().zip(&firsts[done..]).zip(&seconds[done..]) {
        *target = pair(first, second);
    }
}

/// Pairs rows of one vector each, as many as wide vectors take: rows 0 and 1, 2 and 3, …; returns the number of rows of pairs.
#[inline(always)]
fn pair_vectors<S: Simd>(simd: S, values: &[f32], pairs: &mut [f32]) -> usize {
    let together = <S::Wide as Wide>::VECTORS;
    let mut done = 0;
    while 2 * (done + together) * LANES <= values.len() {
        assert!((done + together) * LANES <= pairs.len());
        // SAFETY: as many rows of values are left, as the condition says, and of pairs, as was asserted.
        unsafe {
            let firsts = values.as_ptr().add(2 * done * LANES);
            let pairs = pairs.as_mut_ptr().add(done * LANES);
            simd.wide().pair_places(firsts, firsts.add(LANES), 2 * LANES, pairs);
        }
        done += together;
    }
    done
}

struct Rows<'a> {
    values: &'a [f32],
    rows: usize,
    row_len: usize,
    pairs: &'a mut [f32],
}

impl Kernel for Rows<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (rows, row_len) = (self.rows, self.row_len);
        let runs = self.values.chunks_exact(rows * row_len);
        for (values, pairs) in runs.zip(self.pairs.chunks_exact_mut(rows.div_ceil(2) * row_len)) {
            let done = if row_len == LANES { pair_vectors(simd, values, pairs) } else { 0 };
            let (values, pairs) = (&values[2 * done * row_len..], &mut pairs[done * row_len..]);
            for (values, pairs) in values.chunks(2 * row_len).zip(pairs.chunks_exact_mut(row_len)) {
                let (firsts, seconds) = values.split_at(row_len);
                if seconds.is_empty() {
                    pairs.iter_mut().zip(firsts).for_each(|(target, &first)| *target = pair(first, 0.0));
                    continue;
                }
                pair_two_rows(simd, firsts, seconds, pairs);
            }
        }
    }
}

struct AtDistance<'a> {
    values: &'a [f32],
    row_len: usize,
    distance: usize,
    pairs: &'a mut [f32],
}

impl Kernel for AtDistance<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let rows = self.values.chunks_exact(self.row_len);
        for (values, pairs) in rows.zip(self.pairs.chunks_exact_mut(self.row_len)) {
            let seconds = &values[self.distance.min(values.len())..];
            let (complete, last) = pairs.split_at_mut(seconds.len());
            let (firsts, lonely) = values.split_at(seconds.len());
            pair_two_rows(simd, firsts, seconds, complete);
            last.iter_mut().zip(lonely).for_each(|(target, &first)| *target = pair(first, 0.0));
        }
    }
}

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

    #[test]
    fn ties_infinities_and_values_that_are_not_numbers_are_paired_alike_on_every_available_set() {
        let special = [
            1.0 + 0.5 * UNIT,
            1.0 + 1.5 * UNIT,
            -0.0,
            f32::MAX,
            f32::NEG_INFINITY,
            f32::NAN,
            f32::from_bits(0x7f80_0001),
            -1.0 / 3.0,
        ];
        let values: Vec<f32> = (0..64).map(|i| special[(i * 5 + i / 8) % 8]).collect();
        let bits = |pairs: &[f32]| pairs.iter().map(|pair| pair.to_bits()).collect::<Vec<_>>();
        for isa in Isa::available() {
            let mut pairs = vec![0.0; 32];
            pair_neighbours(isa, &values, &mut pairs);
            let expected: Vec<f32> = values.as_chunks::<2>().0.iter().map(|&[a, b]| pair(a, b)).collect();
            assert_eq!(bits(&pairs), bits(&expected), "{isa}, neighbours");
            pair_rows(isa, &values, [8, LANES], &mut pairs);
            let expected: Vec<f32> =
                (0..32).map(|i| pair(values[i / 8 * 16 + i % 8], values[i / 8 * 16 + 8 + i % 8])).collect();
            assert_eq!(bits(&pairs), bits(&expected), "{isa}, rows");
        }
    }

    /// Values that need rounding, and what one pair of them is.
    fn ramp(len: usize) -> Vec<f32> {
        (0..len).map(|i| 1.0 + i as f32 * 0.3 * UNIT).collect()
    }

    #[test]
    fn a_pair_holds_both_values_rounded() {
        let value = 1.0 + 0.6 * UNIT;
        let pair = pair(value, -3.0 * value);
        assert_eq!([first(pair), second(pair)], [nearest(value), nearest(-3.0 * value)]);
    }

    #[test]
    fn values_are_paired_as_neighbours_by_rows_and_at_a_distance_on_every_available_set() {
        let bits = |pairs: &[f32]| pairs.iter().map(|pair| pair.to_bits()).collect::<Vec<_>>();
        let check = |found: &[f32], expected: Vec<f32>| assert_eq!(bits(found), bits(&expected));
        let (values, at) = (ramp(240), |i: usize| 1.0 + i as f32 * 0.3 * UNIT);
        for isa in Isa::available() {
            let mut pairs = vec![f32::NAN; 120];
            pair_neighbours(isa, &values, &mut pairs);
            check(&pairs, (0..120).map(|i| pair(at(2 * i), at(2 * i + 1))).collect());

            // Two runs of five rows of 24: the fifth row is alone.
            let mut pairs = vec![f32::NAN; 2 * 3 * 24];
            pair_rows(isa, &values, [5, 24], &mut pairs);
            let expected = (0..2 * 3 * 24).map(|i| {
                let (run, row, place) = (i / 72, i % 72 / 24, i % 24);
                let start = run * 120 + 2 * row * 24 + place;
                pair(at(start), if row == 2 { 0.0 } else { at(start + 24) })
            });
            check(&pairs, expected.collect());

            for distance in [3, 8, 30, 31] {
                let mut pairs = vec![f32::NAN; 240];
                pair_at_distance(isa, &values, 30, distance, &mut pairs);
                let second = |i: usize| if i % 30 + distance < 30 { at(i + distance) } else { 0.0 };
                check(&pairs, (0..240).map(|i| pair(at(i), second(i))).collect());
            }
        }
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
