//! Incremental reading of a run's `metrics.jsonl`: from the last position on, from its beginning where it was cut back.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use allconv_record::{MetricPoint, SplitName};

use super::series::Series;

/// Bytes before the position that are compared, to find out whether the file was cut back and written again.
const COMPARED: u64 = 64;

/// Bytes read at once; what follows is read at the next refresh.
const MOST_BYTES: u64 = 64 << 20;

/// Number of last values that are kept as they were recorded.
const LAST_POINTS: usize = 6;

/// The metrics of a run, as far as they were read.
#[derive(Debug, Default)]
pub(crate) struct JournalTail {
    /// Position of the first byte that was not read.
    offset: u64,
    /// The bytes directly before it.
    before: Vec<u8>,
    series: BTreeMap<(SplitName, String), Series>,
    last: VecDeque<MetricPoint>,
    /// Number of the first line that is no metric.
    damaged_line: Option<usize>,
    lines: usize,
}

impl JournalTail {
    /// Reads the lines that were completed since the last call.
    ///
    /// # Errors
    /// [`io::Error`] when the file exists and cannot be read.
    pub(crate) fn refresh(&mut self, path: &Path) -> io::Result<()> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        if !self.continues(&mut file)? {
            *self = JournalTail::default();
        }
        file.seek(SeekFrom::Start(self.offset))?;
        let mut bytes = Vec::new();
        file.take(MOST_BYTES).read_to_end(&mut bytes)?;
        // A last line without its end is not complete yet.
        let complete = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        for line in bytes[..complete].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            self.add(line);
        }
        self.offset += complete as u64;
        self.before.extend_from_slice(&bytes[..complete]);
        let surplus = self.before.len().saturating_sub(COMPARED as usize);
        self.before.drain(..surplus);
        Ok(())
    }

    /// Returns the series of a metric on a split.
    pub(crate) fn series(&self, split: SplitName, name: &str) -> Option<&Series> {
        // The key is built for the look-up; a page asks for a few metrics of each run.
        self.series.get(&(split, name.to_owned()))
    }

    /// Returns all series.
    pub(crate) fn all(&self) -> &BTreeMap<(SplitName, String), Series> {
        &self.series
    }

    /// Returns the last values in the order in which they were recorded.
    pub(crate) fn last(&self) -> impl Iterator<Item = &MetricPoint> {
        self.last.iter()
    }

    /// Returns the step of the last value.
    pub(crate) fn step(&self) -> u64 {
        self.last.iter().map(|point| point.step).max().unwrap_or(0)
    }

    /// Returns the first line that is no metric.
    pub(crate) fn damaged_line(&self) -> Option<usize> {
        self.damaged_line
    }

    /// Returns whether the file still begins with what was read.
    fn continues(&self, file: &mut File) -> io::Result<bool> {
        if file.metadata()?.len() < self.offset {
            return Ok(false);
        }
        file.seek(SeekFrom::Start(self.offset - self.before.len() as u64))?;
        let mut found = vec![0; self.before.len()];
        file.read_exact(&mut found)?;
        Ok(found == self.before)
    }

    fn add(&mut self, line: &[u8]) {
        self.lines += 1;
        match serde_json::from_slice::<MetricPoint>(line) {
            Ok(point) => {
                if let Some(series) = self.series.get_mut(&(point.split, point.name.clone())) {
                    series.push(&point);
                } else {
                    self.series.insert((point.split, point.name.clone()), Series::of(&point));
                }
                if self.last.len() == LAST_POINTS {
                    self.last.pop_front();
                }
                self.last.push_back(point);
            }
            Err(_) => self.damaged_line = self.damaged_line.or(Some(self.lines)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn line(step: u64, value: f64) -> String {
        let point =
            MetricPoint { step, epoch: step as f64, split: SplitName::Valid, name: "error".into(), value };
        serde_json::to_string(&point).unwrap() + "\n"
    }

    fn steps(tail: &JournalTail) -> Vec<u64> {
        tail.series(SplitName::Valid, "error").unwrap().points().iter().map(|point| point.step).collect()
    }

    #[test]
    fn complete_lines_are_read_once_and_a_torn_one_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut tail = JournalTail::default();
        tail.refresh(&path).unwrap();
        assert!(tail.all().is_empty());
        let second = line(2, 0.4);
        std::fs::write(&path, line(1, 0.5) + &second[..9]).unwrap();
        tail.refresh(&path).unwrap();
        assert_eq!(steps(&tail), [1]);
        let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(&second.as_bytes()[9..]).unwrap();
        tail.refresh(&path).unwrap();
        tail.refresh(&path).unwrap();
        assert_eq!((steps(&tail), tail.step(), tail.damaged_line()), (vec![1, 2], 2, None));
    }

    #[test]
    fn a_journal_that_was_cut_back_is_read_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        std::fs::write(&path, line(1, 0.5) + &line(2, 0.4)).unwrap();
        let mut tail = JournalTail::default();
        tail.refresh(&path).unwrap();
        // Cut and written again up to the same length, with another value.
        std::fs::write(&path, line(1, 0.5) + &line(3, 0.3)).unwrap();
        tail.refresh(&path).unwrap();
        assert_eq!(steps(&tail), [1, 3]);
        std::fs::write(&path, line(1, 0.5)).unwrap();
        tail.refresh(&path).unwrap();
        assert_eq!(steps(&tail), [1]);
    }

    #[test]
    fn a_line_that_is_no_metric_is_named_and_the_others_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        std::fs::write(&path, line(1, 0.5) + "root:x:0:0\n" + &line(2, 0.4)).unwrap();
        let mut tail = JournalTail::default();
        tail.refresh(&path).unwrap();
        assert_eq!((steps(&tail), tail.damaged_line()), (vec![1, 2], Some(2)));
        assert_eq!(tail.last().count(), 2);
    }
}
