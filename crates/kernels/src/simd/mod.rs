//! The tiny vector interface that fast kernels are written over, and the dispatch to an instruction set.
//!
//! A kernel is a [`Kernel`] value whose `run` is generic over [`Simd`] and `#[inline(always)]`, so that it is compiled
//! once per instruction set inside a function that enables it. Instruction-set files hold instructions, not decisions.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod portable;

use crate::isa::{InstructionSet, Isa};

/// Vectors of f32. A value of an implementing type is the proof that the CPU has the instructions.
pub(crate) trait Simd: Copy {
    /// A vector.
    type Vector: Copy;
    /// Elements of a vector; every instance has [`LANES`].
    fn splat(self, value: f32) -> Self::Vector;
    /// `a + b`
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a - b`
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a * b`
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a * b + c`, rounded once.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// `c - a * b`, rounded once.
    fn negated_mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// A vector of copies of the element at `source`.
    ///
    /// # Safety
    /// The element must be readable.
    unsafe fn broadcast(self, source: *const f32) -> Self::Vector;
    /// Loads a vector; no alignment is needed.
    ///
    /// # Safety
    /// `LANES` elements from `source` on must be readable.
    unsafe fn load(self, source: *const f32) -> Self::Vector;
    /// Stores a vector; no alignment is needed.
    ///
    /// # Safety
    /// `LANES` elements from `target` on must be writable.
    unsafe fn store(self, target: *mut f32, value: Self::Vector);
}

/// Elements of a vector, and the channel block of every scratch layout. The same for all instruction sets so far.
pub(crate) const LANES: usize = 8;

/// A computation that is compiled for every instruction set.
pub(crate) trait Kernel {
    /// Computes; implementations are `#[inline(always)]`, or they lose the instruction set.
    fn run<S: Simd>(self, simd: S);
}

/// Runs a kernel with the instructions that `isa` proves to exist.
pub(crate) fn dispatch(isa: Isa, kernel: impl Kernel) {
    match isa.instruction_set() {
        InstructionSet::Portable => kernel.run(portable::Portable),
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx2 => avx2::run(isa, kernel),
    }
}

#[cfg(test)]
mod tests {
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
}
