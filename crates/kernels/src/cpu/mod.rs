//! Instruction sets, vectors and the dispatch of kernels to them.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod dispatch;
mod isa;
mod pair;
mod portable;
mod prefetch;
#[cfg(test)]
mod tests;
mod vectors;

pub(crate) use dispatch::{dispatch, dispatch_bfloat16, dispatch_pairs};
pub use isa::{Isa, IsaError};
pub(crate) use pair::{nearest, pair};
pub(crate) use prefetch::{LINE, prefetch, prefetch_to_write};
pub(crate) use vectors::{Arithmetic, Kernel, LANES, Simd, Single, Wide};
