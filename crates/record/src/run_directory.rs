//! The run directory: the paths of a run's files, and the lease for writing them.

use std::fs;
use std::path::{Path, PathBuf};

use allconv_files::{Lease, Leases, Taken, is_leased};

use crate::{
    Artefacts, FORMAT_VERSION, Journal, MetricPoint, Outcomes, RecordError, RunRecord, RunSpecification,
    Scores, create_folder, read_journal, write_atomically,
};

/// The folder of one run. Nothing is read until it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDirectory {
    path: PathBuf,
}

impl RunDirectory {
    /// Takes `path` as a run directory, whether it exists or not.
    pub fn at(path: impl Into<PathBuf>) -> RunDirectory {
        RunDirectory { path: path.into() }
    }

    /// The directory of a run inside its study's folder: `<arm>-s<seed>-<8 hex of the specification's hash>`.
    pub fn for_run(study_folder: &Path, arm: &str, specification: &RunSpecification) -> RunDirectory {
        RunDirectory::at(study_folder.join(format!(
            "{arm}-s{}-{}",
            specification.seed,
            specification.short_hash()
        )))
    }

    /// All run directories directly inside `folder`, sorted by name; empty when the folder does not exist.
    ///
    /// # Errors
    /// [`RecordError::Io`] when the folder exists and cannot be read.
    pub fn list(folder: &Path) -> Result<Vec<RunDirectory>, RecordError> {
        if !folder.exists() {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).map_err(RecordError::io("read", folder))? {
            let path = entry.map_err(RecordError::io("read", folder))?.path();
            if path.join("run.json").is_file() {
                found.push(RunDirectory { path });
            }
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `checkpoints/`.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// `metrics.jsonl`.
    pub fn journal_path(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    /// Makes the folder and takes its lease, which keeps other processes out, on this machine and on others that share the folder.
    ///
    /// # Errors
    /// [`RecordError::Busy`] when another process has it, which is observed from then on: see [`Leases::take`]; [`RecordError::Io`].
    pub fn lease(&self, leases: &Leases) -> Result<Lease, RecordError> {
        create_folder(&self.path)?;
        match leases.take(&self.path)? {
            Taken::Yes(lease) => Ok(lease),
            Taken::No(holder) => Err(RecordError::Busy { path: self.path.clone(), holder }),
        }
    }

    /// Renews the lease, before files are written.
    ///
    /// # Errors
    /// [`RecordError::Lost`] when another process has taken the run over, so that nothing must be written; [`RecordError::Io`].
    pub fn confirm(&self, lease: &Lease) -> Result<(), RecordError> {
        if lease.confirm()? { Ok(()) } else { Err(RecordError::Lost { path: self.path.clone() }) }
    }

    /// Returns whether a process has the run, as far as one look tells: one on another machine may have died. A run that was never begun has
    /// none.
    ///
    /// # Errors
    /// [`RecordError::Io`].
    pub fn is_held(&self) -> Result<bool, RecordError> {
        Ok(is_leased(&self.path)?)
    }

    /// Writes `spec.toml`.
    ///
    /// # Errors
    /// [`RecordError::Io`].
    pub fn write_specification(&self, specification: &RunSpecification) -> Result<(), RecordError> {
        let path = self.path.join("spec.toml");
        let text = toml::to_string(specification)
            .map_err(|error| malformed(&path, "spec.toml", error.to_string()))?;
        write_atomically(&path, text.as_bytes())
    }

    /// Reads `spec.toml`.
    ///
    /// # Errors
    /// [`RecordError::Io`]; [`RecordError::Malformed`].
    pub fn read_specification(&self) -> Result<RunSpecification, RecordError> {
        let path = self.path.join("spec.toml");
        let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => RecordError::NoRun { path: self.path.clone() },
            _ => RecordError::io("read", &path)(error),
        })?;
        toml::from_str(&text).map_err(|error| malformed(&path, "spec.toml", error.to_string()))
    }

    /// Writes `run.json`.
    ///
    /// # Errors
    /// [`RecordError::Io`].
    pub fn write_record(&self, record: &RunRecord) -> Result<(), RecordError> {
        let path = self.path.join("run.json");
        let text = record.to_text().map_err(|error| malformed(&path, "run.json", error.to_string()))?;
        write_atomically(&path, text.as_bytes())
    }

    /// Reads `run.json`.
    ///
    /// # Errors
    /// [`RecordError::Io`]; [`RecordError::Newer`]; [`RecordError::Malformed`].
    pub fn read_record(&self) -> Result<RunRecord, RecordError> {
        let path = self.path.join("run.json");
        let text = fs::read_to_string(&path).map_err(RecordError::io("read", &path))?;
        let value: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| malformed(&path, "run.json", error.to_string()))?;
        // The version is checked before the fields: a newer file may have fields unknown to this program.
        let found = value.get("schema").and_then(serde_json::Value::as_u64).unwrap_or(0) as u32;
        if found > FORMAT_VERSION {
            return Err(RecordError::Newer { path, found, supported: FORMAT_VERSION });
        }
        RunRecord::from_json(value).map_err(|reason| malformed(&path, "run.json", reason))
    }

    /// Opens `metrics.jsonl` for appending after `length` bytes.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub fn open_journal(&self, length: u64) -> Result<Journal, RecordError> {
        Journal::open(&self.journal_path(), length)
    }

    /// Reads `metrics.jsonl`.
    ///
    /// # Errors
    /// As [`read_journal`].
    pub fn read_metrics(&self) -> Result<Vec<MetricPoint>, RecordError> {
        read_journal(&self.journal_path())
    }

    /// `outcomes.bin`.
    pub fn outcomes_path(&self) -> PathBuf {
        self.path.join("outcomes.bin")
    }

    /// Writes `outcomes.bin`.
    ///
    /// # Errors
    /// [`RecordError::Io`].
    pub fn write_outcomes(&self, outcomes: &Outcomes) -> Result<(), RecordError> {
        outcomes.write(&self.outcomes_path())
    }

    /// Reads `outcomes.bin`.
    ///
    /// # Errors
    /// As [`Outcomes::read`].
    pub fn read_outcomes(&self) -> Result<Outcomes, RecordError> {
        Outcomes::read(&self.outcomes_path())
    }

    /// `scores.json`.
    pub fn scores_path(&self) -> PathBuf {
        self.path.join("scores.json")
    }

    /// Writes `scores.json`.
    ///
    /// # Errors
    /// As [`Scores::write`].
    pub fn write_scores(&self, scores: &Scores) -> Result<(), RecordError> {
        scores.write(&self.scores_path())
    }

    /// Reads `scores.json`.
    ///
    /// # Errors
    /// As [`Scores::read`].
    pub fn read_scores(&self) -> Result<Scores, RecordError> {
        Scores::read(&self.scores_path())
    }

    /// `artefacts/`, the folder of images.
    pub fn artefacts(&self) -> PathBuf {
        self.path.join("artefacts")
    }

    /// Reads `artefacts/index.json`; no images when there is no such folder.
    ///
    /// # Errors
    /// As [`Artefacts::read`].
    pub fn read_artefacts(&self) -> Result<Artefacts, RecordError> {
        let folder = self.artefacts();
        if folder.exists() { Artefacts::read(&folder) } else { Ok(Artefacts::default()) }
    }
}

fn malformed(path: &Path, format: &'static str, reason: String) -> RecordError {
    RecordError::Malformed { path: path.to_path_buf(), format, reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cost, Environment, MetricPoint, SplitName, Status, Timings};
    use std::collections::BTreeMap;

    fn record() -> RunRecord {
        RunRecord {
            schema: FORMAT_VERSION,
            status: Status::Created,
            reason: None,
            study: "pilot".into(),
            arm: "max_pool".into(),
            seed: 0,
            specification_hash: "00".into(),
            request_hash: "11".into(),
            study_file_sha256: None,
            command: vec!["allconv".into()],
            environment: Environment::default(),
            cost: Cost { parameters: 1, macs: 2, activation_bytes: 3, receptive_field: 4 },
            created_unix_seconds: 5,
            changed_unix_seconds: 6,
            step: 0,
            total_steps: 10,
            timings: Timings::default(),
            parent: None,
            measured: None,
            resumptions: Vec::new(),
            results: BTreeMap::new(),
        }
    }

    #[test]
    fn the_record_is_read_back_and_its_directory_is_listed() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDirectory::at(folder.path().join("max_pool-s0-00000000"));
        let _lease = run.lease(&Leases::default()).unwrap();
        run.write_record(&record()).unwrap();
        assert_eq!(run.read_record().unwrap(), record());
        assert_eq!(RunDirectory::list(folder.path()).unwrap(), [run]);
    }

    #[test]
    fn a_record_of_version_1_is_read_without_later_fields() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDirectory::at(folder.path());
        run.write_record(&RunRecord { schema: 1, ..record() }).unwrap();
        let text = std::fs::read_to_string(folder.path().join("run.json")).unwrap();
        assert!(!text.contains("measured"));
        assert_eq!(run.read_record().unwrap().measured, None);
    }

    #[test]
    fn the_hash_of_the_study_file_is_kept_and_has_no_effect() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDirectory::at(folder.path());
        let hash_of = |record: &RunRecord| {
            run.write_record(record).unwrap();
            assert_eq!(run.read_record().unwrap(), *record);
            let text = std::fs::read_to_string(folder.path().join("run.json")).unwrap();
            text.lines().find(|line| line.contains("\"hash\"")).unwrap().to_owned()
        };
        let with = RunRecord { study_file_sha256: Some("ab".repeat(32)), ..record() };
        assert_eq!(hash_of(&with), hash_of(&record()));
        assert!(!std::fs::read_to_string(folder.path().join("run.json")).unwrap().contains("study_file"));
    }

    #[test]
    fn a_record_changed_by_hand_or_by_a_flipped_bit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDirectory::at(folder.path());
        run.write_record(&record()).unwrap();
        let path = folder.path().join("run.json");
        let text = fs::read_to_string(&path).unwrap();
        for (from, to) in
            [("\"created\"", "\"finished\""), ("\"step\": 0", "\"step\": 9"), ("max_pool", "min_pool")]
        {
            fs::write(&path, text.replace(from, to)).unwrap();
            assert!(matches!(run.read_record(), Err(RecordError::Malformed { .. })), "{from}");
        }
        // Records before version 3 carry no hash.
        let lines: Vec<&str> = text.lines().filter(|line| !line.contains("\"hash\"")).collect();
        fs::write(&path, lines.join("\n").replace("[],", "[]")).unwrap();
        assert_eq!(run.read_record().unwrap(), record());
    }

    #[test]
    fn every_damage_to_the_results_of_an_ended_run_is_detected() {
        let folder = tempfile::tempdir().unwrap();
        let specification = RunSpecification {
            seed: 0,
            precision: "f32".into(),
            device_kind: "cpu".into(),
            dataset_hash: "d5".into(),
            numerics: BTreeMap::new(),
            data: toml::Table::new(),
            net: toml::Table::new(),
            train: toml::Table::new(),
        };
        let run = RunDirectory::at(folder.path());
        let end = |results| RunRecord {
            status: Status::Finished,
            specification_hash: specification.hash(),
            results,
            ..record()
        };
        let write = || {
            run.write_specification(&specification).unwrap();
            let _ = fs::remove_file(run.journal_path());
            let mut journal = run.open_journal(0).unwrap();
            let (split, name) = (SplitName::Test, "error".to_owned());
            journal.append(&MetricPoint { step: 10, epoch: 1.0, split, name, value: 0.5 }).unwrap();
            run.write_outcomes(&Outcomes::default()).unwrap();
            run.write_record(&end(run.hash_results().unwrap())).unwrap();
        };
        write();
        assert!(run.ended().unwrap().is_some());
        for file in ["spec.toml", "metrics.jsonl", "outcomes.bin", "run.json"] {
            let path = folder.path().join(file);
            let whole = fs::read(&path).unwrap();
            fs::write(&path, &whole[..whole.len() / 2]).unwrap();
            assert!(run.ended().unwrap().is_none(), "{file} was cut, which went unseen");
            fs::remove_file(&path).unwrap();
            assert!(run.ended().unwrap().is_none(), "{file} was removed, which went unseen");
            write();
        }
        // The message does not contain the folder, so that a report does not depend on where the runs are.
        let record = run.read_record().unwrap();
        for file in ["metrics.jsonl", "spec.toml"] {
            fs::remove_file(folder.path().join(file)).unwrap();
            assert_eq!(run.damage(&record).unwrap(), Some(format!("{file} is missing")));
            write();
        }
        // A version that recorded no hashes: damage that is visible without them is detected.
        run.write_record(&end(BTreeMap::new())).unwrap();
        assert!(run.ended().unwrap().is_some());
        fs::write(run.journal_path(), "").unwrap();
        assert!(run.ended().unwrap().is_none());
        fs::write(folder.path().join("run.json"), r#"{"schema": 99}"#).unwrap();
        assert!(matches!(run.ended(), Err(RecordError::Newer { .. })));
    }

    #[test]
    fn a_second_lease_is_refused_until_the_first_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDirectory::at(folder.path().join("run"));
        let leases = Leases::default();
        assert!(!run.is_held().unwrap());
        let first = run.lease(&leases).unwrap();
        run.confirm(&first).unwrap();
        assert!(matches!(run.lease(&leases), Err(RecordError::Busy { .. })) && run.is_held().unwrap());
        drop(first);
        assert!(!run.is_held().unwrap() && run.lease(&leases).is_ok());
    }

    #[test]
    fn a_newer_format_is_refused_before_its_fields_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDirectory::at(folder.path());
        std::fs::write(folder.path().join("run.json"), r#"{"schema": 99, "unheard_of": 1}"#).unwrap();
        assert!(matches!(run.read_record(), Err(RecordError::Newer { found: 99, .. })));
    }
}
