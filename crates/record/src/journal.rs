//! `metrics.jsonl`: one metric a line, append-only, cut back to a checkpoint's offset when a run is resumed.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::{MetricPoint, RecordError};

/// Writer of a run's metrics.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    length: u64,
    /// Of everything before `length`.
    hasher: blake3::Hasher,
}

/// The position of a checkpoint in the journal, with a hash of the bytes before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalMark {
    /// Bytes of the journal that belong to the steps made.
    pub length: u64,
    /// BLAKE3 of these bytes in hexadecimal; absent in checkpoints of versions that did not record it.
    pub hash: Option<String>,
}

impl JournalMark {
    /// The position in an empty journal.
    #[must_use]
    pub fn start() -> JournalMark {
        JournalMark { length: 0, hash: None }
    }

    /// Returns why a journal with the content `bytes` is not the one of the mark; `None` if it may be.
    #[must_use]
    pub fn mismatch(&self, bytes: &[u8]) -> Option<String> {
        let Some(before) = usize::try_from(self.length).ok().and_then(|length| bytes.get(..length)) else {
            return Some(format!(
                "it has {} bytes, the checkpoint was taken at {}",
                bytes.len(),
                self.length
            ));
        };
        let found = blake3::hash(before).to_hex();
        let differs = self.hash.as_ref().is_some_and(|hash| *hash != found.as_str());
        differs.then(|| {
            format!("its first {} bytes are not those that the checkpoint was taken after", self.length)
        })
    }
}

impl Journal {
    /// Opens or creates the journal with its first `length` bytes: the lines after the checkpoint are written again by the resumed run.
    ///
    /// The file is a new one: a process that was stopped, and whose run this one took over, appends to the former file, which no name leads to.
    ///
    /// # Errors
    /// [`RecordError::Io`]; [`RecordError::Malformed`] when the file is shorter than `length`, i.e. was damaged since the checkpoint.
    pub fn open(path: &Path, length: u64) -> Result<Journal, RecordError> {
        let found = match std::fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            found => found.map_err(RecordError::io("read", path))?,
        };
        let Some(before) = usize::try_from(length).ok().and_then(|length| found.get(..length)) else {
            return Err(RecordError::Malformed {
                path: path.to_path_buf(),
                format: "metrics.jsonl",
                reason: format!("has {} bytes, the checkpoint was taken at {length}", found.len()),
            });
        };
        crate::write_atomically(path, before)?;
        let file = OpenOptions::new().append(true).open(path).map_err(RecordError::io("open", path))?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(before);
        Ok(Journal { path: path.to_path_buf(), file, length, hasher })
    }

    /// Appends one value.
    ///
    /// # Errors
    /// [`RecordError::Io`].
    ///
    /// # Panics
    /// If the value is not finite: a diverged run has a status, not a metric.
    pub fn append(&mut self, point: &MetricPoint) -> Result<(), RecordError> {
        assert!(point.value.is_finite(), "metric {} at step {} is {}", point.name, point.step, point.value);
        let mut line = serde_json::to_string(point).map_err(|error| RecordError::Malformed {
            path: self.path.clone(),
            format: "metrics.jsonl",
            reason: error.to_string(),
        })?;
        line.push('\n');
        self.file.write_all(line.as_bytes()).map_err(RecordError::io("write", &self.path))?;
        self.length += line.len() as u64;
        self.hasher.update(line.as_bytes());
        Ok(())
    }

    /// Makes everything appended so far durable and returns the position, which a checkpoint stores.
    ///
    /// # Errors
    /// [`RecordError::Io`], disk full included.
    pub fn synchronise(&mut self) -> Result<JournalMark, RecordError> {
        self.file.sync_all().map_err(RecordError::io("synchronise", &self.path))?;
        Ok(JournalMark { length: self.length, hash: Some(self.hasher.finalize().to_hex().to_string()) })
    }
}

/// Reads all complete lines. A last line without its newline, as a kill may leave it, is not yet part of the journal.
///
/// # Errors
/// [`RecordError::Io`]; [`RecordError::Malformed`] naming the line.
pub fn read_journal(path: &Path) -> Result<Vec<MetricPoint>, RecordError> {
    let mut text = String::new();
    File::open(path)
        .and_then(|mut file| file.read_to_string(&mut text))
        .map_err(RecordError::io("read", path))?;
    let complete = text.rfind('\n').map_or("", |end| &text[..end]);
    complete
        .lines()
        .enumerate()
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|error| RecordError::Malformed {
                path: path.to_path_buf(),
                format: "metrics.jsonl",
                reason: format!("line {}: {error}", index + 1),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SplitName;

    fn point(step: u64) -> MetricPoint {
        MetricPoint {
            step,
            epoch: step as f64 / 10.0,
            split: SplitName::Train,
            name: "loss".into(),
            value: 2.5,
        }
    }

    #[test]
    fn what_is_appended_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut journal = Journal::open(&path, 0).unwrap();
        journal.append(&point(1)).unwrap();
        journal.append(&point(2)).unwrap();
        assert_eq!(read_journal(&path).unwrap(), [point(1), point(2)]);
    }

    #[test]
    fn reopening_at_an_offset_drops_what_came_after() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut journal = Journal::open(&path, 0).unwrap();
        journal.append(&point(1)).unwrap();
        let offset = journal.synchronise().unwrap().length;
        journal.append(&point(2)).unwrap();
        let mut journal = Journal::open(&path, offset).unwrap();
        journal.append(&point(3)).unwrap();
        assert_eq!(read_journal(&path).unwrap(), [point(1), point(3)]);
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(journal.synchronise().unwrap().hash, Some(blake3::hash(&bytes).to_hex().to_string()));
    }

    #[test]
    fn a_torn_last_line_is_ignored_and_a_broken_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let good = serde_json::to_string(&point(1)).unwrap();
        std::fs::write(&path, format!("{good}\n{{\"step\":")).unwrap();
        assert_eq!(read_journal(&path).unwrap(), [point(1)]);
        std::fs::write(&path, format!("{good}\n{{\"step\":\n")).unwrap();
        let message = read_journal(&path).unwrap_err().to_string();
        assert!(message.contains("line 2"), "{message}");
    }

    #[test]
    fn a_journal_shorter_than_its_checkpoint_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        assert!(Journal::open(&path, 10).is_err());
    }

    #[test]
    fn a_mark_fits_only_the_bytes_it_was_made_after() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut journal = Journal::open(&path, 0).unwrap();
        journal.append(&point(1)).unwrap();
        let mark = journal.synchronise().unwrap();
        journal.append(&point(2)).unwrap();
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(mark.mismatch(&whole), None);
        for place in 0..mark.length as usize {
            let mut damaged = whole.clone();
            damaged[place] ^= 4;
            assert!(mark.mismatch(&damaged).is_some(), "byte {place}");
            assert!(mark.mismatch(&whole[..place]).is_some(), "cut to {place} bytes");
        }
        assert_eq!(JournalMark::start().mismatch(b""), None);
        assert!(JournalMark { length: u64::MAX, hash: None }.mismatch(&whole).is_some());
    }
}
