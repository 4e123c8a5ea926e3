//! Reading of study files from disk.

use std::io::Read;
use std::path::Path;

use super::document::{Document, StudyFileError};
use super::limits;
use super::set::with_settings;
use super::study_file::StudyFile;
use crate::error::StudyError;

impl StudyFile {
    /// Reads a study file from disk.
    ///
    /// # Errors
    /// [`StudyError`], with line and column if the content is the cause.
    pub fn read(path: &Path) -> Result<StudyFile, StudyError> {
        StudyFile::read_with(path, &[])
    }

    /// Reads a study file from disk, with settings such as `base.train.learning_rate=0.1` in place of its own or in addition to them.
    ///
    /// # Errors
    /// [`StudyError`], with line and column if the content is the cause.
    pub fn read_with(path: &Path, settings: &[String]) -> Result<StudyFile, StudyError> {
        let (shown, text) = read_text(path)?;
        // A file with a mistake is told with the positions in the file itself.
        if settings.is_empty() || text.parse::<toml_edit::DocumentMut>().is_err() {
            return Ok(StudyFile::parse(&shown, text)?);
        }
        let changed = with_settings(&text, settings).map_err(StudyError::Setting)?;
        let file = StudyFile::parse(&shown, changed);
        Ok(file
            .map_err(|error| StudyFileError { message: format!("with --set, {}", error.message), ..error })?)
    }
}

/// Returns the name of a file as errors show it, and its text.
fn read_text(path: &Path) -> Result<(String, String), StudyError> {
    let shown = path.display().to_string();
    let unreadable = |source| StudyError::Unreadable { path: shown.clone(), source };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    // One byte more than the limit, whatever size the file reports.
    let mut limited = file.take(limits::MOST_BYTES + 1);
    limited.read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > limits::MOST_BYTES {
        let length = limited.into_inner().metadata().map_or(0, |metadata| metadata.len());
        let message = limits::too_large(length.max(bytes.len() as u64));
        return Err(Document { name: shown, text: String::new() }.error(&(0..0), message).into());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let byte = error.as_bytes()[valid];
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let message = format!("the file is not UTF-8: it has the byte 0x{byte:02x} here; save it as UTF-8");
        Document { name: shown.clone(), text }.error(&(valid..valid), message)
    })?;
    Ok((shown, text))
}
