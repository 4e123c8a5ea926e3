//! Locks of the operating system, which end with their process, also when it is killed.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use crate::FileError;

/// Takes the lock of `path`, a file that is made if it is missing; `None` when another live process, or this one, holds it. The lock ends
/// with the returned handle.
///
/// # Errors
/// [`FileError`] when the file cannot be opened or the file system does not support locks.
pub fn try_lock(path: &Path) -> Result<Option<File>, FileError> {
    let file = File::create(path).map_err(FileError::of("open", path))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(FileError::of("lock", path)(source)),
    }
}

/// Returns whether a live process holds the lock of `path`. A file that does not exist is not held.
///
/// # Errors
/// [`FileError`] when the file exists and cannot be opened.
pub fn is_locked(path: &Path) -> Result<bool, FileError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(FileError::of("open", path)(source)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(source)) => Err(FileError::of("lock", path)(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_lock_is_refused_until_the_first_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        assert!(!is_locked(&path).unwrap());
        let first = try_lock(&path).unwrap();
        assert!(first.is_some() && try_lock(&path).unwrap().is_none() && is_locked(&path).unwrap());
        drop(first);
        assert!(!is_locked(&path).unwrap() && try_lock(&path).unwrap().is_some());
    }
}
