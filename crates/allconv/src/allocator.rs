//! The allocator of the program.

/// Keeps the large blocks of one training step for the next, on huge pages.
#[global_allocator]
pub(crate) static ALLOCATOR: allconv_kernels::RecyclingAllocator = allconv_kernels::RecyclingAllocator::new();
