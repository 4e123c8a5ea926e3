//! What every kernel call is given: the instruction set, the accuracy class and the scratch memory.

use std::fmt;
use std::sync::Arc;

use crate::isa::Isa;
use crate::plan::Algorithm;
use crate::scratch::ScratchPool;

/// How far a convolution may depart from the definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Accuracy {
    /// Products and sums of the definition, in f32: no Winograd transform.
    Exact,
    /// f32 with Winograd transforms.
    #[default]
    F32,
}

/// Error bound of [`Accuracy::Exact`], see [`Accuracy::error_bound`]: a few roundings of f32 (2⁻²⁴ each), as errors of
/// long sums largely cancel.
pub const EXACT_ERROR_BOUND: f64 = 5e-7;
/// Error bound of [`Accuracy::F32`], see [`Accuracy::error_bound`]: the transforms of F(4x4, 3x3) enlarge operands about
/// tenfold before they cancel.
pub const F32_ERROR_BOUND: f64 = 5e-6;

impl Accuracy {
    /// The largest error of any element of any pass, relative to the largest sum of absolute products that an element
    /// of that pass is made of (`|w| * |x|` in the forward pass). Holds for operands of one order of magnitude.
    #[must_use]
    pub const fn error_bound(self) -> f64 {
        match self {
            Self::Exact => EXACT_ERROR_BOUND,
            Self::F32 => F32_ERROR_BOUND,
        }
    }

    /// Its name: `exact` or `f32`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::F32 => "f32",
        }
    }
}

/// The instruction set, the accuracy class, and a pool of scratch buffers that clones share.
///
/// Cheap to clone. Buffers are kept between calls, so a training loop allocates in its first step only.
#[derive(Clone)]
pub struct Engine {
    isa: Isa,
    accuracy: Accuracy,
    preferred: Option<Algorithm>,
    scratch: Arc<ScratchPool>,
}

impl Engine {
    /// An engine with an empty scratch pool.
    #[must_use]
    pub fn new(isa: Isa, accuracy: Accuracy) -> Self {
        Self { isa, accuracy, preferred: None, scratch: Arc::new(ScratchPool::default()) }
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
