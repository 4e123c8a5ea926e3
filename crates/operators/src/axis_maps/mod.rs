//! Matrices along one axis of an image: filters and transforms that reduce it or enlarge it.

mod enlarging;
pub(crate) mod fourier;
mod reducing;

pub use enlarging::{Interpolation, bicubic_enlargement};
pub(crate) use enlarging::{fourier_series, interpolated, inverse_haar, keys_cubic, set_apart};
pub use reducing::{EdgePadding, ResizeFilter};
pub(crate) use reducing::{binomial, blur, haar, resize};
