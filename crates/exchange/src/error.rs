//! The one error of this crate.

use allconv_inspect::InspectError;
use allconv_record::RecordError;

/// A network could not be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// A file.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The network.
    #[error(transparent)]
    Inspect(#[from] InspectError),
}
