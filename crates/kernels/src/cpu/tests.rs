//! Tests of every operation of every available instruction set on numbers that f32 holds exactly.

use super::*;

/// Every operation of [`Simd`] on numbers that f32 holds exactly.
struct EveryOperation<'a>(&'a mut [f32; 5 * LANES]);

impl Kernel for EveryOperation<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let ramp: [f32; LANES] = std::array::from_fn(|lane| lane as f32);
        let out = self.0.as_mut_ptr();
        // SAFETY: `ramp` holds LANES elements and `out` five times as many.
        unsafe {
            let a = simd.load(ramp.as_ptr());
            let (two, ten) = (simd.splat(2.0), simd.splat(10.0));
            simd.store(out, simd.add(a, two));
            simd.store(out.add(LANES), simd.sub(a, two));
            simd.store(out.add(2 * LANES), simd.mul(a, two));
            simd.store(out.add(3 * LANES), simd.mul_add(a, two, ten));
            simd.store(out.add(4 * LANES), simd.negated_mul_add(a, two, ten));
        }
    }
}

/// Every operation of [`Wide`] on two parts that lie three vectors apart, as far as the set takes two parts.
struct EveryWideOperation<'a>(&'a mut [f32; 5 * LANES]);

impl Kernel for EveryWideOperation<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let wide = simd.wide();
        let ramp: [f32; 5 * LANES] = std::array::from_fn(|place| place as f32);
        let distance = 3 * LANES;
        // SAFETY: at most two parts, the second one ends before the fourth vector does.
        unsafe {
            let a = wide.load(ramp.as_ptr(), distance);
            let two = wide.broadcast(ramp.as_ptr().add(2));
            let result = wide.add(wide.mul_add(a, two, a), wide.splat(0.0));
            wide.store(self.0.as_mut_ptr(), distance, result);
        }
        // The parts that the set does not take.
        for part in <S::Wide as Wide>::VECTORS..2 {
            let places = part * distance..part * distance + LANES;
            for (out, ramp) in self.0[places.clone()].iter_mut().zip(&ramp[places]) {
                *out = 3.0 * ramp;
            }
        }
    }
}

#[test]
fn wide_vectors_are_loaded_and_stored_in_parts_on_every_available_set() {
    for isa in Isa::available() {
        let mut out = [-1.0; 5 * LANES];
        dispatch(isa, EveryWideOperation(&mut out));
        for (place, &found) in out.iter().enumerate() {
            let covered = place < LANES || (3 * LANES..4 * LANES).contains(&place);
            assert_eq!(found, if covered { 3.0 * place as f32 } else { -1.0 }, "{isa} element {place}");
        }
    }
}

/// Rectifies, and pairs neighbours and parts, of a wide vector.
struct RectifiedAndPaired<'a>(&'a mut [Vec<f32>; 3]);

impl Kernel for RectifiedAndPaired<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (wide, len) = (simd.wide(), <S::Wide as Wide>::VECTORS * LANES);
        let signs: Vec<f32> = (0..len).map(|place| [-1.5, -0.0, f32::NAN, 2.5][place % 4]).collect();
        let ramp: Vec<f32> = (0..len).map(|place| place as f32 / 3.0).collect();
        let [rectified, neighbours, parts] = self.0;
        *rectified = vec![7.0; len];
        *neighbours = vec![7.0; len / 2];
        // SAFETY: all slices are as long as the operations require.
        unsafe {
            let signs = wide.load_adjoining(signs.as_ptr());
            wide.store_adjoining(rectified.as_mut_ptr(), wide.rectify(signs));
            let ramp = wide.load_adjoining(ramp.as_ptr());
            wide.store_neighbours_paired(neighbours.as_mut_ptr(), ramp);
            if <S::Wide as Wide>::VECTORS == 2 {
                *parts = vec![7.0; LANES];
                wide.store_parts_paired(parts.as_mut_ptr(), ramp);
            }
        }
    }
}

#[test]
fn rectified_and_paired_vectors_are_those_of_scalars_on_every_available_set() {
    for isa in Isa::available() {
        let mut found = [const { Vec::new() }; 3];
        dispatch_pairs(isa, RectifiedAndPaired(&mut found));
        let [rectified, neighbours, parts] = found;
        for (place, value) in rectified.iter().enumerate() {
            // Negative zero becomes zero, and NaN stays.
            let expected = [0.0, 0.0, f32::NAN, 2.5][place % 4];
            let same = value.to_bits() == f32::to_bits(expected) || (value.is_nan() && expected.is_nan());
            assert!(same, "{isa} place {place}: {value}");
        }
        let third = |place: usize| place as f32 / 3.0;
        for (place, found) in neighbours.iter().enumerate() {
            let expected = pair(third(2 * place), third(2 * place + 1));
            assert_eq!(found.to_bits(), expected.to_bits(), "{isa} neighbours {place}");
        }
        for (lane, found) in parts.iter().enumerate() {
            let expected = pair(third(lane), third(LANES + lane));
            assert_eq!(found.to_bits(), expected.to_bits(), "{isa} parts {lane}");
        }
    }
}

#[test]
fn every_operation_agrees_with_scalar_arithmetic_on_every_available_set() {
    for isa in Isa::available() {
        let mut out = [0.0; 5 * LANES];
        dispatch(isa, EveryOperation(&mut out));
        for lane in 0..LANES {
            let a = lane as f32;
            let expected = [a + 2.0, a - 2.0, a * 2.0, a * 2.0 + 10.0, 10.0 - a * 2.0];
            assert_eq!(std::array::from_fn(|row| out[row * LANES + lane]), expected, "{isa} lane {lane}");
        }
    }
}
