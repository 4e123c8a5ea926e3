//! Atomic and durable writes of files and folders.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use crate::FileError;

/// Suffix of the names of temporary files and folders.
const TEMPORARY_SUFFIX: &str = ".tmp";

/// Letters and digits between the final name and the suffix.
const RANDOM_LETTERS: usize = 6;

/// Age at which a temporary file or folder belongs to no live process: none writes one file for a day.
pub const LEFT_BEHIND: Duration = Duration::from_secs(24 * 60 * 60);

/// Permissions of a new file before the process's mask is applied, as for `File::create`.
pub(crate) const NEW_FILE_MODE: u32 = 0o666;

/// Replaces `path` by what `fill` writes: temporary file, fsync, rename, fsync of the folder. A reader, or a crash at any moment, sees the old
/// content or the new, never a mixture.
///
/// The temporary file is in the folder of `path` under a random name that did not exist before, so that no two processes share one, on
/// whichever machine or in whichever container they run. It is removed when anything fails. What a killed process leaves behind is removed when
/// `path` is written again a day later or more, and by [`remove_leftovers`].
///
/// # Errors
/// [`FileError`] when the folder is missing, read-only or full, or `fill` fails; the old content is untouched.
pub fn write_atomically(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<(), FileError> {
    let folder = folder_of(path);
    let mut prefix = path.file_name().unwrap_or_default().to_os_string();
    prefix.push(".");
    remove_old(folder, LEFT_BEHIND, |name| is_temporary_of(name, &prefix.to_string_lossy()));
    let write = || {
        let file = tempfile::Builder::new()
            .prefix(&prefix)
            .suffix(TEMPORARY_SUFFIX)
            .rand_bytes(RANDOM_LETTERS)
            .permissions(Permissions::from_mode(NEW_FILE_MODE))
            .tempfile_in(folder)?;
        let mut writer = BufWriter::with_capacity(1 << 20, file.as_file());
        fill(&mut writer)?;
        writer.flush()?;
        drop(writer);
        file.as_file().sync_all()?;
        Ok(file)
    };
    let file = write().map_err(FileError::of("write", path))?;
    file.persist(path).map_err(|error| FileError::of("rename into place", path)(error.error))?;
    sync_folder(folder)
}

/// Does [`write_atomically`] for bytes in memory; when the disk is full, the error holds the number of bytes needed.
///
/// # Errors
/// As [`write_atomically`].
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    write_atomically(path, |file| file.write_all(bytes)).map_err(|error| error.needing(bytes.len()))
}

/// Makes a folder of a random name inside `folder`, which is removed with the returned value. The name begins with `prefix`; what a killed
/// process leaves is found by [`remove_leftovers`].
///
/// # Errors
/// [`FileError`].
pub fn temporary_folder(folder: &Path, prefix: &str) -> Result<tempfile::TempDir, FileError> {
    let made = tempfile::Builder::new().prefix(prefix).suffix(TEMPORARY_SUFFIX).tempdir_in(folder);
    made.map_err(FileError::of("create a folder in", folder))
}

/// Makes renames inside `folder` durable.
///
/// # Errors
/// [`FileError`] when the folder cannot be opened or synchronised.
pub fn sync_folder(folder: &Path) -> Result<(), FileError> {
    File::open(folder).and_then(|handle| handle.sync_all()).map_err(FileError::of("synchronise", folder))
}

/// Makes `folder` and those above it that are missing, each durable in the folder that holds it.
///
/// # Errors
/// [`FileError`].
pub fn create_folder(folder: &Path) -> Result<(), FileError> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder_of(folder);
    if above != folder {
        create_folder(above)?;
    }
    match fs::create_dir(folder) {
        // Another process may have made it meanwhile.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
        made => made.map_err(FileError::of("create", folder))?,
    }
    sync_folder(above)
}

/// Removes the temporary files and folders that killed processes left directly in `folder` and that were not written to for `at_least`.
///
/// The holder of a folder's lock may give zero. What cannot be removed stays; it does no harm.
pub fn remove_leftovers(folder: &Path, at_least: Duration) {
    remove_old(folder, at_least, |name| name.ends_with(TEMPORARY_SUFFIX));
}

/// Whether a name is that of a temporary file of [`write_atomically`]: the final name and a point, random letters and digits, the suffix. Other
/// programs may have files with the same suffix.
fn is_temporary_of(name: &str, prefix: &str) -> bool {
    let random = name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(TEMPORARY_SUFFIX));
    random.is_some_and(|random| {
        random.len() == RANDOM_LETTERS && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// Removes the files and folders directly in `folder` whose name is chosen and that were not written to for `at_least`.
fn remove_old(folder: &Path, at_least: Duration, is_chosen: impl Fn(&str) -> bool) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if !is_chosen(&entry.file_name().to_string_lossy()) {
            continue;
        }
        let Ok(metadata) = entry.metadata() else { continue };
        let age = metadata.modified().map(|time| time.elapsed().unwrap_or_default());
        if age.is_ok_and(|age| age >= at_least) {
            let _ = if metadata.is_dir() {
                fs::remove_dir_all(entry.path())
            } else {
                fs::remove_file(entry.path())
            };
        }
    }
}

/// Returns the folder that holds `path`.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) => Path::new("."),
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
        write_atomically(path, |file| file.write_all(bytes))
    }

    #[test]
    fn the_new_content_replaces_the_old_and_leaves_no_other_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        put(&path, b"old").unwrap();
        put(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_leaves_the_old_content_and_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.bin");
        put(&path, b"old").unwrap();
        let failed = write_atomically(&path, |file| {
            file.write_all(b"new")?;
            Err(io::Error::other("planted"))
        });
        assert!(failed.unwrap_err().to_string().contains("planted"));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_process_left_is_removed_when_the_file_is_written_again_a_day_later() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["a.json.Ab3xYz.tmp", "b.json.Ab3xYz.tmp", "a.json.tmp", "a.json.kept-by-me.tmp"];
        for name in names {
            fs::write(folder.path().join(name), "half").unwrap();
        }
        let is_there = |name: &str| folder.path().join(name).exists();
        put(&folder.path().join("a.json"), b"whole").unwrap();
        assert!(names.iter().all(|name| is_there(name)), "a live process may be writing it");
        for name in names {
            let yesterday = std::time::SystemTime::now() - LEFT_BEHIND;
            File::open(folder.path().join(name)).unwrap().set_modified(yesterday).unwrap();
        }
        put(&folder.path().join("a.json"), b"whole").unwrap();
        assert!(!is_there(names[0]));
        assert!(names[1..].iter().all(|name| is_there(name)), "files of other names are not its own");
    }

    #[test]
    fn a_file_has_the_permissions_of_any_other_new_file() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("run.json"), folder.path().join("other"));
        put(&path, b"x").unwrap();
        File::create(&other).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&path), mode(&other));
    }

    #[test]
    fn a_missing_folder_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let message = put(&folder.path().join("absent").join("run.json"), b"x").unwrap_err().to_string();
        assert!(message.contains("absent"), "{message}");
    }

    #[test]
    fn many_writers_of_one_file_never_share_a_temporary_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index.html");
        std::thread::scope(|scope| {
            for writer in 0..8_u8 {
                let path = &path;
                scope.spawn(move || {
                    for _ in 0..20 {
                        put(path, &[writer; 4096]).unwrap();
                    }
                });
            }
        });
        let bytes = fs::read(&path).unwrap();
        assert!(bytes.len() == 4096 && bytes.iter().all(|byte| *byte == bytes[0]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn leftovers_are_temporary_files_and_folders_of_a_certain_age() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["run.json.123.tmp", "run.json"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        let killed = temporary_folder(folder.path(), "unpacking-").unwrap().keep();
        assert!(killed.file_name().unwrap().to_string_lossy().starts_with("unpacking-"));
        remove_leftovers(folder.path(), Duration::from_secs(3600));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
        remove_leftovers(folder.path(), Duration::ZERO);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(folder.path().join("run.json").exists());
    }

    #[test]
    fn folders_are_made_with_those_above_them() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("runs/study/run");
        create_folder(&inner).unwrap();
        create_folder(&inner).unwrap();
        assert!(inner.is_dir());
        fs::write(folder.path().join("file"), "x").unwrap();
        assert!(create_folder(&folder.path().join("file/run")).is_err());
    }
}
