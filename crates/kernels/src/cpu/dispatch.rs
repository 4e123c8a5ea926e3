//! The dispatch of a kernel to an instruction set.

use super::isa::{InstructionSet, Isa};
use super::portable;
use super::vectors::Kernel;
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};

/// Runs a kernel with the instructions that `isa` proves to exist.
pub(crate) fn dispatch(isa: Isa, kernel: impl Kernel) {
    match isa.instruction_set() {
        InstructionSet::Portable => kernel.run(portable::Portable),
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx2 => avx2::run(isa, kernel),
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx512 => avx512::run(isa, kernel),
    }
}

/// Runs a kernel as [`dispatch`] does, with the instructions for products of bfloat16 where the CPU has them: for kernels made
/// of such products.
pub(crate) fn dispatch_pairs(isa: Isa, kernel: impl Kernel) {
    #[cfg(target_arch = "x86_64")]
    if isa.multiplies_bfloat16() {
        return avx512::run_with_bfloat16(isa, kernel);
    }
    dispatch(isa, kernel);
}

/// Runs a kernel that is faster only with the instructions for bfloat16.
///
/// # Panics
/// When the set does not multiply bfloat16.
pub(crate) fn dispatch_bfloat16(isa: Isa, kernel: impl Kernel) {
    assert!(isa.multiplies_bfloat16(), "{isa} does not multiply bfloat16");
    #[cfg(target_arch = "x86_64")]
    avx512::run_with_bfloat16(isa, kernel);
    #[cfg(not(target_arch = "x86_64"))]
    dispatch(isa, kernel);
}
