//! The interface of a format.

use std::path::Path;

use allconv_inspect::TrainedNetwork;
use allconv_record::Provenance;

use crate::ExchangeError;

/// A network to export.
pub struct Export<'a> {
    /// The network.
    pub trained: &'a TrainedNetwork,
    /// Where its weights come from.
    pub provenance: &'a Provenance,
}

/// A format in which trained networks are exported.
pub trait ExportFormat: Sync {
    /// The name on the command line.
    fn name(&self) -> &'static str;
    /// What is written, in a few words.
    fn about(&self) -> &'static str;
    /// Name of the file or folder below `export/` in a run directory.
    fn default_name(&self) -> &'static str;
    /// Writes the network to `path`, whose parent folder exists.
    ///
    /// # Errors
    /// [`ExchangeError`] when a file cannot be written.
    fn write(&self, export: &Export<'_>, path: &Path) -> Result<(), ExchangeError>;
}
