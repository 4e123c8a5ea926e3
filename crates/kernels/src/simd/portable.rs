//! Vectors as arrays of eight lanes, left to the compiler's vectoriser.

use super::{Arithmetic, LANES, Simd, Single};
use crate::bfloat16;

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

    // Two roundings: without hardware support a fused operation is a slow library call.
    #[inline(always)]
    fn mul_add(self, a: [f32; LANES], b: [f32; LANES], c: [f32; LANES]) -> [f32; LANES] {
        std::array::from_fn(|lane| a[lane] * b[lane] + c[lane])
    }

    #[inline(always)]
    fn negated_mul_add(self, a: [f32; LANES], b: [f32; LANES], c: [f32; LANES]) -> [f32; LANES] {
        std::array::from_fn(|lane| c[lane] - a[lane] * b[lane])
    }

    #[inline(always)]
    fn rectify(self, a: [f32; LANES]) -> [f32; LANES] {
        a.map(|value| if value <= 0.0 { 0.0 } else { value })
    }

    #[inline(always)]
    fn first_of_pairs(self, pairs: [f32; LANES]) -> [f32; LANES] {
        pairs.map(bfloat16::first)
    }

    #[inline(always)]
    fn second_of_pairs(self, pairs: [f32; LANES]) -> [f32; LANES] {
        pairs.map(bfloat16::second)
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
        // SAFETY: the caller promises a readable element.
        [unsafe { *source }; LANES]
    }

    #[inline(always)]
    unsafe fn load(self, source: *const f32) -> [f32; LANES] {
        // SAFETY: the caller promises LANES readable elements; an array of f32 has the alignment of f32.
        unsafe { source.cast::<[f32; LANES]>().read() }
    }

    #[inline(always)]
    unsafe fn store(self, target: *mut f32, value: [f32; LANES]) {
        // SAFETY: the caller promises LANES writable elements; an array of f32 has the alignment of f32.
        unsafe { target.cast::<[f32; LANES]>().write(value) }
    }
}
