//! The one error of this crate.

use allconv_inspect::InspectError;
use allconv_record::RecordError;

/// A network could not be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// A file.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// An operator that cannot be exported by itself.
    #[error("`{operator}` cannot be exported: {reason}")]
    Operator {
        /// Its name.
        operator: &'static str,
        /// The reason, as a sentence without its beginning.
        reason: String,
    },
    /// The network.
    #[error(transparent)]
    Inspect(#[from] InspectError),
}
