//! 32 registers and 512-bit vectors (x86-64 since Skylake-X and Zen 4): maps stay in blocks of eight lanes, the products of
//! matrices take two blocks, and the transforms two tiles, at a time.

use std::arch::asm;
use std::arch::x86_64::{
    __m256, __m256bh, __m256i, __m512, __m512bh, __m512i, _CMP_NLE_UQ, _mm256_castps_pd, _mm256_castsi256_ps,
    _mm256_castsi256_si128, _mm256_cvtepu16_epi32, _mm256_dpbf16_ps, _mm256_extracti128_si256,
    _mm256_loadu_ps, _mm256_or_si256, _mm256_set1_ps, _mm256_slli_epi32, _mm256_srli_epi32, _mm256_storeu_ps,
    _mm512_add_ps, _mm512_and_si512, _mm512_castpd_ps, _mm512_castps_pd, _mm512_castps_si512,
    _mm512_castps256_ps512, _mm512_castps512_ps256, _mm512_castsi512_ps, _mm512_cmp_ps_mask,
    _mm512_cvtne2ps_pbh, _mm512_cvtneps_pbh, _mm512_dpbf16_ps, _mm512_extractf32x8_ps, _mm512_fmadd_ps,
    _mm512_fnmadd_ps, _mm512_insertf64x4, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_maskz_mov_ps,
    _mm512_mul_ps, _mm512_permutexvar_epi16, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_slli_epi32, _mm512_storeu_ps, _mm512_sub_ps,
};

use super::avx2::Avx2;
use super::isa::{InstructionSet, Isa};
use super::vectors::{
    Arithmetic, Kernel, Simd, Wide, delegate_arithmetic, dot_pairs_by_parts, pair_places_by_elements,
    store_neighbours_by_elements, store_parts_by_elements,
};

/// The proof that the CPU has AVX-512 F, DQ and VL, and with them AVX2 and FMA, and where `BFLOAT16` is set BW and AVX512_BF16: made in
/// [`run`] and [`run_with_bfloat16`] alone. Vectors of one block are those of AVX2.
#[derive(Clone, Copy)]
pub(super) struct Avx512<const BFLOAT16: bool>(Avx2);

/// The same proof, for vectors of two blocks.
#[derive(Clone, Copy)]
pub(super) struct TwoBlocks<const BFLOAT16: bool>(());

/// Runs `kernel` compiled for AVX-512.
pub(super) fn run(isa: Isa, kernel: impl Kernel) {
    assert!(isa.instruction_set() == InstructionSet::Avx512, "{isa} is no proof of AVX-512");
    // SAFETY: an `Isa` of Avx512 is only made after the CPU reported all five features.
    unsafe { enabled(kernel) }
}

/// Runs `kernel` compiled for AVX-512 with AVX512_BF16.
pub(super) fn run_with_bfloat16(isa: Isa, kernel: impl Kernel) {
    assert!(
        isa.instruction_set() == InstructionSet::Avx512 && isa.multiplies_bfloat16(),
        "{isa} is no proof of AVX512_BF16"
    );
    // SAFETY: an `Isa` of Avx512 and bfloat16 is only made after the CPU reported all seven features.
    unsafe { enabled_with_bfloat16(kernel) }
}

/// # Safety
/// The CPU must have AVX2, FMA and AVX-512 F, DQ and VL.
#[target_feature(enable = "avx2,fma,avx512f,avx512dq,avx512vl")]
unsafe fn enabled(kernel: impl Kernel) {
    // SAFETY: the caller guarantees AVX2 and FMA.
    kernel.run(Avx512::<false>(unsafe { Avx2::proven() }));
}

/// # Safety
/// The CPU must have AVX2, FMA, AVX-512 F, DQ, VL and BW, and AVX512_BF16.
#[target_feature(enable = "avx2,fma,avx512f,avx512dq,avx512vl,avx512bw,avx512bf16")]
unsafe fn enabled_with_bfloat16(kernel: impl Kernel) {
    // SAFETY: the caller guarantees AVX2 and FMA.
    kernel.run(Avx512::<true>(unsafe { Avx2::proven() }));
}

impl<const BFLOAT16: bool> Arithmetic for Avx512<BFLOAT16> {
    type Vector = __m256;

    delegate_arithmetic!();

    #[inline(always)]
    fn splat(self, value: f32) -> __m256 {
        self.0.splat(value)
    }

    #[inline(always)]
    fn dot_pairs(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        if BFLOAT16 {
            // SAFETY: `self` proves AVX512_BF16; both types are 256 bits without invalid values.
            unsafe {
                let [a, b] = [a, b].map(|pairs| std::mem::transmute::<__m256, __m256bh>(pairs));
                _mm256_dpbf16_ps(c, a, b)
            }
        } else {
            dot_pairs_by_parts(self, a, b, c)
        }
    }
}

impl<const BFLOAT16: bool> Simd for Avx512<BFLOAT16> {
    type Wide = TwoBlocks<BFLOAT16>;

    #[inline(always)]
    fn wide(self) -> TwoBlocks<BFLOAT16> {
        TwoBlocks(())
    }

    #[inline(always)]
    unsafe fn broadcast(self, source: *const f32) -> __m256 {
        // SAFETY: `self` proves AVX2; the caller guarantees a readable element.
        unsafe { _mm256_set1_ps(*source) }
    }

    #[inline(always)]
    unsafe fn load(self, source: *const f32) -> __m256 {
        // SAFETY: the caller's.
        unsafe { self.0.load(source) }
    }

    #[inline(always)]
    unsafe fn store(self, target: *mut f32, value: __m256) {
        // SAFETY: the caller's.
        unsafe { self.0.store(target, value) }
    }
}

impl<const BFLOAT16: bool> Arithmetic for TwoBlocks<BFLOAT16> {
    type Vector = __m512;

    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        // SAFETY: `self` proves AVX-512 F.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512 F.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512 F.
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512 F.
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512 F.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn negated_mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512 F.
        unsafe { _mm512_fnmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn rectify(self, a: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512 F.
        unsafe {
            let kept = _mm512_cmp_ps_mask::<_CMP_NLE_UQ>(a, _mm512_setzero_ps());
            _mm512_maskz_mov_ps(kept, a)
        }
    }

    #[inline(always)]
    fn first_of_pairs(self, pairs: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512 F.
        unsafe {
            let kept = _mm512_set1_epi32(!0xffff);
            _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(pairs), kept))
        }
    }

    #[inline(always)]
    fn second_of_pairs(self, pairs: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512 F.
        unsafe { _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_castps_si512(pairs))) }
    }

    #[inline(always)]
    fn dot_pairs(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        if BFLOAT16 {
            // SAFETY: `self` proves AVX512_BF16; both types are 512 bits without invalid values.
            unsafe {
                let [a, b] = [a, b].map(|pairs| std::mem::transmute::<__m512, __m512bh>(pairs));
                _mm512_dpbf16_ps(c, a, b)
            }
        } else {
            dot_pairs_by_parts(self, a, b, c)
        }
    }
}

impl<const BFLOAT16: bool> Wide for TwoBlocks<BFLOAT16> {
    const VECTORS: usize = 2;
    // Eight rows of three: 24 accumulators, three vectors of one operand, one broadcast of the other, of 32 registers.
    const ROWS: [usize; 3] = [8, 8, 8];

    #[inline(always)]
    unsafe fn broadcast(self, source: *const f32) -> __m512 {
        // SAFETY: `self` proves AVX-512 F; the caller guarantees a readable element.
        unsafe { broadcast_in_place(source) }
    }

    #[inline(always)]
    unsafe fn load(self, source: *const f32, distance: usize) -> __m512 {
        // SAFETY: `self` proves AVX-512 F; the caller guarantees eight readable elements in both places.
        unsafe {
            let low = _mm512_castps256_ps512(_mm256_loadu_ps(source));
            let high = _mm256_loadu_ps(source.add(distance));
            _mm512_castpd_ps(_mm512_insertf64x4::<1>(_mm512_castps_pd(low), _mm256_castps_pd(high)))
        }
    }

    #[inline(always)]
    unsafe fn store(self, target: *mut f32, distance: usize, value: __m512) {
        // SAFETY: `self` proves AVX-512 DQ; the caller guarantees eight writable elements in both places.
        unsafe {
            _mm256_storeu_ps(target, _mm512_castps512_ps256(value));
            _mm256_storeu_ps(target.add(distance), _mm512_extractf32x8_ps::<1>(value));
        }
    }

    #[inline(always)]
    unsafe fn load_adjoining(self, source: *const f32) -> __m512 {
        // SAFETY: `self` proves AVX-512 F; the caller guarantees sixteen readable elements.
        unsafe { _mm512_loadu_ps(source) }
    }

    #[inline(always)]
    unsafe fn store_adjoining(self, target: *mut f32, value: __m512) {
        // SAFETY: `self` proves AVX-512 F; the caller guarantees sixteen writable elements.
        unsafe { _mm512_storeu_ps(target, value) }
    }

    #[inline(always)]
    unsafe fn store_neighbours_paired(self, target: *mut f32, value: __m512) {
        if !BFLOAT16 {
            // SAFETY: the caller's.
            return unsafe { store_neighbours_by_elements(self, target, value) };
        }
        // SAFETY: `self` proves AVX512_BF16 and AVX2; the caller guarantees eight writable elements. Both types are 256 bits without
        // invalid values.
        unsafe {
            let rounded = std::mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(value));
            // The first of two neighbours comes to lie in the lower half; it belongs in the upper one.
            let swapped = _mm256_or_si256(_mm256_slli_epi32::<16>(rounded), _mm256_srli_epi32::<16>(rounded));
            _mm256_storeu_ps(target, _mm256_castsi256_ps(swapped));
        }
    }

    #[inline(always)]
    unsafe fn store_parts_paired(self, target: *mut f32, value: __m512) {
        if !BFLOAT16 {
            // SAFETY: the caller's.
            return unsafe { store_parts_by_elements(self, target, value) };
        }
        // SAFETY: `self` proves AVX512_BF16 and AVX2; the caller guarantees eight writable elements. Types of one size have no invalid
        // values.
        unsafe {
            let rounded = std::mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(value));
            let firsts = _mm256_cvtepu16_epi32(_mm256_castsi256_si128(rounded));
            let seconds = _mm256_cvtepu16_epi32(_mm256_extracti128_si256::<1>(rounded));
            let pairs = _mm256_or_si256(_mm256_slli_epi32::<16>(firsts), seconds);
            _mm256_storeu_ps(target, _mm256_castsi256_ps(pairs));
        }
    }

    #[inline(always)]
    unsafe fn pair_places(self, firsts: *const f32, seconds: *const f32, distance: usize, pairs: *mut f32) {
        if BFLOAT16 {
            // SAFETY: `self` proves AVX512_BF16 and BW; the caller guarantees readable parts and sixteen writable elements. All types are
            // 512 bits without invalid values.
            unsafe {
                let rounded = _mm512_cvtne2ps_pbh(self.load(firsts, distance), self.load(seconds, distance));
                let rounded = std::mem::transmute::<__m512bh, __m512i>(rounded);
                let order = _mm512_loadu_si512(HALVES_INTERLEAVED.as_ptr().cast());
                _mm512_storeu_ps(pairs, _mm512_castsi512_ps(_mm512_permutexvar_epi16(order, rounded)));
            }
        } else {
            // SAFETY: the caller's.
            unsafe { pair_places_by_elements::<Self>(firsts, seconds, distance, pairs) };
        }
    }
}

/// The order that interleaves the two halves of 32 numbers: 0, 16, 1, 17, …
const HALVES_INTERLEAVED: [u16; 32] = {
    let mut order = [0; 32];
    let mut place = 0;
    while place < 32 {
        order[place] = (place / 2 + place % 2 * 16) as u16;
        place += 1;
    }
    order
};

/// Loads and broadcasts an element in place: if the compiler moved the load, a tile that uses nearly all registers would spill.
///
/// # Safety
/// The CPU must have AVX-512 F and the element must be readable.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn broadcast_in_place(source: *const f32) -> __m512 {
    let value;
    // SAFETY: the caller guarantees AVX-512 F and a readable element; nothing but `value` is written.
    unsafe {
        asm!(
            "vbroadcastss {value}, dword ptr [{source}]",
            value = out(zmm_reg) value,
            source = in(reg) source,
            options(nostack, preserves_flags, readonly)
        );
    }
    value
}
