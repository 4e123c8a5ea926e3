//! Convolution and transposed convolution, forward and backward.

mod depthwise;
mod direct;
mod geometry;
mod grouped;
mod plan;
mod prepared;
mod product;
pub mod reference;
mod rounding;
mod staging;
mod transposed;
mod weight_cache;
mod winograd;

pub use geometry::ConvGeometry;
pub use plan::{Algorithm, Plan, candidates, plan};
pub use prepared::{ConvGradients, conv2d_backward, conv2d_forward, conv2d_forward_owned};
pub use transposed::{ConvTransposeGeometry, conv_transpose2d_backward, conv_transpose2d_forward};
pub use weight_cache::WeightCache;
pub use winograd::Scheme;

pub(crate) use prepared::Convolve;
pub(crate) use product::Operands;
