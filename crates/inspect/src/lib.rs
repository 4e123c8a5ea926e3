//! What a trained network is asked afterwards: evaluation on a split, weights for the outside.
#![forbid(unsafe_code)]

mod error;
mod trained;

pub use error::InspectError;
pub use trained::{CheckpointChoice, Trained};
