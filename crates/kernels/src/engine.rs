//! What every kernel call is given: the instruction set, the accuracy class and the scratch memory.

use std::fmt;
use std::sync::Arc;

use crate::convolution::Algorithm;
use crate::convolution::WeightCache;

use crate::cpu::Isa;
use crate::memory::ScratchPool;
use crate::numbers::Accuracy;

/// The instruction set, the accuracy class, and a pool of scratch buffers that clones share.
///
/// Cheap to clone. Buffers up to 2 MiB are kept between calls. Larger ones are allocated by each: a program that trains should have
/// the [`RecyclingAllocator`](crate::RecyclingAllocator), so that this and its tensors cost no fresh memory after the first step.
#[derive(Clone)]
pub struct Engine {
    isa: Isa,
    accuracy: Accuracy,
    preferred: Option<Algorithm>,
    scratch: Arc<ScratchPool>,
    weights: Option<Arc<WeightCache>>,
}

impl Engine {
    /// An engine with an empty scratch pool.
    #[must_use]
    pub fn new(isa: Isa, accuracy: Accuracy) -> Self {
        Self { isa, accuracy, preferred: None, scratch: Arc::new(ScratchPool::default()), weights: None }
    }

    /// The fastest instruction set of this CPU, with [`Accuracy::F32`].
    #[must_use]
    pub fn detect() -> Self {
        Self::new(Isa::detect(), Accuracy::F32)
    }

    /// The same engine, with an algorithm that [`plan`](crate::plan()) takes wherever the accuracy class and the geometry
    /// admit it: for benchmarks and tests that compare algorithms.
    #[must_use]
    pub fn preferring(self, algorithm: Algorithm) -> Self {
        Self { preferred: Some(algorithm), ..self }
    }

    /// The same engine, for forward passes of one convolution that take their prepared weights from `cache`, see
    /// [`conv2d_forward_owned`](crate::conv2d_forward_owned).
    #[must_use]
    pub fn keeping(self, cache: &WeightCache) -> Self {
        Self { weights: Some(Arc::new(cache.share())), ..self }
    }

    /// The prepared weights to take and keep.
    pub(crate) fn weight_cache(&self) -> Option<&WeightCache> {
        self.weights.as_deref()
    }

    /// The instruction set in use.
    #[must_use]
    pub const fn isa(&self) -> Isa {
        self.isa
    }

    /// The accuracy class in use.
    #[must_use]
    pub const fn accuracy(&self) -> Accuracy {
        self.accuracy
    }

    /// The algorithm to take where it can be taken.
    pub(crate) const fn preferred(&self) -> Option<Algorithm> {
        self.preferred
    }

    /// Bytes of scratch memory that lie in the pool, waiting for the next call.
    #[must_use]
    pub fn scratch_bytes(&self) -> usize {
        self.scratch.idle_bytes()
    }

    /// The scratch buffers.
    pub(crate) fn scratch(&self) -> &ScratchPool {
        &self.scratch
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Engine({}, {})", self.isa, self.accuracy.name())
    }
}
