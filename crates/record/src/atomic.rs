//! Files that are either wholly there or not there: temporary file, fsync, rename, fsync of the folder.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::RecordError;

/// Replaces `path` by `bytes` so that a reader, or a crash at any moment, sees the old content or the new, never a mixture.
///
/// The temporary file lies beside `path` and carries the process id, so that two processes never share one.
///
/// # Errors
/// [`RecordError::Io`] when the folder is missing, read-only or full; the old content is then untouched.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), RecordError> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = (|| {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()
    })();
    if let Err(source) = written {
        // The half-written file is ours alone; if it cannot be removed either, the first error says more.
        let _ = fs::remove_file(&temporary);
        return Err(RecordError::Io { action: "write", path: path.to_path_buf(), source });
    }
    fs::rename(&temporary, path).map_err(RecordError::io("rename into place", path))?;
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => sync_directory(folder),
        _ => sync_directory(Path::new(".")),
    }
}

/// Makes renames inside `folder` durable.
///
/// # Errors
/// [`RecordError::Io`] when the folder cannot be opened or synchronised.
pub fn sync_directory(folder: &Path) -> Result<(), RecordError> {
    File::open(folder).and_then(|handle| handle.sync_all()).map_err(RecordError::io("synchronise", folder))
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
    fn a_missing_folder_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("absent").join("run.json");
        let message = write_atomically(&path, b"x").unwrap_err().to_string();
        assert!(message.contains("absent"), "{message}");
    }
}
