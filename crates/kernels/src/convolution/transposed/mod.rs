//! Transposed convolution: the adjoint of a convolution as an operator of its own, as decoders use it to enlarge maps.

mod bias;
mod geometry;
mod passes;
mod prepared;
#[cfg(test)]
mod tests;

pub use geometry::ConvTransposeGeometry;
pub(super) use passes::{backward_by_passes, forward_by_adjoint};
pub use prepared::{PreparedTransposedConvolution, TransposedConvolution};
