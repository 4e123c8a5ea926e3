//! Files that survive a crash: atomic replacement, durable folders, leases, free space and content hashes.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! use allconv_files::{Leases, Taken, create_folder, write_atomically};
//! use std::io::Write;
//!
//! let runs = folder.path().join("runs/first");
//! create_folder(&runs)?;
//! let Taken::Yes(lease) = Leases::default().take(&runs)? else { panic!("another process has it") };
//! // A reader sees the old content or the new one, also after a power failure.
//! assert!(lease.confirm()?, "no other process took the folder over while this one stood still");
//! write_atomically(&runs.join("run.json"), |file| file.write_all(b"{}"))?;
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod atomic;
mod error;
mod free_space;
mod hash;
mod lease;
mod lock;

pub use atomic::{
    LEFT_BEHIND, create_folder, remove_leftovers, sync_folder, temporary_folder, write_atomically,
    write_bytes,
};
pub use error::FileError;
pub use free_space::{FreeSpace, check_room, free_space};
pub use hash::{hex, sha256};
pub use lease::{DEFAULT_HEARTBEAT, Holder, Lease, Leases, PATIENCE, Taken, is_leased};
