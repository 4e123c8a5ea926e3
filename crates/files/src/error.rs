//! The error of this crate: operation, file, and the operating system's reason.

use std::io;
use std::path::{Path, PathBuf};

use crate::free_space;

/// A failed operation of the operating system.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {path}: {source}")]
pub struct FileError {
    /// What was attempted, as a verb: `read`, `write`, `rename`.
    pub action: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// The operating system's reason; for a full disk with the room that is left.
    pub source: io::Error,
}

impl FileError {
    /// Returns the closure that `map_err` takes for an input/output failure on `path`.
    pub fn of(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
        let path = path.to_path_buf();
        move |source| FileError { action, source: free_space::explained(&path, source), path }
    }

    /// Returns the same error with the number of bytes for which a full disk had no room.
    pub(crate) fn needing(mut self, bytes: usize) -> FileError {
        if free_space::is_full(&self.source) {
            self.source =
                io::Error::new(self.source.kind(), format!("{bytes} bytes are needed: {}", self.source));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_reported_with_the_bytes_needed() {
        let full = |kind: io::ErrorKind| {
            FileError::of("write", Path::new("x"))(kind.into()).needing(4096).to_string()
        };
        let message = full(io::ErrorKind::StorageFull);
        assert!(message.contains("4096 bytes are needed") && message.contains("free there"), "{message}");
        assert!(!full(io::ErrorKind::NotFound).contains("needed"));
    }
}
