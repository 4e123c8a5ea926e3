//! What networks and operators are asked: evaluation on a split, weights for the outside, pictures.
#![forbid(unsafe_code)]

mod error;
mod operator_picture;
mod trained;

pub use error::InspectError;
pub use operator_picture::{operator_picture, upsampler_picture};
pub use trained::{CheckpointChoice, Trained};
