//! Normalisation over a batch or over groups of channels.

mod normalise;
mod rows;

pub use normalise::{
    NormGeometry, NormGradients, NormSharing, NormStatistics, normalise_backward, normalise_forward,
};
