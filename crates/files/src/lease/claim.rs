//! Taking a folder: the link to the next number.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use rustix::io::Errno;

use super::entry::{Entry, Owner, newest, numbers, path};
use super::held::Lease;
use super::{Leases, OlderLock};
use crate::FileError;
use crate::atomic::NEW_FILE_MODE;
use crate::lock::{self, Locked};

/// Random characters in the name of the file that becomes the lease.
const NONCE: usize = 16;

/// The outcome of a link.
enum Linked {
    Yes,
    /// Another process was faster.
    No,
    /// The file system has no links.
    Unsupported,
}

impl Leases {
    /// Makes this process the owner after number `before`; `None` when another process was faster.
    pub(super) fn claim(
        &self,
        folder: &Path,
        before: u64,
        older: OlderLock,
    ) -> Result<Option<Lease>, FileError> {
        let failed = || FileError::of("make a lease in", folder);
        let made = tempfile::Builder::new()
            .prefix("lease.")
            .rand_bytes(NONCE)
            .suffix(".tmp")
            .permissions(Permissions::from_mode(NEW_FILE_MODE))
            .tempfile_in(folder);
        let mut file = made.map_err(failed())?;
        let is_locked = lock::exclusive(file.as_file(), file.path())? == Locked::Here;
        let nonce = file.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let owner = Owner {
            nonce,
            heartbeat: self.heartbeat,
            machine: self.machine.clone(),
            is_locked,
            process: process(),
        };
        let text = owner.to_text();
        file.write_all(text.as_bytes()).and_then(|()| file.flush()).map_err(failed())?;
        let number = before + 1;
        let target = path(folder, number);
        match link(file.path(), &target)? {
            Linked::No => return Ok(None),
            Linked::Yes => {}
            // The lock alone must do, as in programs before leases.
            Linked::Unsupported => {
                return match older {
                    OlderLock::Here(lock) => Ok(Some(Lease::of_lock(lock))),
                    OlderLock::Elsewhere | OlderLock::OfOlderProgram => Ok(None),
                    OlderLock::Unsupported => Err(failed()(io::Error::new(
                        io::ErrorKind::Unsupported,
                        "the file system has neither hard links nor locks; put the runs on one that has",
                    ))),
                };
            }
        }
        let (file, temporary) = file.into_parts();
        drop(temporary);
        let entry = Entry { number, text };
        if newest(folder)?.as_ref() != Some(&entry) {
            let _ = fs::remove_file(&target);
            return Ok(None);
        }
        for lower in numbers(folder)?.into_iter().filter(|lower| *lower < number) {
            // Without effect, whoever removes it.
            let _ = fs::remove_file(path(folder, lower));
        }
        let lock = if let OlderLock::Here(lock) = older { Some(lock) } else { None };
        Lease::start(folder, entry, self.heartbeat, (file, lock)).map(Some)
    }
}

/// Links `from` to a name that must be free.
fn link(from: &Path, to: &Path) -> Result<Linked, FileError> {
    let Err(error) = fs::hard_link(from, to) else { return Ok(Linked::Yes) };
    // The answer of an NFS server may get lost, and the repeated request then finds the link made.
    if fs::metadata(from).is_ok_and(|found| found.nlink() == 2) {
        return Ok(Linked::Yes);
    }
    match error.kind() {
        // The new owner of a folder removes temporary files of others.
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound => Ok(Linked::No),
        _ if has_no_links(&error) => Ok(Linked::Unsupported),
        _ => Err(FileError::of("link", to)(error)),
    }
}

/// FAT answers EPERM, others EOPNOTSUPP or ENOSYS.
fn has_no_links(error: &io::Error) -> bool {
    [Errno::PERM, Errno::OPNOTSUPP, Errno::NOSYS]
        .map(|errno| Some(errno.raw_os_error()))
        .contains(&error.raw_os_error())
}

/// Names this process and its host, for messages.
fn process() -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname");
    let host = host.map_or_else(|_| "this host".to_owned(), |text| text.trim().to_owned());
    format!("process {} on {host}", std::process::id())
}
