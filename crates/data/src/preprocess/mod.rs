//! Preprocessing: an ordered list of steps, fitted on the training split and applied once to every split.

pub mod cache;
pub mod fitted;
pub mod global_contrast;
pub mod prepared;
pub mod standardize;
pub mod step;
mod stored;
mod when_read;
pub mod zca;

pub use fitted::{FittedPreprocess, FittedStep};
pub use global_contrast::GlobalContrast;
pub use prepared::{PreparedDataset, PreparedSplit, prepare};
pub use standardize::ChannelMoments;
pub use step::Preprocess;
pub use zca::{Whitening, Zca};
