//! `paper.lock`: for every run the hashes of its specification, outcomes and weights, and for every number what it is and the runs it rests on.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use allconv_record::{RecordError, RunDirectory};
use serde::Deserialize;

use crate::error::PaperError;
use crate::library::{Library, Study};

/// The `schema` field of the file.
pub const LOCK_SCHEMA: &str = "allconv.paper.lock/1";

/// Name of the file in the paper's folder.
pub(crate) const LOCK_FILE: &str = "paper.lock";

/// The content of `paper.lock`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// [`LOCK_SCHEMA`].
    pub schema: String,
    /// The studies by their names.
    pub studies: BTreeMap<String, LockedStudy>,
    /// The runs by group, `STUDY/ARM` or `STUDY/search`, and name.
    pub runs: BTreeMap<String, BTreeMap<String, LockedRun>>,
    /// Every number, sentence, table and figure that the sources use.
    pub cells: BTreeMap<String, LockedCell>,
    /// Constants in the results that the authors declared to be no results.
    pub constants: Vec<String>,
}

/// A study in the lock.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedStudy {
    /// SHA-256 of the text of its file.
    pub file_sha256: String,
    /// Runs of the comparison that have ended, of so many that are planned.
    pub made: [usize; 2],
}

/// A run in the lock.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedRun {
    /// Hash of its specification.
    pub specification: String,
    /// BLAKE3 over names and hashes of all files with results.
    pub outcomes: String,
    /// BLAKE3 of its final weights; absent for runs published before weights were recorded.
    pub weights: Option<String>,
}

/// What a key or command stands for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedCell {
    /// A number or word as it is printed; of everything longer, `blake3:` and the hash of its LaTeX.
    pub text: String,
    /// The groups of runs it rests on; `STUDY` for all of a study.
    pub of: Vec<String>,
}

impl Lock {
    /// Reads `paper.lock` in the folder.
    ///
    /// # Errors
    /// [`PaperError::Config`] when it is missing, of another version or damaged.
    pub fn read(folder: &Path) -> Result<Lock, PaperError> {
        let path = folder.join(LOCK_FILE);
        let wrong = |reason: String| PaperError::Config { path: path.clone(), reason };
        let text = std::fs::read_to_string(&path)
            .map_err(|error| wrong(format!("{error}; `allconv paper build` writes it")))?;
        let lock: Lock = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        if lock.schema != LOCK_SCHEMA {
            return Err(wrong(format!("its schema is {}, this program reads {LOCK_SCHEMA}", lock.schema)));
        }
        Ok(lock)
    }

    /// Studies and runs as they lie there now, without any cell.
    ///
    /// # Errors
    /// [`RecordError`] when a file of a run cannot be read.
    pub(crate) fn of_runs(library: &Library) -> Result<Lock, RecordError> {
        let mut lock = Lock { schema: LOCK_SCHEMA.to_owned(), ..Lock::default() };
        for (name, study) in &library.studies {
            let made = [study.made(), study.results.runs.len()];
            lock.studies.insert(name.clone(), LockedStudy { file_sha256: study.file.sha256(), made });
            lock.add_runs(study)?;
        }
        Ok(lock)
    }

    fn add_runs(&mut self, study: &Study) -> Result<(), RecordError> {
        for (group, runs) in study.groups() {
            let mut locked = BTreeMap::new();
            for run in runs {
                if let (Some(name), Some(directory)) = (run.folder_name(), &run.directory) {
                    locked.insert(name, LockedRun::of(directory)?);
                }
            }
            self.runs.insert(group, locked);
        }
        Ok(())
    }

    /// Number of runs.
    #[must_use]
    pub fn run_count(&self) -> usize {
        self.runs.values().map(BTreeMap::len).sum()
    }

    /// The text of the file, a line for each run and cell.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "# Written by `allconv paper build`; `allconv paper verify` compares it with the published runs.\nschema = {}\nconstants = {}\n",
            quoted(&self.schema),
            list(&self.constants)
        );
        text.push_str("\n[studies]\n");
        for (name, LockedStudy { file_sha256, made: [made, planned] }) in &self.studies {
            let _ = writeln!(
                text,
                "{} = {{ file_sha256 = {}, made = [{made}, {planned}] }}",
                quoted(name),
                quoted(file_sha256)
            );
        }
        text.push_str("\n[cells]\n");
        for (name, cell) in &self.cells {
            let _ = writeln!(
                text,
                "{} = {{ text = {}, of = {} }}",
                quoted(name),
                quoted(&cell.text),
                list(&cell.of)
            );
        }
        text.push_str("\n[runs]\n");
        for (group, runs) in &self.runs {
            let _ = writeln!(text, "\n[runs.{}]", quoted(group));
            for (name, run) in runs {
                let weights = run
                    .weights
                    .as_ref()
                    .map_or_else(String::new, |weights| format!(", weights = {}", quoted(weights)));
                let _ = writeln!(
                    text,
                    "{} = {{ specification = {}, outcomes = {}{weights} }}",
                    quoted(name),
                    quoted(&run.specification),
                    quoted(&run.outcomes)
                );
            }
        }
        text
    }
}

impl LockedRun {
    /// The hashes of a run as it lies there.
    ///
    /// # Errors
    /// [`RecordError`] when a file cannot be read.
    pub fn of(directory: &RunDirectory) -> Result<LockedRun, RecordError> {
        let files = directory.hash_results()?;
        let lines: String = files.iter().map(|(name, hash)| format!("{hash}  {name}\n")).collect();
        Ok(LockedRun {
            specification: directory.read_specification()?.hash(),
            outcomes: blake3::hash(lines.as_bytes()).to_hex().to_string(),
            weights: directory.weights_hash(directory.read_record()?.step)?,
        })
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_is_read_as_it_was_written() {
        let run = LockedRun { specification: "ab".into(), outcomes: "cd".into(), weights: Some("ef".into()) };
        let older = LockedRun { weights: None, ..run.clone() };
        let lock = Lock {
            schema: LOCK_SCHEMA.into(),
            studies: BTreeMap::from([("s-1".into(), LockedStudy { file_sha256: "00".into(), made: [1, 2] })]),
            runs: BTreeMap::from([(
                "s-1/a".into(),
                BTreeMap::from([("a-s0-ab".into(), run), ("a-s1-ab".into(), older)]),
            )]),
            cells: BTreeMap::from([(
                "s-1/a.mean".into(),
                LockedCell { text: "$+1$\\,\\%".into(), of: vec!["s-1/a".into()] },
            )]),
            constants: vec!["95\\,\\%".into()],
        };
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(LOCK_FILE), lock.to_text()).unwrap();
        assert_eq!(Lock::read(folder.path()).unwrap(), lock);
        assert_eq!(lock.run_count(), 2);
        std::fs::write(folder.path().join(LOCK_FILE), lock.to_text().replace("lock/1", "lock/9")).unwrap();
        assert!(Lock::read(folder.path()).unwrap_err().to_string().contains("lock/9"));
    }
}
