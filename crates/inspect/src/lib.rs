//! Evaluation, prediction, explanation, measurement and export of trained networks; pictures of operators.
#![forbid(unsafe_code)]

mod checkpoint_file;
mod error;
pub mod explain;
pub mod measure;
mod model_folder;
mod operator_picture;
mod pairs;
mod picture_files;
mod pictures;
mod subject;
mod tensors;
mod trained;
mod weights;

pub use checkpoint_file::{CheckpointChoice, checkpoint_file, checkpoint_step};
pub use error::InspectError;
pub use model_folder::{MODEL_FOLDER_SCHEMA, ModelConfig, ModelFolder, PixelScale, PreprocessConstants};
pub use operator_picture::{operator_picture, upsampler_picture};
pub use pairs::{PairEnergies, pair_energies};
pub use picture_files::{files_below, picture_files};
pub use pictures::Pictures;
pub use subject::{Blueprint, OutputType, Subject, WeightOrigin};
pub use trained::{RunWeights, TrainedNetwork};
pub use weights::{FittedWeights, read_weights};
