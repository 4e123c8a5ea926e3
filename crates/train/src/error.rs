//! Why a run could not be made. What the network itself does wrong is a status, not an error.

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
    /// A promise inside the program was broken.
    #[error("the program panicked, which is a fault of its own: {0}")]
    Panicked(String),
    /// The program panicked while tensors lived on a device other than the CPU. Such a device works through a queue: the operation at
    /// fault may have been asked for some operations before the panic.
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
    /// A trained network returned what is no number.
    #[error("{what} is {value}: the weights are damaged, or the network has diverged")]
    NotFinite {
        /// What it is of.
        what: String,
        /// The value.
        value: f32,
    },
    /// The finished network could not be measured.
    #[error("measure: {0}")]
    Measurement(String),
}

impl TrainError {
    /// Whether the machine is to blame (disk, permissions), rather than data or specification.
    pub fn is_io(&self) -> bool {
        match self {
            TrainError::Record(error) => {
                matches!(error, RecordError::Io { .. } | RecordError::Busy { .. })
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
