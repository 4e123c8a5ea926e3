//! Files and folders of runs, written as [`allconv_files`] writes them, with the errors of this crate.

use std::path::Path;

use crate::RecordError;

/// Replaces `path` by `bytes`: a reader sees the old content or the new, never a mixture.
///
/// # Errors
/// [`RecordError::Io`] when the folder is missing, read-only or full; the old content is untouched.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), RecordError> {
    Ok(allconv_files::write_bytes(path, bytes)?)
}

/// Makes `folder` and those above it that are missing, each durable in the folder that holds it.
///
/// # Errors
/// [`RecordError::Io`].
pub fn create_folder(folder: &Path) -> Result<(), RecordError> {
    Ok(allconv_files::create_folder(folder)?)
}

/// Makes renames inside `folder` durable.
///
/// # Errors
/// [`RecordError::Io`].
pub fn sync_directory(folder: &Path) -> Result<(), RecordError> {
    Ok(allconv_files::sync_folder(folder)?)
}
