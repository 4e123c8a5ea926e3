//! How much room a file system has left, and errors that say so.

use std::io;
use std::path::Path;

/// What is free on a file system for this user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreeSpace {
    /// Bytes.
    pub bytes: u64,
    /// Files and folders that can still be made; `None` where the file system does not count them.
    pub files: Option<u64>,
}

/// What is free on the file system of `path`, which need not exist: the nearest folder above it that exists is asked.
/// `None` when the operating system does not say.
#[must_use]
pub fn free_space(path: &Path) -> Option<FreeSpace> {
    let existing = path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("."));
    let found = rustix::fs::statvfs(existing).ok()?;
    Some(FreeSpace {
        bytes: found.f_bavail.saturating_mul(found.f_frsize),
        files: (found.f_files > 0).then_some(found.f_favail),
    })
}

/// The error of a file system that is full, with what was needed and what is free; any other error as it is.
pub(crate) fn explained(path: &Path, needed: Option<u64>, source: io::Error) -> io::Error {
    if !matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
        return source;
    }
    let needed = needed.map_or_else(String::new, |bytes| format!("; {bytes} bytes are needed"));
    let free = free_space(path).map_or_else(String::new, |free| match free.files {
        Some(files) => format!("; {} bytes and {files} files are free there", free.bytes),
        None => format!("; {} bytes are free there", free.bytes),
    });
    io::Error::new(source.kind(), format!("{source}{needed}{free}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_with_what_is_needed_and_what_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("not/there/yet");
        assert!(free_space(&path).unwrap().bytes > 0);
        let message = explained(&path, Some(4096), io::Error::from(io::ErrorKind::StorageFull)).to_string();
        assert!(message.contains("4096 bytes are needed") && message.contains("free there"), "{message}");
        let other = explained(&path, Some(4096), io::Error::from(io::ErrorKind::NotFound));
        assert_eq!(other.kind(), io::ErrorKind::NotFound);
        assert!(!other.to_string().contains("needed"));
    }
}
