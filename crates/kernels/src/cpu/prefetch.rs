//! Prefetch instructions for cache lines that are about to be read or written.

/// Elements of a cache line.
pub(crate) const LINE: usize = 16;

/// Prefetches the cache line of `place` to the second-level cache, on CPUs that can; the place need not be readable.
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

/// Prefetches the cache line of `place` for writing, on CPUs that can; the place need not be writable.
#[inline(always)]
pub(crate) fn prefetch_to_write(place: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the instruction changes nothing, and CPUs that lack it run it as one that does nothing.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_ET0 }>(place.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}
