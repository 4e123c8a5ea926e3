//! The error of this crate: file or field, expected and found value, and the fix.

use std::io;
use std::path::{Path, PathBuf};

use allconv_files::FileError;

impl From<FileError> for DataError {
    fn from(FileError { action, path, source }: FileError) -> DataError {
        DataError::Io { action, path, source }
    }
}

/// Everything that can go wrong between a file on disk and a batch.
///
/// The command line maps [`DataError::is_io`] to exit code 74 and every other value to 65 (bad data).
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The operating system refused to read or write.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The attempted action, as a verb ("read", "write", "rename").
        action: &'static str,
        /// The file or folder concerned.
        path: PathBuf,
        /// The reason given by the operating system.
        source: io::Error,
    },
    /// A file, or an entry of an archive, does not hold what it must hold.
    #[error("{file}: expected {expected}, found {found}; {fix}")]
    BadFile {
        /// The file, or `archive!entry`.
        file: String,
        /// What the format requires.
        expected: String,
        /// What is there.
        found: String,
        /// What the user can do about it.
        fix: String,
    },
    /// No dataset has this name.
    #[error("there is no dataset named \"{name}\"; {suggestion}")]
    UnknownDataset {
        /// The requested name.
        name: String,
        /// The nearest valid name, or all of them.
        suggestion: String,
    },
    /// A setting is outside its limits.
    #[error("{field} = {value} is not possible: {limit}; {fix}")]
    BadOption {
        /// The setting's name as in a study file.
        field: &'static str,
        /// The value given.
        value: String,
        /// The limit it breaks.
        limit: String,
        /// What the user can do about it.
        fix: String,
    },
    /// A download did not complete.
    #[error("cannot download {url}: {reason}; {fix}")]
    Download {
        /// The address.
        url: String,
        /// What happened.
        reason: String,
        /// What the user can do about it.
        fix: String,
    },
    /// A loader worker stopped before it could deliver its batch.
    #[error("the loader failed at epoch {epoch}, batch {batch}: {reason}")]
    Worker {
        /// Epoch of the batch, counted from 0.
        epoch: u32,
        /// Batch within the epoch, counted from 0.
        batch: usize,
        /// The worker's last message.
        reason: String,
    },
}

/// A setting outside its range, found before any data are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutOfRange {
    /// The setting's name inside `[data]`.
    pub field: &'static str,
    /// The value given.
    pub value: String,
    /// The valid values, as they follow "it must be".
    pub range: String,
}

impl OutOfRange {
    /// Returns the error unless the value is in its range.
    pub(crate) fn unless(
        holds: bool,
        field: &'static str,
        value: impl ToString,
        range: impl Into<String>,
    ) -> Result<(), OutOfRange> {
        if holds { Ok(()) } else { Err(OutOfRange { field, value: value.to_string(), range: range.into() }) }
    }
}

impl From<OutOfRange> for DataError {
    fn from(OutOfRange { field, value, range }: OutOfRange) -> DataError {
        DataError::BadOption {
            field,
            value,
            limit: format!("it must be {range}"),
            fix: "choose such a value".to_string(),
        }
    }
}

impl DataError {
    /// Returns whether the cause is the machine (disk, network, operating system) and not the data or a setting.
    pub fn is_io(&self) -> bool {
        matches!(self, DataError::Io { .. } | DataError::Download { .. } | DataError::Worker { .. })
    }

    /// Returns a closure that wraps an [`io::Error`] with the action and the path it concerns.
    pub(crate) fn io<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> DataError + 'a {
        move |source| DataError::Io { action, path: path.to_path_buf(), source }
    }

    /// Describes a file that breaks its format.
    pub(crate) fn bad_file(
        file: impl ToString,
        expected: impl ToString,
        found: impl ToString,
        fix: impl ToString,
    ) -> DataError {
        DataError::BadFile {
            file: file.to_string(),
            expected: expected.to_string(),
            found: found.to_string(),
            fix: fix.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_machine_failures_count_as_input_output() {
        let disk = DataError::io("read", Path::new("a.bin"))(io::Error::other("disk on fire"));
        assert!(disk.is_io());
        assert_eq!(disk.to_string(), "cannot read a.bin: disk on fire");
        let data = DataError::bad_file("a.bin", "3073 bytes", "12 bytes", "download it again");
        assert!(!data.is_io());
        assert_eq!(data.to_string(), "a.bin: expected 3073 bytes, found 12 bytes; download it again");
    }
}
