//! Atomic files: a reader sees the old content, the new content or nothing, whatever moment the power fails.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::DataError;

/// Writes a file under a temporary name beside `path`, syncs it, renames it into place and syncs the folder.
///
/// The folder is created if it is missing. If `fill` fails, the temporary file is removed.
pub fn write_atomically(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> Result<(), DataError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(DataError::io("create the folder", folder))?;
    let temporary = temporary_name(path);
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

fn temporary_name(path: &Path) -> PathBuf {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".tmp-{}-{number}", std::process::id()));
    path.with_file_name(name)
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
}
