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
    /// What the exported network takes.
    pub pixels: Pixels,
}

/// What an exported network takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pixels {
    /// Images that have been preprocessed.
    #[default]
    Prepared,
    /// Grey levels from 0 to 255: the preprocessing is a part of the exported network.
    Levels,
}

impl Pixels {
    /// Returns what the images of an exported network are, in words.
    pub(crate) fn words(self, trained: &TrainedNetwork) -> &'static str {
        match (self, trained.returns_pictures()) {
            (Pixels::Levels, _) => "grey levels from 0 to 255",
            (Pixels::Prepared, true) => "value / 255 - 1/2",
            (Pixels::Prepared, false) => "preprocessed as the training images",
        }
    }
}

/// A format in which trained networks are exported.
pub trait ExportFormat: Sync {
    /// Returns the name on the command line.
    fn name(&self) -> &'static str;
    /// Returns what is written, in a few words.
    fn about(&self) -> &'static str;
    /// Returns the name of the file or folder below `export/` in a run directory.
    fn default_name(&self) -> &'static str;
    /// Returns whether it can hold the preprocessing as a part of the network.
    fn takes_pixels(&self) -> bool {
        false
    }
    /// Writes the network to `path`, whose parent folder exists.
    ///
    /// # Errors
    /// [`ExchangeError`] when a file cannot be written.
    fn write(&self, export: &Export<'_>, path: &Path) -> Result<(), ExchangeError>;
}
