//! Instruction sets: an [`Isa`] value is the proof that this CPU executes it.

use std::fmt;

use thiserror::Error;

/// An instruction set that this CPU supports.
///
/// The fields are private and every constructor queries the CPU, so holding a value proves support.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Isa {
    set: InstructionSet,
    /// Whether the CPU has the dot products of AVX512_BF16 as well.
    bfloat16: bool,
}

/// The instruction sets that kernels are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum InstructionSet {
    /// Plain Rust over arrays of eight lanes, vectorised by the compiler for the build target. Multiply-adds are fused as on the other
    /// sets, by emulation where the target has no instruction for them.
    Portable,
    /// 256-bit vectors with fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 512-bit vectors and 32 registers.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// Why an instruction set cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IsaError {
    /// No instruction set has this name.
    #[error("unknown instruction set {name:?}; known are auto, avx512, avx2 and portable")]
    Unknown {
        /// The requested name.
        name: String,
    },
    /// A known instruction set that the CPU lacks.
    #[error("this CPU does not support {name}; supported are {supported}")]
    Unsupported {
        /// The requested name.
        name: String,
        /// Names that work here, separated by commas.
        supported: String,
    },
}

impl Isa {
    /// Returns the instruction sets that this CPU supports, fastest first. Never empty.
    #[must_use]
    pub fn available() -> Vec<Self> {
        let mut sets = Vec::new();
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            let wide = std::arch::is_x86_feature_detected!("avx512f")
                && std::arch::is_x86_feature_detected!("avx512dq")
                && std::arch::is_x86_feature_detected!("avx512vl");
            if wide {
                let bfloat16 = std::arch::is_x86_feature_detected!("avx512bf16")
                    && std::arch::is_x86_feature_detected!("avx512bw");
                sets.push(Self { set: InstructionSet::Avx512, bfloat16 });
            }
            sets.push(Self { set: InstructionSet::Avx2, bfloat16: false });
        }
        sets.push(Self::portable());
        sets
    }

    /// Returns the fastest instruction set of this CPU.
    #[must_use]
    pub fn detect() -> Self {
        Self::available()[0]
    }

    /// Returns the instruction set that every CPU supports.
    #[must_use]
    pub const fn portable() -> Self {
        Self { set: InstructionSet::Portable, bfloat16: false }
    }

    /// Returns the instruction set called `name`: `avx512`, `avx2` or `portable`; `auto` is [`Self::detect`].
    ///
    /// # Errors
    /// A name that is unknown, or a set that this CPU does not support. Never replaced by another set.
    pub fn named(name: &str) -> Result<Self, IsaError> {
        if name == "auto" {
            return Ok(Self::detect());
        }
        let available = Self::available();
        if let Some(&isa) = available.iter().find(|isa| isa.name() == name) {
            return Ok(isa);
        }
        if ["avx512", "avx2"].contains(&name) {
            let supported = available.iter().map(|isa| isa.name()).collect::<Vec<_>>().join(", ");
            return Err(IsaError::Unsupported { name: name.to_owned(), supported });
        }
        Err(IsaError::Unknown { name: name.to_owned() })
    }

    /// Returns its name, as [`Self::named`] takes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.set {
            InstructionSet::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx512 => "avx512",
        }
    }

    /// Returns the number of vectors of the scratch layout that the products of matrices take as one.
    pub(crate) const fn wide_vectors(self) -> usize {
        match self.set {
            InstructionSet::Portable => 1,
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx2 => 1,
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx512 => 2,
        }
    }

    /// Returns whether products of bfloat16 operands have instructions of their own (AVX512_BF16), which do two multiply-adds of
    /// f32 at a time; elsewhere they are made of those.
    #[must_use]
    pub const fn multiplies_bfloat16(self) -> bool {
        self.bfloat16
    }

    /// Returns the set itself, for the dispatch.
    pub(crate) const fn instruction_set(self) -> InstructionSet {
        self.set
    }
}

impl fmt::Debug for Isa {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Isa({})", self.name())
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_available_set_is_found_by_its_name() {
        for isa in Isa::available() {
            assert_eq!(Isa::named(isa.name()), Ok(isa));
        }
        assert_eq!(Isa::named("auto"), Ok(Isa::detect()));
        assert_eq!(Isa::available().last(), Some(&Isa::portable()));
    }

    #[test]
    fn a_set_that_the_cpu_lacks_is_refused_and_never_replaced() {
        for name in ["avx512", "avx2"] {
            let available = Isa::available().iter().any(|isa| isa.name() == name);
            match Isa::named(name) {
                Ok(isa) => assert!(available && isa.name() == name),
                Err(error) => {
                    assert!(!available && error.to_string().contains("does not support"), "{error}")
                }
            }
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let message = Isa::named("sse9").map(Isa::name).map_err(|error| error.to_string());
        assert_eq!(
            message,
            Err("unknown instruction set \"sse9\"; known are auto, avx512, avx2 and portable".to_owned())
        );
    }
}
