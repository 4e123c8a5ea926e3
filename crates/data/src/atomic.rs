//! Atomic files: a reader sees the old content, the new content or nothing, whatever moment the power fails.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::error::DataError;

/// Writes a file under a temporary name beside `path`, syncs it, renames it into place and syncs the folder.
///
/// The folder is created if it is missing. If `fill` fails, the temporary file is removed. No other process, on this machine or on another
/// that sees the folder, writes under the same temporary name; what killed processes left of this file more than a day ago is removed.
pub fn write_atomically(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> Result<(), DataError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(DataError::io("create the folder", folder))?;
    remove_left_overs(folder, &temporary_start(path));
    let temporary = path.with_file_name(temporary_start(path) + &random_suffix());
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&temporary)
        .and_then(|file| {
            let mut writer = BufWriter::with_capacity(1 << 20, file);
            fill(&mut writer)?;
            writer.flush()?;
            writer.get_ref().sync_all()
        })
        .and_then(|()| fs::rename(&temporary, path))
        .and_then(|()| sync_folder(folder));
    written.map_err(|source| {
        // The first error is the one worth reporting; a leftover temporary file is never read.
        let _ = fs::remove_file(&temporary);
        DataError::Io { action: "write", path: path.to_path_buf(), source }
    })
}

/// Makes the names in a folder durable.
pub fn sync_folder(folder: &Path) -> std::io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder)?.sync_all()
}

/// How the temporary names of a file begin.
fn temporary_start(path: &Path) -> String {
    format!("{}.tmp-", path.file_name().unwrap_or_default().to_string_lossy())
}

/// 16 random digits: process numbers repeat in containers.
pub(crate) fn random_suffix() -> String {
    // Every state has keys of its own, which come from the operating system.
    format!("{:016x}", RandomState::new().hash_one(SystemTime::now()))
}

/// Age at which a temporary file or folder belongs to nobody any more.
const LEFT_OVER: Duration = Duration::from_secs(24 * 60 * 60);

/// Removes files and folders whose names begin so and that nobody has written to for a day.
pub(crate) fn remove_left_overs(folder: &Path, start: &str) {
    let Ok(listing) = fs::read_dir(folder) else { return };
    for item in listing.flatten() {
        let old = |modified: SystemTime| modified.elapsed().is_ok_and(|age| age > LEFT_OVER);
        let Ok(metadata) = item.metadata() else { continue };
        if item.file_name().to_string_lossy().starts_with(start) && metadata.modified().is_ok_and(old) {
            // Tidying up must not stop the work that was asked for; what cannot be removed stays.
            let _ = match metadata.is_dir() {
                true => fs::remove_dir_all(item.path()),
                false => fs::remove_file(item.path()),
            };
        }
    }
}

/// Refuses to begin a file for which the disk has no room, where the system tells how much there is.
///
/// # Errors
/// [`DataError::Io`] with the number of bytes that are needed and free.
pub(crate) fn check_room(path: &Path, needed: u64) -> Result<(), DataError> {
    let folder = path.ancestors().skip(1).find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    match free_bytes(folder) {
        Some(free) if free < needed => {
            let reason = format!("{needed} bytes are needed, and {free} are free");
            Err(DataError::io("write", path)(io::Error::new(io::ErrorKind::StorageFull, reason)))
        }
        _ => Ok(()),
    }
}

/// Bytes that a user may still write into a folder.
#[cfg(unix)]
fn free_bytes(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    found.f_bavail.checked_mul(found.f_frsize)
}

#[cfg(not(unix))]
fn free_bytes(_folder: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_content_and_no_temporary_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("deep/file.bin");
        write_atomically(&path, |file| file.write_all(b"old")).expect("the first write");
        let failed = write_atomically(&path, |file| {
            file.write_all(b"new")?;
            Err(std::io::Error::other("planted"))
        });
        assert!(failed.expect_err("planted failure").is_io());
        assert_eq!(fs::read(&path).expect("the old file"), b"old");
        assert_eq!(fs::read_dir(path.parent().expect("a parent")).expect("a folder").count(), 1);
    }

    #[test]
    fn many_writers_of_one_file_never_share_a_temporary_name() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file.bin");
        std::thread::scope(|scope| {
            for writer in 0..8u8 {
                let path = &path;
                scope.spawn(move || {
                    for _ in 0..20 {
                        write_atomically(path, |file| file.write_all(&[writer; 1000])).expect("a write");
                    }
                });
            }
        });
        let bytes = fs::read(&path).expect("the file");
        assert!(bytes.len() == 1000 && bytes.iter().all(|byte| *byte == bytes[0]), "a file of two writers");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
        let names: std::collections::BTreeSet<String> = (0..1000).map(|_| random_suffix()).collect();
        assert_eq!(names.len(), 1000);
    }

    #[test]
    fn left_overs_are_removed_once_they_are_old() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file.bin");
        let (old, young, other) = ("file.bin.tmp-77-0", "file.bin.tmp-88-0", "another.tmp-77-0");
        for name in [old, young, other] {
            let file = File::create(folder.path().join(name)).expect("a file");
            let age = if name == young { LEFT_OVER / 2 } else { LEFT_OVER * 2 };
            file.set_modified(SystemTime::now() - age).expect("a time");
        }
        write_atomically(&path, |file| file.write_all(b"new")).expect("a write");
        let present = |name: &str| folder.path().join(name).exists();
        assert_eq!([old, young, other, "file.bin"].map(present), [false, true, true, true]);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_without_room_is_refused_with_both_numbers() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("not/yet/file.bin");
        check_room(&path, 1).expect("room for one byte");
        let error = check_room(&path, u64::MAX).expect_err("more than any disk has");
        assert!(
            error.is_io() && error.to_string().contains("18446744073709551615 bytes are needed, and"),
            "{error}"
        );
    }
}
