//! The errors of operators: settings out of range, unknown names, impossible places and pairs.

use std::fmt::Display;
use std::ops::RangeBounds;

/// A value outside its range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` is {value}, but must be {range}")]
pub struct OutOfRange {
    /// Path of the field inside the description.
    pub field: String,
    /// The value found.
    pub value: String,
    /// The allowed values, as text.
    pub range: &'static str,
}

impl OutOfRange {
    /// Creates the error for this value of a field; `range` names the values allowed.
    pub fn new(field: impl Into<String>, value: impl Display, range: &'static str) -> Self {
        Self { field: field.into(), value: value.to_string(), range }
    }

    /// Returns the same error of a field inside of `path`.
    #[must_use]
    pub fn within(self, path: &str) -> Self {
        Self { field: format!("{path}.{}", self.field), ..self }
    }
}

/// Refuses a value outside its range, which `words` describes.
///
/// # Errors
///
/// The field, the value and the range.
///
/// # Example
///
/// ```
/// use allconv_operators::check_range;
///
/// assert!(check_range("taps", 3, 1..=7, "from 1 to 7").is_ok());
/// let error = check_range("taps", 8, 1..=7, "from 1 to 7").unwrap_err();
/// assert_eq!(error.to_string(), "`taps` is 8, but must be from 1 to 7");
/// ```
pub fn check_range<T: PartialOrd + Display>(
    field: &str,
    value: T,
    range: impl RangeBounds<T>,
    words: &'static str,
) -> Result<(), OutOfRange> {
    if range.contains(&value) { Ok(()) } else { Err(OutOfRange::new(field, value, words)) }
}

/// Why an operator cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperatorError {
    /// A setting lies outside its range.
    #[error(transparent)]
    OutOfRange(#[from] OutOfRange),
    /// No operator of this name.
    #[error(
        "no operator is called `{name}`; the nearest name is `{nearest}` (`allconv operators list` has all)"
    )]
    Unknown {
        /// The requested name.
        name: String,
        /// The known name with the smallest edit distance.
        nearest: &'static str,
    },
    /// The operator cannot be used at its place.
    #[error("`downsample = {operator}` cannot be used here: {reason}")]
    Misplaced {
        /// Name of the operator.
        operator: &'static str,
        /// Why not, and what to use instead.
        reason: String,
    },
    /// The upsampling operator cannot undo the downsampling operator it is paired with.
    #[error("`upsample = {upsample}` cannot be paired with `downsample = {downsample}`: {reason}")]
    Unpaired {
        /// Name of the upsampling operator.
        upsample: &'static str,
        /// Name of the downsampling operator.
        downsample: &'static str,
        /// Why not, and with which operators it can be paired.
        reason: String,
    },
}
