//! The numbered files of a lease: names, content, and the one that counts.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::FileError;

/// The heartbeat of leases, unless another is chosen.
pub const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(20);

/// Prefix of the name of a lease; its number follows.
const PREFIX: &str = "lease-";

/// First word of a lease that an owner holds.
const HELD: &str = "held";

/// First word of a lease that its owner gave back, as long as [`HELD`], so that it is written over it.
pub(super) const FREE: &[u8; 4] = b"free";

/// Attempts to read the newest lease while its owner renews it.
const ATTEMPTS: usize = 64;

/// The lease of a folder with the highest number: the only one that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its number, which only grows.
    pub(super) number: u64,
    /// Its content.
    pub(super) text: String,
}

/// The owner of a lease, as its file describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    /// A name that no other lease has.
    pub(super) nonce: String,
    /// Time between two renewals.
    pub(super) heartbeat: Duration,
    /// The machine since its last start.
    pub(super) machine: String,
    /// Whether the owner holds the lock of the file.
    pub(super) is_locked: bool,
    /// Process and host, for messages.
    pub(super) process: String,
}

impl Owner {
    /// The content of a lease that this owner holds.
    pub(super) fn to_text(&self) -> String {
        let Owner { nonce, heartbeat, machine, is_locked, process } = self;
        let locked = if *is_locked { "locked" } else { "unlocked" };
        format!("{HELD} {nonce} {} {machine} {locked} {process}\n", heartbeat.as_millis())
    }
}

impl Entry {
    /// Whether its owner gave it back.
    pub(super) fn is_free(&self) -> bool {
        self.text.as_bytes().starts_with(FREE)
    }

    /// The owner. A lease that cannot be read, as a crash of its machine may leave it, has one of whom nothing is known.
    pub(super) fn owner(&self) -> Owner {
        self.parse().unwrap_or_else(|| Owner {
            nonce: String::new(),
            heartbeat: DEFAULT_HEARTBEAT,
            machine: String::new(),
            is_locked: false,
            process: "an unknown process".to_owned(),
        })
    }

    fn parse(&self) -> Option<Owner> {
        let mut words = self.text.trim_end().splitn(6, ' ');
        let mut next = || words.next();
        (next()? == HELD).then_some(())?;
        let (nonce, heartbeat) = (next()?.to_owned(), Duration::from_millis(next()?.parse().ok()?));
        let (machine, is_locked) = (next()?.to_owned(), next()? == "locked");
        Some(Owner { nonce, heartbeat, machine, is_locked, process: next()?.to_owned() })
    }
}

/// Returns the path of the lease of a folder with this number.
pub(super) fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{PREFIX}{number}"))
}

/// Returns the numbers of all leases in a folder; none when it does not exist.
pub(super) fn numbers(folder: &Path) -> Result<Vec<u64>, FileError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(FileError::of("read", folder))?,
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry.map_err(FileError::of("read", folder))?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.parse().ok());
        numbers.extend::<Option<u64>>(number);
    }
    Ok(numbers)
}

/// Returns the lease of a folder that counts; `None` when there was never one.
pub(super) fn newest(folder: &Path) -> Result<Option<Entry>, FileError> {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let Some(number) = numbers(folder)?.into_iter().max() else { return Ok(None) };
        let path = path(folder, number);
        match fs::read(&path) {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                return Ok(Some(Entry { number, text }));
            }
            // Its owner has renewed it since the folder was read.
            Err(error) if is_gone(&error) => last = Some(FileError::of("read", &path)(error)),
            Err(error) => return Err(FileError::of("read", &path)(error)),
        }
    }
    last.map_or(Ok(None), Err)
}

/// Whether a file was removed; NFS reports one that this machine had open as stale.
pub(super) fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::StaleNetworkFileHandle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_read_back_and_a_damaged_lease_has_an_unknown_one() {
        let owner = Owner {
            nonce: "a1b2".into(),
            heartbeat: Duration::from_millis(1500),
            machine: "boot-7".into(),
            is_locked: true,
            process: "process 12 on node 3".into(),
        };
        let entry = Entry { number: 4, text: owner.to_text() };
        assert!(entry.owner() == owner && !entry.is_free());
        let free = Entry { number: 4, text: entry.text.replacen(HELD, "free", 1) };
        assert!(free.is_free());
        for damaged in ["", "held", "\0\0\0\0", "held a x b locked p"] {
            let owner = Entry { number: 1, text: damaged.into() }.owner();
            assert!(owner.heartbeat == DEFAULT_HEARTBEAT && !owner.is_locked, "{damaged:?}");
        }
    }

    #[test]
    fn the_highest_number_counts() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(newest(&folder.path().join("absent")).unwrap(), None);
        for (name, text) in [("lease-9", "nine"), ("lease-10", "ten"), ("lease-x", ""), ("run.json", "")] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        assert_eq!(newest(folder.path()).unwrap(), Some(Entry { number: 10, text: "ten".into() }));
    }
}
