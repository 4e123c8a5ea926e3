//! Files that are either wholly there or not there: temporary file, fsync, rename, fsync of the folder.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use crate::{RecordError, free_space};

/// How the names of temporary files end.
const TEMPORARY_SUFFIX: &str = ".tmp";

/// Permissions of a new file before the process's mask takes its part away, as `File::create` asks for them.
const NEW_FILE_MODE: u32 = 0o666;

/// Replaces `path` by `bytes` so that a reader, or a crash at any moment, sees the old content or the new, never a mixture.
///
/// The temporary file lies beside `path` under a random name that did not exist before, so that no two processes share one, on
/// whichever machine or in whichever container they run. It is removed when anything fails; a killed process leaves it behind, see
/// [`remove_leftovers`].
///
/// # Errors
/// [`RecordError::Io`] when the folder is missing, read-only or full (then with the bytes needed and free); the old content is untouched.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), RecordError> {
    let folder = folder_of(path);
    let mut prefix = path.file_name().unwrap_or_default().to_os_string();
    prefix.push(".");
    let write = || {
        let mut file = tempfile::Builder::new()
            .prefix(&prefix)
            .suffix(TEMPORARY_SUFFIX)
            .permissions(Permissions::from_mode(NEW_FILE_MODE))
            .tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        Ok(file)
    };
    let file = write().map_err(|source| RecordError::Io {
        action: "write",
        path: path.to_path_buf(),
        source: free_space::explained(path, Some(bytes.len() as u64), source),
    })?;
    file.persist(path).map_err(|error| RecordError::io("rename into place", path)(error.error))?;
    sync_directory(folder)
}

/// Makes renames inside `folder` durable.
///
/// # Errors
/// [`RecordError::Io`] when the folder cannot be opened or synchronised.
pub fn sync_directory(folder: &Path) -> Result<(), RecordError> {
    File::open(folder).and_then(|handle| handle.sync_all()).map_err(RecordError::io("synchronise", folder))
}

/// Makes `folder` and those above it that are missing, each durable in the folder that holds it.
///
/// # Errors
/// [`RecordError::Io`].
pub fn create_folder(folder: &Path) -> Result<(), RecordError> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder_of(folder);
    if above != folder {
        create_folder(above)?;
    }
    match fs::create_dir(folder) {
        // Another process may have made it meanwhile.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && folder.is_dir() => {}
        made => made.map_err(RecordError::io("create", folder))?,
    }
    sync_directory(above)
}

/// Removes the temporary files that killed processes left directly in `folder` and that nobody has written to for `at_least`.
///
/// Whoever holds the lock of a folder may give zero. What cannot be removed stays: it is only in the way.
pub fn remove_leftovers(folder: &Path, at_least: Duration) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_temporary = entry.file_name().to_string_lossy().ends_with(TEMPORARY_SUFFIX);
        let is_file = entry.file_type().is_ok_and(|kind| !kind.is_dir());
        let changed = entry.metadata().and_then(|data| data.modified());
        let age = changed.map(|time| time.elapsed().unwrap_or_default());
        if is_temporary && is_file && age.is_ok_and(|age| age >= at_least) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The folder that holds `path`.
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

    #[test]
    fn the_new_content_replaces_the_old_and_leaves_no_other_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        write_atomically(&path, b"old").unwrap();
        write_atomically(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_has_the_permissions_of_any_other_new_file() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("run.json"), folder.path().join("other"));
        write_atomically(&path, b"x").unwrap();
        File::create(&other).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&path), mode(&other));
    }

    #[test]
    fn a_missing_folder_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("absent").join("run.json");
        let message = write_atomically(&path, b"x").unwrap_err().to_string();
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
                        write_atomically(path, &vec![writer; 4096]).unwrap();
                    }
                });
            }
        });
        let bytes = fs::read(&path).unwrap();
        assert!(bytes.len() == 4096 && bytes.iter().all(|byte| *byte == bytes[0]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_old_temporary_files_are_leftovers() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["run.json.123.tmp", "run.json"] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        fs::create_dir(folder.path().join("folder.tmp")).unwrap();
        remove_leftovers(folder.path(), Duration::from_secs(3600));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
        remove_leftovers(folder.path(), Duration::ZERO);
        assert!(!folder.path().join("run.json.123.tmp").exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
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
