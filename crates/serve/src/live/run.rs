//! One run directory: its record and its journal, read again where they changed.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use allconv_record::{RunDirectory, RunRecord, SplitName, Status};
use allconv_study::{MadeSteps, RunState};

use super::contained::is_contained;
use super::journal::JournalTail;

/// A run as far as it was read.
#[derive(Debug)]
pub struct LiveRun {
    directory: RunDirectory,
    record: Option<RunRecord>,
    /// Why the record, and why the journal, could not be read.
    faults: [Option<String>; 2],
    journal: JournalTail,
    stamps: [Option<Stamp>; 2],
    is_held: bool,
}

/// Length and time of change of a file, from which a change is recognised.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(path: &Path) -> Option<Stamp> {
        let about = fs::metadata(path).ok()?;
        Some(Stamp { length: about.len(), modified: about.modified().ok() })
    }
}

impl LiveRun {
    /// Returns a run of which nothing was read.
    pub(crate) fn at(path: &Path) -> LiveRun {
        LiveRun {
            directory: RunDirectory::at(path),
            record: None,
            faults: [None, None],
            journal: JournalTail::default(),
            stamps: [None; 2],
            is_held: false,
        }
    }

    /// Reads what changed since the last call; returns whether anything did. Files that links lead out of `root` are not read.
    pub(crate) fn refresh(&mut self, root: &Path) -> bool {
        let (record, journal) = (self.directory.path().join("run.json"), self.directory.journal_path());
        let stamps = [Stamp::of(&record), Stamp::of(&journal)];
        let is_held = self.is_running() && self.directory.is_held().unwrap_or(false);
        let is_changed = stamps != self.stamps || is_held != self.is_held;
        if stamps[0] != self.stamps[0] {
            self.faults[0] = self.read_record(root, &record).err();
        }
        if stamps[1] != self.stamps[1] && stamps[1].is_some() {
            self.faults[1] = self.read_journal(root, &journal).err();
        }
        self.stamps = stamps;
        // The record may just have become that of a running one.
        self.is_held = self.is_running() && self.directory.is_held().unwrap_or(false);
        is_changed
    }

    fn read_record(&mut self, root: &Path, path: &Path) -> Result<(), String> {
        if !is_contained(root, path) {
            return Err("run.json is missing, or a link that leads out of the folder of runs".to_owned());
        }
        self.record = Some(self.directory.read_record().map_err(|error| error.to_string())?);
        Ok(())
    }

    fn read_journal(&mut self, root: &Path, path: &Path) -> Result<(), String> {
        if !is_contained(root, path) {
            return Err("metrics.jsonl is a link that leads out of the folder of runs".to_owned());
        }
        self.journal.refresh(path).map_err(|error| format!("cannot read metrics.jsonl: {error}"))
    }

    fn is_running(&self) -> bool {
        self.record.as_ref().is_some_and(|record| record.status == Status::Running)
    }

    /// Returns the run's folder.
    pub fn directory(&self) -> &RunDirectory {
        &self.directory
    }

    /// Returns the name of the run's folder.
    pub fn name(&self) -> String {
        self.directory.path().file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Returns its record; `None` when it could not be read.
    pub fn record(&self) -> Option<&RunRecord> {
        self.record.as_ref()
    }

    /// Returns why a file could not be read; `None` when all could.
    pub fn fault(&self) -> Option<String> {
        let damaged = self.journal.damaged_line();
        let found = self.faults.iter().flatten().next().cloned();
        found.or(damaged.map(|line| format!("metrics.jsonl: line {line} is no metric")))
    }

    pub(crate) fn journal(&self) -> &JournalTail {
        &self.journal
    }

    /// Returns the newest value of a metric on a split.
    pub fn value(&self, split: SplitName, metric: &str) -> Option<f64> {
        Some(self.journal.series(split, metric)?.last())
    }

    /// Returns the state of the run: one that is recorded as running and that no process holds was killed, and can be continued.
    pub fn state(&self) -> RunState {
        match self.record.as_ref().map(|record| record.status) {
            None => RunState::Damaged,
            Some(Status::Running) if !self.is_held => RunState::Interrupted,
            Some(status) => status.into(),
        }
    }

    /// Returns its steps. The journal knows those made since the last checkpoint, which the record does not.
    pub fn made(&self) -> Option<MadeSteps> {
        let record = self.record.as_ref()?;
        let made = MadeSteps::of(record);
        let is_under_way = self.state() == RunState::Running && made.step > 0;
        let step = self.journal.step().clamp(made.step, made.total.max(made.step));
        // Time is recorded at checkpoints: the pace follows from the steps of the record.
        let seconds = if is_under_way { made.seconds * step as f64 / made.step as f64 } else { made.seconds };
        Some(MadeSteps { step, seconds, ..made })
    }

    /// Returns why the run has no result.
    pub fn reason(&self) -> Option<String> {
        let recorded = self.record.as_ref().and_then(|record| record.reason.clone());
        let was_killed = self.is_running() && !self.is_held;
        let killed = "no process holds it any more; the command that made it continues it";
        self.fault().or(recorded).or(was_killed.then(|| killed.to_owned()))
    }
}
