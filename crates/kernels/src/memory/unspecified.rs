//! Vectors for results: their elements need not be cleared, as the kernel that fills them overwrites every one.

use std::arch::asm;

mod sealed {
    /// An element type of which every pattern of bits is a value.
    pub trait AnyBits: Copy {
        /// The value with which checked builds fill new vectors.
        const UNWRITTEN: Self;
    }
}
pub(crate) use sealed::AnyBits;

impl AnyBits for f32 {
    const UNWRITTEN: Self = Self::NAN;
}

impl AnyBits for f64 {
    const UNWRITTEN: Self = Self::NAN;
}

impl AnyBits for u32 {
    const UNWRITTEN: Self = Self::MAX;
}

/// Returns a vector of `len` elements with unspecified values, for a result that is then written in full.
///
/// Clearing such a vector would be a pass over memory by one thread, as long as a pooling layer. Builds with debug assertions
/// fill it with NaN (or the largest integer), so that a test finds an element that was left out.
///
/// # Example
///
/// ```
/// let mut y = allconv_kernels::unspecified_vec::<f32>(3);
/// y.copy_from_slice(&[1.0, 2.0, 3.0]);
/// assert_eq!(y, [1.0, 2.0, 3.0]);
/// ```
#[must_use]
pub fn unspecified_vec<T: AnyBits>(len: usize) -> Vec<T> {
    if cfg!(debug_assertions) {
        return vec![T::UNWRITTEN; len];
    }
    let mut values = Vec::<T>::with_capacity(len);
    let start = values.as_mut_ptr();
    // SAFETY: the block may write any memory that it can reach from `start`, as far as the compiler knows; what it stands
    // for is a write of unspecified bytes to the `len` elements there, which belong to `values` alone. Those bytes are then
    // initialised, and any of them make valid elements, by the bound on `T`. No instruction is needed for it, as memory of
    // the operating system always holds some bytes.
    unsafe {
        asm!("/* {0} */", in(reg) start, options(nostack, preserves_flags));
        values.set_len(len);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vector_has_the_length_and_checked_builds_mark_what_is_not_written() {
        assert!(unspecified_vec::<u32>(0).is_empty());
        let values = unspecified_vec::<f64>(1000);
        assert_eq!(values.len(), 1000);
        assert!(!cfg!(debug_assertions) || values.iter().all(|value| value.is_nan()));
    }
}
