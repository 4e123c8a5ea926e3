//! Convolution and transposed convolution, forward and backward.
//!
//! [`Convolution`] (`plan`) and [`PreparedConvolution`] (`prepared`) are the values that callers hold. An element type computes their
//! passes (`element`): f64 by the definition (`reference`), f32 group by group (`grouped`) through one of the algorithms `direct`,
//! `winograd` and `depthwise`. The first two work on staged bands (`staging`) and are made of products of matrices (`product`).

mod depthwise;
mod direct;
mod element;
mod forward_weights;
mod geometry;
mod grouped;
mod operands;
mod plan;
mod prepared;
mod product;
pub mod reference;
mod rounding;
mod staging;
mod transposed;
mod weight_cache;
mod winograd;

pub use element::Convolve;
pub use geometry::ConvGeometry;
pub use operands::{ConvBackward, ConvForward};
pub use plan::{Algorithm, Convolution, Plan};
pub use prepared::PreparedConvolution;
pub use transposed::{ConvTransposeGeometry, PreparedTransposedConvolution, TransposedConvolution};
pub use weight_cache::WeightCache;
pub use winograd::Scheme;
