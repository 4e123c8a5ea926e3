//! Preprocessing: an ordered list of steps, fitted on the training split and applied once to every split.

pub mod global_contrast;
pub mod prepared;
pub mod standardize;
pub mod step;

pub use prepared::{PreparedDataset, PreparedSplit, prepare};
pub use step::Preprocess;
