//! The context of every kernel call: instruction set, accuracy class and scratch memory.

use std::fmt;
use std::sync::Arc;

use crate::cpu::Isa;
use crate::memory::ScratchPool;
use crate::numbers::Accuracy;

/// The instruction set, the accuracy class, and a pool of scratch buffers that clones share.
///
/// Cheap to clone. Buffers up to 2 MiB are kept between calls. Larger ones are allocated by each: a program that trains should have
/// the [`RecyclingAllocator`](crate::RecyclingAllocator), so that these and its tensors take no new memory after the first step.
#[derive(Clone)]
pub struct Engine {
    isa: Isa,
    accuracy: Accuracy,
    scratch: Arc<ScratchPool>,
}

impl Engine {
    /// Creates an engine with an empty scratch pool.
    #[must_use]
    pub fn new(isa: Isa, accuracy: Accuracy) -> Self {
        Self { isa, accuracy, scratch: Arc::new(ScratchPool::default()) }
    }

    /// Returns the fastest instruction set of this CPU, with [`Accuracy::F32`].
    #[must_use]
    pub fn detect() -> Self {
        Self::new(Isa::detect(), Accuracy::F32)
    }

    /// Returns the instruction set in use.
    #[must_use]
    pub const fn isa(&self) -> Isa {
        self.isa
    }

    /// Returns the accuracy class in use.
    #[must_use]
    pub const fn accuracy(&self) -> Accuracy {
        self.accuracy
    }

    /// Returns the scratch buffers.
    pub(crate) fn scratch(&self) -> &ScratchPool {
        &self.scratch
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Engine({}, {})", self.isa, self.accuracy.name())
    }
}
