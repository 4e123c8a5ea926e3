//! Locks of the operating system, which end with their process, also when it is killed.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use crate::FileError;

/// The outcome of asking for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Locked {
    /// This handle holds it now.
    Here,
    /// Another handle holds it, of this process or another.
    Elsewhere,
    /// The file system has no locks.
    Unsupported,
}

/// Asks for the exclusive lock of a file.
pub(crate) fn exclusive(file: &File, path: &Path) -> Result<Locked, FileError> {
    outcome(file.try_lock(), path)
}

/// Asks for the shared lock of a file, which nobody has while another handle holds the exclusive one.
pub(crate) fn shared(file: &File, path: &Path) -> Result<Locked, FileError> {
    outcome(file.try_lock_shared(), path)
}

fn outcome(tried: Result<(), TryLockError>, path: &Path) -> Result<Locked, FileError> {
    match tried {
        Ok(()) => Ok(Locked::Here),
        Err(TryLockError::WouldBlock) => Ok(Locked::Elsewhere),
        Err(TryLockError::Error(source)) if has_no_locks(&source) => Ok(Locked::Unsupported),
        Err(TryLockError::Error(source)) => Err(FileError::of("lock", path)(source)),
    }
}

/// Lustre without `-o flock` answers ENOSYS, NFS without its lock service ENOLCK, others EOPNOTSUPP.
fn has_no_locks(error: &io::Error) -> bool {
    use rustix::io::Errno;
    error.kind() == io::ErrorKind::Unsupported
        || [Errno::NOSYS, Errno::NOLCK, Errno::OPNOTSUPP]
            .map(Errno::raw_os_error)
            .map(Some)
            .contains(&error.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_lock_is_refused_until_the_first_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = File::create(&path).unwrap();
        assert_eq!(exclusive(&first, &path).unwrap(), Locked::Here);
        let second = File::open(&path).unwrap();
        assert_eq!(shared(&second, &path).unwrap(), Locked::Elsewhere);
        drop(first);
        assert_eq!(shared(&second, &path).unwrap(), Locked::Here);
    }

    #[test]
    fn file_systems_without_locks_are_told_from_failures() {
        use rustix::io::Errno;
        for errno in [Errno::NOSYS, Errno::NOLCK, Errno::OPNOTSUPP] {
            assert!(has_no_locks(&errno.into()), "{errno:?}");
        }
        assert!(!has_no_locks(&Errno::IO.into()));
    }
}
