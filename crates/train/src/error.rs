//! Errors of a run. A diverged or stuck network is a status, not an error.

use allconv_data::DataError;
use allconv_record::RecordError;

/// A run could not be started or carried on.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A file of the run directory.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The data set.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The specification does not describe a run this program can make.
    #[error("{0}")]
    Specification(String),
    /// An internal invariant was violated.
    #[error("the program panicked, which is a fault of its own: {0}")]
    Panicked(String),
    /// The program panicked while tensors lived on a device other than the CPU. Such a device works through a queue: the operation at
    /// fault may have been queued some operations before the panic.
    #[error(
        "the program panicked on the device {device} after step {step}: {message}; `allconv doctor` names the operations that this device lacks, and --device cpu has all"
    )]
    Device {
        /// Kind of the device.
        device: String,
        /// Steps made before.
        step: u64,
        /// The panic's message.
        message: String,
    },
    /// A trained network returned a value that is not finite.
    #[error("{what} is {value}: the weights are damaged, or the network has diverged")]
    NotFinite {
        /// A description of the value.
        what: String,
        /// The value.
        value: f32,
    },
    /// The finished network could not be measured.
    #[error("measure: {0}")]
    Measurement(String),
}

impl TrainError {
    /// Returns whether the cause is the machine (disk, permissions), not data or specification.
    pub fn is_io(&self) -> bool {
        match self {
            TrainError::Record(error) => {
                matches!(error, RecordError::Io { .. } | RecordError::Busy { .. } | RecordError::Lost { .. })
            }
            TrainError::Data(error) => error.is_io(),
            TrainError::Specification(_)
            | TrainError::Panicked(_)
            | TrainError::Device { .. }
            | TrainError::NotFinite { .. }
            | TrainError::Measurement(_) => false,
        }
    }
}
