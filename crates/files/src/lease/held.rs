//! A lease that this process holds: renewal by a thread and before writes, and its end.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::entry::{Entry, FREE, is_gone, newest, path};
use crate::FileError;

/// The files that an owner keeps open: its lease, and the lock of programs before leases.
type Kept = (File, Option<File>);

/// The lease of a folder. It is renewed until it is dropped, which gives the folder back.
#[derive(Debug)]
pub struct Lease {
    /// None on file systems without links, where the lock of the operating system is the lease.
    numbered: Option<Arc<Numbered>>,
    heartbeat: Option<(Sender<()>, JoinHandle<()>)>,
    _lock: Option<File>,
}

/// The file of a lease.
#[derive(Debug)]
struct Numbered {
    folder: PathBuf,
    file: File,
    entry: Mutex<Entry>,
    is_lost: AtomicBool,
}

impl Lease {
    /// The lease on a file system without links.
    pub(super) fn of_lock(lock: File) -> Lease {
        Lease { numbered: None, heartbeat: None, _lock: Some(lock) }
    }

    /// The lease `entry` of the folder, renewed from now on.
    pub(super) fn start(
        folder: &Path,
        entry: Entry,
        every: Duration,
        (file, lock): Kept,
    ) -> Result<Lease, FileError> {
        let (entry, is_lost) = (Mutex::new(entry), AtomicBool::new(false));
        let numbered = Arc::new(Numbered { folder: folder.to_owned(), file, entry, is_lost });
        let (stop, stopped) = mpsc::channel();
        let renewed = Arc::clone(&numbered);
        let renew = move || {
            while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                // Storage that fails for a moment is asked again at the next heartbeat.
                if matches!(renewed.renew(), Ok(false)) {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("lease".to_owned()).spawn(renew);
        let thread = thread.map_err(FileError::of("start the heartbeat of", folder))?;
        Ok(Lease { numbered: Some(numbered), heartbeat: Some((stop, thread)), _lock: lock })
    }

    /// Renews the lease, and returns whether it is still this process's. Call it before writing into the folder.
    ///
    /// # Errors
    /// [`FileError`] when storage fails; whether the lease is lost is not known then.
    pub fn confirm(&self) -> Result<bool, FileError> {
        self.numbered.as_ref().map_or(Ok(true), |numbered| numbered.renew())
    }

    /// Returns whether an earlier renewal has found another owner; nothing is read.
    pub fn is_lost(&self) -> bool {
        self.numbered.as_ref().is_some_and(|numbered| numbered.is_lost.load(Ordering::Relaxed))
    }

    /// Stops the heartbeat, as a process that is stopped does.
    #[cfg(test)]
    pub(super) fn stand_still(&mut self) {
        end(self.heartbeat.take());
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        end(self.heartbeat.take());
        if let Some(numbered) = &self.numbered {
            // The own file, whatever its name: if another process has the folder, it is not in there any more. What cannot be written
            // is noticed by others as the end of the heartbeat.
            let _ = numbered.file.write_all_at(FREE, 0);
        }
    }
}

/// Ends the thread and waits for it.
fn end(heartbeat: Option<(Sender<()>, JoinHandle<()>)>) {
    if let Some((stop, thread)) = heartbeat {
        drop(stop);
        let _ = thread.join();
    }
}

impl Numbered {
    /// Moves the lease to the next number; false when another process has the folder.
    fn renew(&self) -> Result<bool, FileError> {
        let mut entry = self.entry.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_lost.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let (from, to) = (path(&self.folder, entry.number), path(&self.folder, entry.number + 1));
        match fs::hard_link(&from, &to) {
            Ok(()) => {}
            // Lost, or made by a request that an NFS server answered and repeated: the folder tells.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists || is_gone(&error) => {}
            Err(error) => return Err(FileError::of("link", &to)(error)),
        }
        // The link has made this machine's view of the folder up to date.
        match newest(&self.folder)? {
            Some(found) if found.text == entry.text => {
                if found.number > entry.number {
                    let _ = fs::remove_file(from);
                }
                *entry = found;
                Ok(true)
            }
            _ => {
                self.is_lost.store(true, Ordering::Relaxed);
                Ok(false)
            }
        }
    }
}
