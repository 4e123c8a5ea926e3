//! `outcomes.bin`: the predictions of the final evaluation for every test example, which paired tests over examples read.
//!
//! Little-endian: the 8 bytes `ACOUTC01`, the number of examples (u32), then per example its id (u32), its label (u16),
//! the predicted class (u16) and the loss (f32). The length is checked, so a torn file is never read as a short one.

use std::path::Path;

use crate::{RecordError, write_atomically};

const MAGIC: &[u8; 8] = b"ACOUTC01";
const BYTES_PER_EXAMPLE: usize = 12;

/// The prediction for one example.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Index of the example within its split.
    pub sample: u32,
    /// True class.
    pub label: u16,
    /// Class with the largest logit; the first on ties.
    pub predicted: u16,
    /// Cross-entropy of the true class, in nats.
    pub loss: f32,
}

/// The outcomes of a split, in the order of the examples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcomes(pub Vec<Outcome>);

impl Outcomes {
    /// Writes the file atomically.
    ///
    /// # Errors
    /// [`RecordError::Io`].
    pub fn write(&self, path: &Path) -> Result<(), RecordError> {
        let mut bytes = Vec::with_capacity(12 + BYTES_PER_EXAMPLE * self.0.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&(self.0.len() as u32).to_le_bytes());
        for outcome in &self.0 {
            bytes.extend_from_slice(&outcome.sample.to_le_bytes());
            bytes.extend_from_slice(&outcome.label.to_le_bytes());
            bytes.extend_from_slice(&outcome.predicted.to_le_bytes());
            bytes.extend_from_slice(&outcome.loss.to_le_bytes());
        }
        write_atomically(path, &bytes)
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`RecordError::Io`]; [`RecordError::Malformed`] when magic or length do not fit.
    pub fn read(path: &Path) -> Result<Outcomes, RecordError> {
        let bytes = std::fs::read(path).map_err(RecordError::io("read", path))?;
        let malformed = |reason: String| RecordError::Malformed {
            path: path.to_path_buf(),
            format: "outcomes.bin",
            reason,
        };
        if bytes.len() < 12 || &bytes[..8] != MAGIC {
            return Err(malformed("does not begin with ACOUTC01".into()));
        }
        let count = u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]) as usize;
        let body = &bytes[12..];
        if body.len() != count * BYTES_PER_EXAMPLE {
            return Err(malformed(format!(
                "{count} examples need {} bytes, {} follow",
                count * BYTES_PER_EXAMPLE,
                body.len()
            )));
        }
        Ok(Outcomes(
            body.chunks_exact(BYTES_PER_EXAMPLE)
                .map(|record| Outcome {
                    sample: u32::from_le_bytes([record[0], record[1], record[2], record[3]]),
                    label: u16::from_le_bytes([record[4], record[5]]),
                    predicted: u16::from_le_bytes([record[6], record[7]]),
                    loss: f32::from_le_bytes([record[8], record[9], record[10], record[11]]),
                })
                .collect(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Outcomes {
        Outcomes(vec![
            Outcome { sample: 0, label: 3, predicted: 3, loss: 0.25 },
            Outcome { sample: 1, label: 9, predicted: 1, loss: 4.5 },
        ])
    }

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outcomes.bin");
        example().write(&path).unwrap();
        assert_eq!(Outcomes::read(&path).unwrap(), example());
    }

    #[test]
    fn every_truncation_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outcomes.bin");
        example().write(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for length in 0..bytes.len() {
            std::fs::write(&path, &bytes[..length]).unwrap();
            assert!(Outcomes::read(&path).is_err(), "{length} bytes were accepted");
        }
    }
}
