//! The model folder: a trained network with everything that it needs of its run and its data.
//!
//! | file | contains |
//! |---|---|
//! | `config.json` | [`ModelConfig`]: architecture, task, input, classes, preprocessing with its constants, specification, provenance |
//! | `model.safetensors` | the weights under PyTorch's tensor names |
//! | `preprocess.safetensors` | mean image and matrix of ZCA whitening, where the run whitens |

mod config;
mod folder;
mod preprocess;

pub use config::{MODEL_FOLDER_SCHEMA, ModelConfig, PixelScale};
pub use folder::ModelFolder;
pub use preprocess::PreprocessConstants;
