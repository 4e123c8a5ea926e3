//! Prefetch instructions for cache lines that are about to be read or written.

/// Elements of a cache line.
pub(crate) const LINE: usize = 16;

/// Asks for the cache line of `place` in the second-level cache, where the CPU can be asked; the place need not be readable.
#[inline(always)]
pub(crate) fn prefetch(place: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 CPU has the instruction, which reads nothing.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T1 }>(place.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}

/// Asks to own the cache line of `place`, which is about to be written, where the CPU can be asked; the place need not be writable.
#[inline(always)]
pub(crate) fn prefetch_to_write(place: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the instruction changes nothing, and CPUs that lack it take it for one that does nothing.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_ET0 }>(place.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}
