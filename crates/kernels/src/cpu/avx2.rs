//! 256-bit vectors with fused multiply-add (x86-64 since Haswell and Zen).

use std::arch::asm;
use std::arch::x86_64::{
    __m256, _CMP_NLE_UQ, _mm256_add_ps, _mm256_and_ps, _mm256_and_si256, _mm256_castps_si256,
    _mm256_castsi256_ps, _mm256_cmp_ps, _mm256_fmadd_ps, _mm256_fnmadd_ps, _mm256_loadu_ps, _mm256_mul_ps,
    _mm256_set1_epi32, _mm256_set1_ps, _mm256_setzero_ps, _mm256_slli_epi32, _mm256_storeu_ps, _mm256_sub_ps,
};

use super::isa::{InstructionSet, Isa};
use super::vectors::{Arithmetic, Kernel, Simd, Single};

/// The proof that the CPU has AVX2 and FMA: made in [`run`], and in [`Self::proven`] for wider sets.
#[derive(Clone, Copy)]
pub(super) struct Avx2(());

impl Avx2 {
    /// Returns the proof, for a set that includes this one.
    ///
    /// # Safety
    /// The CPU must have AVX2 and FMA.
    pub(super) const unsafe fn proven() -> Self {
        Self(())
    }
}

/// Runs `kernel` compiled for AVX2 and FMA.
pub(super) fn run(isa: Isa, kernel: impl Kernel) {
    assert!(isa.instruction_set() == InstructionSet::Avx2, "{isa} is no proof of AVX2");
    // SAFETY: an `Isa` of Avx2 is only made after the CPU reported AVX2 and FMA.
    unsafe { enabled(kernel) }
}

/// # Safety
/// The CPU must have AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
unsafe fn enabled(kernel: impl Kernel) {
    kernel.run(Avx2(()));
}

impl Arithmetic for Avx2 {
    type Vector = __m256;

    #[inline(always)]
    fn splat(self, value: f32) -> __m256 {
        // SAFETY: `self` proves AVX2.
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2.
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2.
        unsafe { _mm256_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2.
        unsafe { _mm256_mul_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: `self` proves FMA.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn negated_mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: `self` proves FMA.
        unsafe { _mm256_fnmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn rectify(self, a: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2.
        unsafe { _mm256_and_ps(a, _mm256_cmp_ps::<_CMP_NLE_UQ>(a, _mm256_setzero_ps())) }
    }

    #[inline(always)]
    fn first_of_pairs(self, pairs: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2.
        unsafe {
            let kept = _mm256_set1_epi32(!0xffff);
            _mm256_castsi256_ps(_mm256_and_si256(_mm256_castps_si256(pairs), kept))
        }
    }

    #[inline(always)]
    fn second_of_pairs(self, pairs: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2.
        unsafe { _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_castps_si256(pairs))) }
    }
}

impl Simd for Avx2 {
    type Wide = Single<Self>;

    #[inline(always)]
    fn wide(self) -> Single<Self> {
        Single(self)
    }

    #[inline(always)]
    unsafe fn broadcast(self, source: *const f32) -> __m256 {
        // SAFETY: `self` proves AVX; the caller guarantees a readable element.
        unsafe { broadcast_in_place(source) }
    }

    #[inline(always)]
    unsafe fn load(self, source: *const f32) -> __m256 {
        // SAFETY: `self` proves AVX2; the caller guarantees eight readable elements.
        unsafe { _mm256_loadu_ps(source) }
    }

    #[inline(always)]
    unsafe fn store(self, target: *mut f32, value: __m256) {
        // SAFETY: `self` proves AVX2; the caller guarantees eight writable elements.
        unsafe { _mm256_storeu_ps(target, value) }
    }
}

/// Loads and broadcasts an element in place: the compiler cannot move the load.
///
/// The intrinsic is moved ahead of the multiply-adds that free its register, and a tile that uses all sixteen
/// registers then spills one in its inner loop: half the speed.
///
/// # Safety
/// The CPU must have AVX and the element must be readable.
#[target_feature(enable = "avx")]
#[inline]
unsafe fn broadcast_in_place(source: *const f32) -> __m256 {
    let value;
    // SAFETY: the caller guarantees AVX and a readable element; nothing but `value` is written.
    unsafe {
        asm!(
            "vbroadcastss {value}, dword ptr [{source}]",
            value = out(ymm_reg) value,
            source = in(reg) source,
            options(nostack, preserves_flags, readonly)
        );
    }
    value
}
