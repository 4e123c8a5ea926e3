//! The check that runs can be written to their folder, before the first step.

use std::io;
use std::path::Path;

use allconv_record::{RecordError, Resolved, create_folder, free_space, write_atomically};

/// Checkpoints that a run keeps or is about to keep: the newest two, and the one being written.
const CHECKPOINTS: u64 = 3;
/// Bytes of a parameter in a checkpoint: weight and velocity in 32 bits. Adam keeps one number more.
const BYTES_PER_PARAMETER: u64 = 8;
/// Files and folders of a run with three checkpoints.
const FILES_PER_RUN: u64 = 24;

/// Makes the folder and a file in it, which is removed again, and sees whether `jobs` of the runs fit there at a time.
///
/// # Errors
/// [`RecordError::Io`] when the folder cannot be written, or the checkpoints of the runs need more than is free.
pub fn check_room<'a>(
    folder: &Path,
    runs: impl IntoIterator<Item = &'a Resolved>,
    jobs: usize,
) -> Result<(), RecordError> {
    check_writable(folder)?;
    let parameters = runs.into_iter().map(|run| run.cost.parameters).max().unwrap_or(0);
    let needed = (jobs as u64 * CHECKPOINTS * BYTES_PER_PARAMETER).saturating_mul(parameters);
    let files = jobs as u64 * FILES_PER_RUN;
    match free_space(folder) {
        Some(free) if free.bytes < needed || free.files.is_some_and(|free| free < files) => {
            let count = free.files.map_or_else(String::new, |count| format!(" and {count} files"));
            let reason = format!(
                "the checkpoints of {jobs} runs at a time need {needed} bytes in {files} files, {} bytes{count} are free; make room, or give another --out",
                free.bytes
            );
            let source = io::Error::new(io::ErrorKind::StorageFull, reason);
            Err(RecordError::Io { action: "make runs in", path: folder.to_path_buf(), source })
        }
        _ => Ok(()),
    }
}

/// Makes the folder and a file in it, which is removed again.
///
/// # Errors
/// [`RecordError::Io`] when nothing can be written there.
pub(crate) fn check_writable(folder: &Path) -> Result<(), RecordError> {
    create_folder(folder)?;
    // One name for all processes, so that the next one removes what a killed one left.
    let probe = folder.join("writable");
    write_atomically(&probe, b"Made to see whether this folder can be written; safe to remove.\n")?;
    match std::fs::remove_file(&probe) {
        // Another process was faster.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(RecordError::io("remove", &probe)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::plan;
    use crate::testing::{FakeResolve, small_study};
    use allconv_record::Resolve;

    #[test]
    fn runs_that_cannot_fit_are_refused_with_what_is_needed_and_what_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let mut run = FakeResolve.resolve(&plan(&small_study(1))[0].request).unwrap();
        std::fs::write(folder.path().join("writable"), "left by a killed process").unwrap();
        check_room(folder.path(), [&run], 4).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the probe stays behind");
        run.cost.parameters = 1 << 60;
        let message = check_room(folder.path(), [&run], 1).unwrap_err().to_string();
        assert!(message.contains("bytes are free") || message.contains("files are free"), "{message}");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "x").unwrap();
        let below = folder.path().join("file").join("runs");
        let error = check_writable(&below).unwrap_err();
        assert!(error.to_string().contains("file"), "{error}");
    }
}
