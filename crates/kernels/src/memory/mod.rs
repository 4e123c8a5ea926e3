//! Memory: the allocator, scratch buffers, results that need not be cleared, and the check of lengths.

mod allocator;
mod length;
mod region;
mod scratch;
mod unspecified;

pub use allocator::RecyclingAllocator;
pub(crate) use length::check_len;
pub(crate) use scratch::{Scratch, ScratchPool};
pub(crate) use unspecified::AnyBits;
pub use unspecified::unspecified_vec;
