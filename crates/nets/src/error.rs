//! Errors of network descriptions.

use allconv_operators::{OperatorError, OutOfRange};

/// A description that does not give a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DescriptionError {
    /// A number is outside its range.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// An operator is unknown, or not supported in its place.
    #[error(transparent)]
    Operator(OperatorError),
    /// No model of this name.
    #[error("no model is called `{name}`; the nearest name is `{nearest}` (all: {all})")]
    UnknownModel {
        /// The requested name.
        name: String,
        /// The known name with the smallest edit distance.
        nearest: String,
        /// All known names.
        all: String,
    },
    /// No width gives the requested cost.
    #[error(
        "no width brings the {quantity} within 1 % of {target}; the nearest has {nearest}; match the other quantity, or widen both networks"
    )]
    NoMatch {
        /// The cost that was to be matched.
        quantity: &'static str,
        /// The requested cost.
        target: u64,
        /// The nearest cost there is.
        nearest: u64,
    },
    /// A stage of a list cannot stand where it does.
    #[error("stage {number} of `architecture.stages`: {error}")]
    Listed {
        /// Its number in the list, from 1.
        number: usize,
        /// Why not.
        error: Box<DescriptionError>,
    },
    /// A stage receives a map that it cannot process.
    #[error("stage {stage} ({kind}) cannot process an input of {height}×{width}: {reason}")]
    Shape {
        /// Index of the stage.
        stage: usize,
        /// Name of the stage's kind.
        kind: String,
        /// Rows of the map it receives.
        height: usize,
        /// Columns of the map it receives.
        width: usize,
        /// The reason.
        reason: String,
    },
}

impl From<OperatorError> for DescriptionError {
    fn from(error: OperatorError) -> Self {
        match error {
            OperatorError::OutOfRange(error) => Self::OutOfRange(error),
            error => Self::Operator(error),
        }
    }
}
