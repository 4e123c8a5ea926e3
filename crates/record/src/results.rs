//! Hashes of an ended run's results, recorded when it ended and compared before the results are used.

use std::collections::BTreeMap;
use std::fs;

use crate::{RecordError, RunDirectory, RunRecord, SplitName, Status};

/// Files with results of a run, where present; images are added to them.
const RESULT_FILES: [&str; 4] = ["metrics.jsonl", "outcomes.bin", "scores.json", "data.json"];

impl RunDirectory {
    /// BLAKE3 in hexadecimal of every file with results, by its path below the run directory.
    ///
    /// # Errors
    /// [`RecordError::Io`]; [`RecordError::Malformed`] when the index of the images cannot be read.
    pub fn hash_results(&self) -> Result<BTreeMap<String, String>, RecordError> {
        let pictures = self.read_artefacts()?.pictures;
        let index = (!pictures.is_empty()).then(|| "artefacts/index.json".to_owned());
        let pictures = pictures.iter().map(|picture| format!("artefacts/{}", picture.file));
        let names = RESULT_FILES.iter().map(|&name| name.to_owned()).chain(index).chain(pictures);
        let mut hashes = BTreeMap::new();
        for name in names {
            let path = self.path().join(&name);
            match fs::read(&path) {
                Ok(bytes) => {
                    hashes.insert(name, blake3::hash(&bytes).to_hex().to_string());
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(RecordError::io("read", &path)(error)),
            }
        }
        Ok(hashes)
    }

    /// Returns the record of an ended run whose results have their recorded hashes.
    ///
    /// `None` when the run has not ended, or its record or results are missing or damaged: it can be made again.
    ///
    /// # Errors
    /// [`RecordError::Newer`]; [`RecordError::Io`] when a file exists and cannot be read.
    pub fn ended(&self) -> Result<Option<RunRecord>, RecordError> {
        let record = match self.read_record() {
            Ok(record) => record,
            Err(error) if error.is_repairable() => return Ok(None),
            Err(error) => return Err(error),
        };
        let is_intact = record.status.is_final() && self.damage(&record)?.is_none();
        Ok(is_intact.then_some(record))
    }

    /// Returns the defect of an ended run's results, as part of a sentence; `None` when they are as recorded.
    ///
    /// Runs of versions that recorded no hashes must have what every finished run has: the specification that its record names,
    /// a readable journal with a metric of the test split, and readable outcomes or scores where it has them.
    ///
    /// # Errors
    /// [`RecordError::Io`] when a file exists and cannot be read.
    pub fn damage(&self, record: &RunRecord) -> Result<Option<String>, RecordError> {
        let repairable = |error: RecordError| match error.is_repairable() {
            true => Ok(Some(without_folder(&error))),
            false => Err(error),
        };
        match self.read_specification() {
            Ok(specification) if specification.hash() == record.specification_hash => {}
            Ok(_) => return Ok(Some("spec.toml is not the specification that the record names".to_owned())),
            Err(error) => return repairable(error),
        }
        if record.results.is_empty() {
            return match record.status {
                Status::Finished => self.older_damage().map_or_else(repairable, Ok),
                _ => Ok(None),
            };
        }
        let found = match self.hash_results() {
            Ok(found) => found,
            Err(error) => return repairable(error),
        };
        Ok(record.results.iter().find_map(|(name, hash)| match found.get(name) {
            Some(other) if other == hash => None,
            Some(_) => Some(format!("{name} is not as it was when the run ended")),
            None => Some(format!("{name} is missing")),
        }))
    }

    /// Returns what a finished run without recorded hashes lacks.
    fn older_damage(&self) -> Result<Option<String>, RecordError> {
        if !self.read_metrics()?.iter().any(|point| point.split == SplitName::Test) {
            return Ok(Some("metrics.jsonl holds no value of the test split".to_owned()));
        }
        if self.outcomes_path().exists() {
            self.read_outcomes()?;
        }
        if self.scores_path().exists() {
            self.read_scores()?;
        }
        Ok(None)
    }
}

/// Returns the defect with the name of the file alone, so that a report does not depend on the folder of the runs.
fn without_folder(error: &RecordError) -> String {
    match error {
        RecordError::Malformed { format, reason, .. } => format!("{format} is damaged: {reason}"),
        RecordError::NoRun { .. } => "spec.toml is missing".to_owned(),
        RecordError::Io { path, .. } => {
            format!("{} is missing", path.file_name().unwrap_or_default().to_string_lossy())
        }
        other => other.to_string(),
    }
}

impl RecordError {
    /// Returns whether making the run again repairs it: the file is missing or damaged. A newer file, or one that cannot be read, is kept.
    #[must_use]
    pub fn is_repairable(&self) -> bool {
        match self {
            RecordError::NoRun { .. } | RecordError::Malformed { .. } => true,
            RecordError::Io { source, .. } => source.kind() == std::io::ErrorKind::NotFound,
            RecordError::Newer { .. } | RecordError::Busy { .. } | RecordError::Lost { .. } => false,
        }
    }
}
