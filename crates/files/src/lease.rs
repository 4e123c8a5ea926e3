//! Leases of folders: one owner at a time among the processes of several machines, without locks and without comparing clocks.
//!
//! A lease is a file `lease-N` in the folder; the one with the highest N counts. Every change of it is a hard link to the name with the
//! next number, which exactly one process can make, on a local file system and on NFS:
//!
//! - **Taking** a folder links the own file to N + 1, where N is free, or its owner has died or stopped.
//! - **Renewing** links the own file from N to N + 1. The owner does so at every heartbeat, and before it writes ([`Lease::confirm`]). An
//!   owner that stood still, and was replaced meanwhile, finds its name gone or the next one taken, and writes nothing.
//! - **Giving back** writes `free` over the first word of the own file; a file that another process has replaced is no longer in the folder.
//!
//! A process that wants a folder observes N. When it has not changed for [`PATIENCE`] heartbeats by the observer's own monotonic clock, the
//! owner has died or stands still, and is replaced. Where both run under the same start of one machine, a lock of the operating system on the
//! lease tells sooner whether the owner has died. Numbers only grow, because nothing ever removes the highest: what a process removes after a
//! long pause has no effect any more.
//!
//! Not covered: an owner that is stopped between `confirm` and the write that follows, for longer than [`PATIENCE`] heartbeats, still makes
//! this one write when it continues. Writers choose what they write accordingly: files that are replaced whole and are the same bits
//! whoever writes them.

mod claim;
mod entry;
mod held;

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub use self::entry::DEFAULT_HEARTBEAT;
use self::entry::{Entry, newest};
pub use self::held::Lease;
use crate::FileError;
use crate::lock::{self, Locked};

/// Heartbeats without a sign of the owner after which a folder is taken over: one is due, and three quarters are for slow storage.
pub const PATIENCE: f64 = 1.75;

/// The file whose lock programs before leases held while they worked in a folder. It is locked as well, so that they keep out.
const LOCK: &str = "lock";

/// Content of [`LOCK`] when its owner has a lease, which then decides; programs before leases leave it empty.
const LOCK_TEXT: &[u8] = b"see lease-*\n";

/// Takes leases for this process, and remembers when those of others were renewed.
#[derive(Debug)]
pub struct Leases {
    heartbeat: Duration,
    machine: String,
    seen: Mutex<HashMap<PathBuf, Seen>>,
}

/// The lease of another process, observed.
#[derive(Debug)]
struct Seen {
    entry: Entry,
    since: Instant,
    /// It was renewed while this process looked.
    is_alive: bool,
}

/// The outcome of [`Leases::take`].
#[derive(Debug)]
pub enum Taken {
    /// The folder is this process's.
    Yes(Lease),
    /// Another process has it.
    No(Holder),
}

/// The process that has a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Process and host.
    pub process: String,
    /// Whether its heartbeat was seen since this process looked first.
    pub is_alive: bool,
}

impl Default for Leases {
    fn default() -> Leases {
        Leases::new(DEFAULT_HEARTBEAT)
    }
}

impl Leases {
    /// Leases with this heartbeat.
    #[must_use]
    pub fn new(heartbeat: Duration) -> Leases {
        // On systems without it, every process counts as one of another machine, and a dead owner is noticed by its heartbeat alone.
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id");
        let machine = boot.map_or_else(|_| String::new(), |text| text.trim().to_owned());
        Leases::on_machine(&machine, heartbeat)
    }

    /// As [`Leases::new`], for a process that calls its machine by this name without spaces. Only processes that use the same name take the
    /// word of the operating system that an owner has died; the empty name is never the same.
    #[must_use]
    pub fn on_machine(machine: &str, heartbeat: Duration) -> Leases {
        let machine =
            if machine.is_empty() { format!("unknown-{}", std::process::id()) } else { machine.to_owned() };
        Leases { heartbeat, machine, seen: Mutex::default() }
    }

    /// The time between two renewals.
    pub fn heartbeat(&self) -> Duration {
        self.heartbeat
    }

    /// Takes a folder, which exists, unless another process has it. That process is observed from the first attempt on: ask again after a
    /// while.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn take(&self, folder: &Path) -> Result<Taken, FileError> {
        let found = newest(folder)?;
        let busy = |process: String, is_alive| Ok(Taken::No(Holder { process, is_alive }));
        if let Some(entry) = found.as_ref().filter(|entry| !entry.is_free())
            && let Some(is_alive) = self.observe(folder, entry)?
        {
            return busy(entry.owner().process, is_alive);
        }
        let older = older_lock(folder)?;
        if matches!(older, OlderLock::OfOlderProgram) {
            return busy("a process of an earlier version".to_owned(), true);
        }
        let before = found.map_or(0, |entry| entry.number);
        match self.claim(folder, before, older)? {
            Some(lease) => {
                self.seen().remove(folder);
                Ok(Taken::Yes(lease))
            }
            None => busy("another process".to_owned(), false),
        }
    }

    /// Returns whether the owner of a held lease has been seen renewing it; `None` when it has died or stands still.
    fn observe(&self, folder: &Path, entry: &Entry) -> Result<Option<bool>, FileError> {
        let owner = entry.owner();
        if owner.is_locked && owner.machine == self.machine && !is_locked(&entry::path(folder, entry.number))?
        {
            return Ok(None);
        }
        let mut seen = self.seen();
        match seen.get(folder) {
            Some(known) if known.entry == *entry => {
                let is_over = known.since.elapsed() >= owner.heartbeat.mul_f64(PATIENCE);
                Ok((!is_over).then_some(known.is_alive))
            }
            known => {
                let is_alive = known.is_some_and(|known| known.entry.owner() == owner);
                seen.insert(
                    folder.to_owned(),
                    Seen { entry: entry.clone(), since: Instant::now(), is_alive },
                );
                Ok(Some(is_alive))
            }
        }
    }

    /// A thread that panicked leaves the map consistent, so a poisoned lock can be used.
    fn seen(&self) -> MutexGuard<'_, HashMap<PathBuf, Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns whether a process has a folder, as far as one look tells: the owner on another machine may have died.
///
/// # Errors
/// [`FileError`].
pub fn is_leased(folder: &Path) -> Result<bool, FileError> {
    let leases = Leases::default();
    match newest(folder)? {
        Some(entry) if !entry.is_free() => Ok(leases.observe(folder, &entry)?.is_some()),
        // Without any lease, a lock that says to look at them is that of a file system without links.
        found => is_held(&folder.join(LOCK), |path| found.is_none() || is_of_older_program(path)),
    }
}

/// Whether the lock of a file that may exist is held, by a process of interest.
fn is_held(path: &Path, is_of_interest: impl Fn(&Path) -> bool) -> Result<bool, FileError> {
    match File::open(path) {
        Ok(file) => Ok(lock::shared(&file, path)? == Locked::Elsewhere && is_of_interest(path)),
        Err(error) if entry::is_gone(&error) => Ok(false),
        Err(error) => Err(FileError::of("open", path)(error)),
    }
}

/// Whether a living process holds the lock of a lease. One that was just renewed counts as locked.
fn is_locked(path: &Path) -> Result<bool, FileError> {
    match File::open(path) {
        Ok(file) => Ok(lock::shared(&file, path)? != Locked::Here),
        Err(error) if entry::is_gone(&error) => Ok(true),
        Err(error) => Err(FileError::of("open", path)(error)),
    }
}

/// The lock that programs before leases use.
enum OlderLock {
    /// This process has it.
    Here(File),
    /// A process with a lease has it.
    Elsewhere,
    /// The file system has no locks.
    Unsupported,
    /// A program before leases works in the folder.
    OfOlderProgram,
}

fn older_lock(folder: &Path) -> Result<OlderLock, FileError> {
    let path = folder.join(LOCK);
    let open = File::options().create(true).read(true).write(true).truncate(false).open(&path);
    let file = open.map_err(FileError::of("open", &path))?;
    match lock::exclusive(&file, &path)? {
        Locked::Here => {
            std::os::unix::fs::FileExt::write_all_at(&file, LOCK_TEXT, 0)
                .map_err(FileError::of("write", &path))?;
            Ok(OlderLock::Here(file))
        }
        Locked::Elsewhere if is_of_older_program(&path) => Ok(OlderLock::OfOlderProgram),
        Locked::Elsewhere => Ok(OlderLock::Elsewhere),
        Locked::Unsupported => Ok(OlderLock::Unsupported),
    }
}

fn is_of_older_program(path: &Path) -> bool {
    fs::read(path).is_ok_and(|bytes| bytes.is_empty())
}

#[cfg(test)]
mod tests;
