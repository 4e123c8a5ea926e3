//! The free space of a file system, and errors of a full one.

use std::io;
use std::path::Path;

use crate::FileError;

/// The free space of a file system for this user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreeSpace {
    /// Bytes.
    pub bytes: u64,
    /// Files and folders that can still be made; `None` where the file system does not count them.
    pub files: Option<u64>,
}

/// Returns the free space of the file system of `path`, which need not exist: that of the nearest existing folder above it.
/// `None` when the operating system does not report it.
#[must_use]
pub fn free_space(path: &Path) -> Option<FreeSpace> {
    let existing = path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("."));
    let found = rustix::fs::statvfs(existing).ok()?;
    Some(FreeSpace {
        bytes: found.f_bavail.saturating_mul(found.f_frsize),
        files: (found.f_files > 0).then_some(found.f_favail),
    })
}

/// Refuses to begin a file for which the disk has no room, where the system reports the free space.
///
/// # Errors
/// [`FileError`] with the number of bytes that are needed and free.
pub fn check_room(path: &Path, needed: u64) -> Result<(), FileError> {
    match free_space(path) {
        Some(free) if free.bytes < needed => {
            let reason = format!("{needed} bytes are needed, and {} are free", free.bytes);
            let source = io::Error::new(io::ErrorKind::StorageFull, reason);
            Err(FileError { action: "write", path: path.to_path_buf(), source })
        }
        _ => Ok(()),
    }
}

/// Returns the error of a full file system with its free space; any other error unchanged.
pub(crate) fn explained(path: &Path, source: io::Error) -> io::Error {
    if !is_full(&source) {
        return source;
    }
    let free = free_space(path).map_or_else(String::new, |free| match free.files {
        Some(files) => format!("; {} bytes and {files} files are free there", free.bytes),
        None => format!("; {} bytes are free there", free.bytes),
    });
    io::Error::new(source.kind(), format!("{source}{free}"))
}

/// Returns whether an error means that the file system is full.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_reported_with_the_free_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("not/there/yet");
        assert!(free_space(&path).unwrap().bytes > 0);
        let message = explained(&path, io::Error::from(io::ErrorKind::StorageFull)).to_string();
        assert!(message.contains("free there"), "{message}");
        let other = explained(&path, io::Error::from(io::ErrorKind::NotFound));
        assert_eq!(other.kind(), io::ErrorKind::NotFound);
        assert!(!other.to_string().contains("free"));
    }

    #[test]
    fn a_file_without_room_is_refused_with_both_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("not/yet/file.bin");
        check_room(&path, 1).unwrap();
        let error = check_room(&path, u64::MAX).unwrap_err().to_string();
        assert!(error.contains("18446744073709551615 bytes are needed, and"), "{error}");
    }
}
