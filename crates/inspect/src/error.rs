//! Errors of evaluation, prediction, explanation and measurement.

use std::path::PathBuf;

use allconv_data::DataError;
use allconv_nets::DescriptionError;
use allconv_record::RecordError;
use allconv_train::TrainError;

/// A run, a weights file, an image or a request cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// A file of the run directory.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The data set.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The evaluation.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The description of the network.
    #[error(transparent)]
    Description(#[from] DescriptionError),
    /// The run has no weights.
    #[error(
        "{run} has no checkpoint `{choice}`: published runs have none, and its folder `checkpoints` may have been deleted; make the run again to get them"
    )]
    NoCheckpoint {
        /// The run directory.
        run: PathBuf,
        /// `last` or `best`.
        choice: &'static str,
    },
    /// The weights are those of another network.
    #[error("{weights} does not fit the network of {network}: {reason}")]
    Weights {
        /// The weights file.
        weights: PathBuf,
        /// The run directory whose specification describes the network, or the network's name.
        network: String,
        /// The tensor that is missing, unknown or has another shape.
        reason: String,
    },
    /// A file of another program is no set of weights.
    #[error("{file} cannot be read as weights: {reason}")]
    ForeignWeights {
        /// The weights file.
        file: PathBuf,
        /// What is wrong, where, and what to do.
        reason: String,
    },
    /// A file of a model folder does not hold what it must.
    #[error(
        "{file} does not belong to a valid model folder: {reason}; export the run again, or restore the file from a copy"
    )]
    Folder {
        /// The file.
        file: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
    /// The data set has no such split.
    #[error("data set {dataset} has no {split} split here: the run held out no validation images")]
    NoSplit {
        /// The data set.
        dataset: String,
        /// The requested split.
        split: &'static str,
    },
    /// An image cannot be shown to the network.
    #[error("{image} cannot be shown to the network: {reason}")]
    Image {
        /// The image's file or name.
        image: String,
        /// Why not, and what to do.
        reason: String,
    },
    /// The request does not fit the network.
    #[error("{0}")]
    Request(String),
}
