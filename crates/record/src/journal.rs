//! `metrics.jsonl`: one metric a line, append-only, cut back to a checkpoint's offset when a run is resumed.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::{MetricPoint, RecordError};

/// Writer of a run's metrics.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Journal {
    /// Opens or creates the journal and cuts it to `length` bytes: what a resumed run wrote after its checkpoint is written again.
    ///
    /// # Errors
    /// [`RecordError::Io`]; [`RecordError::Malformed`] when the file is shorter than `length`, i.e. was damaged since the checkpoint.
    pub fn open(path: &Path, length: u64) -> Result<Journal, RecordError> {
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .write(true)
            .truncate(false)
            .open(path)
            .map_err(RecordError::io("open", path))?;
        let found = file.metadata().map_err(RecordError::io("read", path))?.len();
        if found < length {
            return Err(RecordError::Malformed {
                path: path.to_path_buf(),
                format: "metrics.jsonl",
                reason: format!("has {found} bytes, the checkpoint was taken at {length}"),
            });
        }
        file.set_len(length).map_err(RecordError::io("truncate", path))?;
        file.seek(SeekFrom::Start(length)).map_err(RecordError::io("seek in", path))?;
        Ok(Journal { path: path.to_path_buf(), file, length })
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
        Ok(())
    }

    /// Makes everything appended so far durable and returns the length in bytes, which a checkpoint stores.
    ///
    /// # Errors
    /// [`RecordError::Io`], disk full included.
    pub fn synchronise(&mut self) -> Result<u64, RecordError> {
        self.file.sync_all().map_err(RecordError::io("synchronise", &self.path))?;
        Ok(self.length)
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
        let offset = journal.synchronise().unwrap();
        journal.append(&point(2)).unwrap();
        let mut journal = Journal::open(&path, offset).unwrap();
        journal.append(&point(3)).unwrap();
        assert_eq!(read_journal(&path).unwrap(), [point(1), point(3)]);
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
}
