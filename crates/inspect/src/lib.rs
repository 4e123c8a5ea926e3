//! Evaluation, prediction, explanation, measurement and export of trained networks; pictures of operators.
#![forbid(unsafe_code)]

mod checkpoint_file;
mod error;
pub mod explain;
pub mod measure;
mod operator_picture;
mod pairs;
mod pictures;
mod subject;
mod tensors;
mod trained;

pub use checkpoint_file::{CheckpointChoice, checkpoint_file};
pub use error::InspectError;
pub use operator_picture::{operator_picture, upsampler_picture};
pub use pairs::{PairEnergies, pair_energies};
pub use pictures::Pictures;
pub use subject::{Blueprint, OutputType, Subject, WeightOrigin};
pub use trained::{RunWeights, TrainedNetwork};
