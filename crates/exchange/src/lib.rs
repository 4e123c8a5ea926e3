//! Trained networks for other machines and other programs: one file a format, and their registry [`FORMATS`].
//!
//! A format takes a [`TrainedNetwork`](allconv_inspect::TrainedNetwork) and the
//! [`Provenance`](allconv_record::Provenance) of its weights, and writes a file or a folder. The same run gives the same bytes.
//!
//! ```
//! let names: Vec<_> = allconv_exchange::FORMATS.iter().map(|format| format.name()).collect();
//! assert!(names.contains(&"folder") && names.contains(&"onnx"));
//! ```
#![forbid(unsafe_code)]

mod card;
mod error;
mod folder;
mod format;
mod lowered;
mod onnx;
mod preprocessing;
mod pytorch;
mod safetensors;

pub use error::ExchangeError;
pub use format::{Export, ExportFormat, Pixels};
pub use onnx::{OPSET, network_model};
pub use pytorch::{AnyOperator, network_module, operator_module};

/// Every format, the one that is written unless another is named first.
pub static FORMATS: [&dyn ExportFormat; 4] =
    [&safetensors::Safetensors, &folder::Folder, &onnx::Onnx, &pytorch::PyTorch];
