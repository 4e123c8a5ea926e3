//! Weights alone, under PyTorch's tensor names.

use std::path::Path;

use crate::{ExchangeError, Export, ExportFormat};

/// A safetensors file, for `load_state_dict(strict=True)` on the same network.
pub(crate) struct Safetensors;

impl ExportFormat for Safetensors {
    fn name(&self) -> &'static str {
        "safetensors"
    }

    fn about(&self) -> &'static str {
        "the weights alone, under PyTorch's tensor names"
    }

    fn default_name(&self) -> &'static str {
        "model.safetensors"
    }

    fn write(&self, export: &Export<'_>, path: &Path) -> Result<(), ExchangeError> {
        Ok(export.trained.export_safetensors(path)?)
    }
}
