//! Operands of products rounded to bfloat16 and joined to pairs: neighbours, rows, and elements at a distance.

use crate::cpu::{Isa, Kernel, LANES, Simd, Wide, dispatch_pairs, pair};

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

#[cfg(test)]
mod tests {
    use super::*;

    /// One unit of the last place of a bfloat16 between 1 and 2.
    const UNIT: f32 = 1.0 / 128.0;

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

    /// Returns values that need rounding.
    fn ramp(len: usize) -> Vec<f32> {
        (0..len).map(|i| 1.0 + i as f32 * 0.3 * UNIT).collect()
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
}
