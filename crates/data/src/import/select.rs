//! Which files of a source are read at all.

use glob::Pattern;

use crate::error::DataError;

/// Reads a pattern of paths.
///
/// # Errors
/// [`DataError::BadOption`] with the place of the fault.
pub(super) fn pattern(text: &str) -> Result<Pattern, DataError> {
    Pattern::new(text).map_err(|error| DataError::BadOption {
        field: "select",
        value: format!("\"{text}\""),
        limit: error.to_string(),
        fix: "write a pattern such as \"*_HR.png\"".to_string(),
    })
}
