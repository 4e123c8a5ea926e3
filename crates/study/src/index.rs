//! The index of the planned runs and their states, read from run directories alone, so that it can be rebuilt at any time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use allconv_record::{RecordError, RunDirectory, RunRecord, Status};

use crate::matrix::PlannedRun;

/// The state of a planned run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunState {
    /// All steps made, final evaluation recorded.
    Done,
    /// A loss or gradient was not finite.
    Diverged,
    /// The loss stayed at chance level.
    Stuck,
    /// Not made: with none of the search's learning rates did its arm finish.
    Skipped,
    /// Recorded as running. The process may have been killed since; see [`RunDirectory::is_held`].
    Running,
    /// Stopped on request, can be continued.
    Interrupted,
    /// Stopped by an external cause.
    Failed,
    /// Finished, but its recorded values are damaged; set by readers of the values, never by the index.
    Damaged,
    /// No run directory, or one without a step.
    Left,
}

impl RunState {
    /// All states, in the order in which summaries list them.
    pub const ALL: [RunState; 9] = [
        RunState::Done,
        RunState::Diverged,
        RunState::Stuck,
        RunState::Skipped,
        RunState::Running,
        RunState::Interrupted,
        RunState::Failed,
        RunState::Damaged,
        RunState::Left,
    ];

    /// Returns whether the run has ended in a way that repeating it would reproduce.
    pub fn is_final(self) -> bool {
        matches!(self, RunState::Done | RunState::Diverged | RunState::Stuck | RunState::Skipped)
    }

    /// Returns the name in tables.
    pub fn name(self) -> &'static str {
        match self {
            RunState::Done => "done",
            RunState::Diverged => "diverged",
            RunState::Stuck => "stuck",
            RunState::Skipped => "skipped",
            RunState::Running => "running",
            RunState::Interrupted => "interrupted",
            RunState::Failed => "failed",
            RunState::Damaged => "damaged",
            RunState::Left => "left",
        }
    }
}

impl From<Status> for RunState {
    fn from(status: Status) -> RunState {
        match status {
            Status::Created => RunState::Left,
            Status::Running => RunState::Running,
            Status::Finished => RunState::Done,
            Status::Failed => RunState::Failed,
            Status::Diverged => RunState::Diverged,
            Status::Stuck => RunState::Stuck,
            Status::Interrupted => RunState::Interrupted,
        }
    }
}

/// A run directory of a planned run.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundRun {
    /// The directory.
    pub directory: RunDirectory,
    /// Its `run.json`.
    pub record: RunRecord,
    /// The defect of an ended run's results, where they are no longer those that were recorded.
    pub damage: Option<String>,
}

/// A planned run and its run directory.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexedRun {
    /// The planned run.
    pub planned: PlannedRun,
    /// Its state.
    pub state: RunState,
    /// Its directory.
    pub found: Option<FoundRun>,
}

impl IndexedRun {
    /// Returns the state of the run now: one that is recorded as running and that no process holds was killed, and can be continued.
    ///
    /// # Errors
    /// [`RecordError`] when the lock of the run exists and cannot be opened.
    pub fn state_now(&self) -> Result<RunState, RecordError> {
        Ok(match &self.found {
            Some(found) if self.state == RunState::Running && !found.directory.is_held()? => {
                RunState::Interrupted
            }
            _ => self.state,
        })
    }
}

/// All planned runs of a study with their directories.
#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    /// In the order of the plan.
    pub runs: Vec<IndexedRun>,
    /// Warnings about comparing the runs, as sentences.
    pub warnings: Vec<String>,
}

impl Index {
    /// Number of runs in each state, states without a run left out.
    pub fn counts(&self) -> BTreeMap<RunState, usize> {
        let mut counts = BTreeMap::new();
        for run in &self.runs {
            *counts.entry(run.state).or_insert(0) += 1;
        }
        counts
    }

    /// Whether every run is finished, diverged or stuck.
    pub fn is_complete(&self) -> bool {
        self.runs.iter().all(|run| run.state.is_final())
    }
}

/// The runs in some folders, read once and used for several plans.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunStore {
    by_request: BTreeMap<String, Vec<FoundRun>>,
    warnings: Vec<String>,
}

impl RunStore {
    /// Reads the record of every run directory. One that cannot be read is left out with a warning.
    ///
    /// # Errors
    /// [`RecordError`] when a folder that exists cannot be listed.
    pub fn open(folders: &[PathBuf]) -> Result<RunStore, RecordError> {
        let mut store = RunStore::default();
        for directory in list_once(folders)? {
            match read_run(directory) {
                Ok(found) => {
                    let hash = found.record.request_hash.clone();
                    store.by_request.entry(hash).or_default().push(found);
                }
                Err(error) => store.warnings.push(format!("A run directory was left out: {error}.")),
            }
        }
        // A stable sort: folders named earlier stay first among equals.
        for found in store.by_request.values_mut() {
            found.sort_by_key(|run| {
                let is_ended = run.record.status.is_final() && run.damage.is_none();
                (!is_ended, u64::MAX - run.record.created_unix_seconds)
            });
        }
        Ok(store)
    }

    /// Returns warnings about unreadable records, as sentences.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Returns the index of planned runs, with warnings about these runs alone.
    pub fn index(&self, planned: &[PlannedRun]) -> Index {
        let mut warnings = Vec::new();
        let mut runs = Vec::with_capacity(planned.len());
        for planned in planned {
            let found = self.by_request.get(&planned.request_hash).map(Vec::as_slice).unwrap_or_default();
            let hashes: BTreeSet<&str> =
                found.iter().map(|run| run.record.specification_hash.as_str()).collect();
            if hashes.len() > 1 {
                warnings.push(format!(
                    "Arm {} with seed {} was run under {} different resolved specifications; the newest that came to an end is used.",
                    planned.arm,
                    planned.seed,
                    hashes.len()
                ));
            }
            let found = found.first().cloned();
            let state = match &found {
                None => RunState::Left,
                Some(run) if run.damage.is_some() => RunState::Damaged,
                Some(run) => run.record.status.into(),
            };
            runs.push(IndexedRun { planned: planned.clone(), state, found });
        }
        warnings.extend(mixture_warnings(&runs));
        Index { runs, warnings }
    }
}

/// Looks for the planned runs in the folders, e.g. `runs/<study>` and `docs/results/<study>/runs`.
///
/// Where several directories belong to one request (made by different revisions of the program), a run that came to its
/// end is preferred to one that did not, then the newest, then the one whose folder was named first; the index warns.
/// A directory whose `run.json` cannot be read is left out with a warning.
///
/// # Errors
/// [`RecordError`] when a folder that exists cannot be listed.
pub fn index(planned: &[PlannedRun], folders: &[PathBuf]) -> Result<Index, RecordError> {
    let store = RunStore::open(folders)?;
    let mut index = store.index(planned);
    index.warnings.splice(0..0, store.warnings.iter().cloned());
    Ok(index)
}

/// Returns the ended runs of the folders by the hash of their resolved specification, which need not be made again.
///
/// # Errors
/// [`RecordError`] when a folder that exists cannot be listed. Unreadable records and damaged results count as not ended.
pub(crate) fn ended_by_specification(folders: &[PathBuf]) -> Result<BTreeMap<String, Status>, RecordError> {
    let mut ended = BTreeMap::new();
    for directory in list_once(folders)? {
        if let Ok(Some(record)) = directory.ended() {
            ended.entry(record.specification_hash).or_insert(record.status);
        }
    }
    Ok(ended)
}

/// The record of a run, and whether its results are as they were recorded.
///
/// # Errors
/// [`RecordError`] when the record, or a file with results, cannot be read.
fn read_run(directory: RunDirectory) -> Result<FoundRun, RecordError> {
    let record = directory.read_record()?;
    let damage = match record.status.is_final() {
        true => directory.damage(&record)?,
        false => None,
    };
    Ok(FoundRun { directory, record, damage })
}

/// All run directories of the folders, each folder once even if it is named twice.
fn list_once(folders: &[PathBuf]) -> Result<Vec<RunDirectory>, RecordError> {
    let mut seen = BTreeSet::new();
    let mut directories = Vec::new();
    for folder in folders {
        let canonical = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        if seen.insert(canonical) {
            directories.extend(RunDirectory::list(Path::new(folder))?);
        }
    }
    Ok(directories)
}

/// A property in which runs may differ unintentionally: its name, how to read it from a run, and what follows from a difference.
type Aspect = (&'static str, fn(&FoundRun) -> &str, &'static str);

/// On a processor the bits of a run depend on neither.
const TIMES_ALONE: &str = "; their times are not comparable, their values are";

fn mixture_warnings(runs: &[IndexedRun]) -> Vec<String> {
    let ended = || {
        let found = runs.iter().filter_map(|run| run.found.as_ref());
        found.filter(|run| run.record.status.is_final() && run.damage.is_none())
    };
    let mut warnings = Vec::new();
    let aspects: [Aspect; 4] = [
        ("instruction sets", |run| &run.record.environment.instruction_set, TIMES_ALONE),
        ("commits", |run| &run.record.environment.commit, ""),
        ("devices", |run| &run.record.environment.device, ""),
        ("processors", |run| &run.record.environment.cpu, TIMES_ALONE),
    ];
    for (name, read, note) in aspects {
        let values: BTreeSet<&str> = ended().map(read).collect();
        if values.len() > 1 {
            let listed = values.into_iter().collect::<Vec<_>>().join(", ");
            warnings.push(format!("Runs made with different {name} are mixed: {listed}{note}."));
        }
    }
    warnings.extend(numerics_warnings(ended()));
    warnings
}

/// Parts of the program whose numerics revision differs between runs: their values are not comparable.
fn numerics_warnings<'a>(runs: impl Iterator<Item = &'a FoundRun>) -> Vec<String> {
    let mut revisions: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    let mut others: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut warnings = Vec::new();
    for run in runs {
        match run.directory.read_specification() {
            Ok(specification) => {
                for (part, revision) in specification.numerics {
                    revisions.entry(part).or_default().insert(revision);
                }
                others.entry("precisions").or_default().insert(specification.precision);
                others.entry("device kinds").or_default().insert(specification.device_kind);
            }
            Err(error) => warnings.push(format!("A specification could not be read: {error}.")),
        }
    }
    for (part, values) in revisions.into_iter().filter(|(_, values)| values.len() > 1) {
        let listed = values.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
        warnings.push(format!("Runs made with different revisions of {part} are mixed: {listed}."));
    }
    for (name, values) in others.into_iter().filter(|(_, values)| values.len() > 1) {
        let listed = values.into_iter().collect::<Vec<_>>().join(", ");
        warnings.push(format!("Runs made with different {name} are mixed: {listed}."));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::plan;
    use crate::testing::{small_study, write_run};

    #[test]
    fn runs_are_found_by_request_in_any_folder_and_missing_ones_are_left() {
        let folder = tempfile::tempdir().unwrap();
        let planned = plan(&small_study(2));
        let (first, second) = (folder.path().join("runs"), folder.path().join("published"));
        write_run(&first, &planned[0], Status::Finished, Some(0.2));
        write_run(&second, &planned[4], Status::Diverged, None);
        let folders = [first.clone(), second, first, folder.path().join("absent")];
        let index = index(&planned, &folders).unwrap();
        let states: Vec<RunState> = index.runs.iter().map(|run| run.state).collect();
        use RunState::{Diverged, Done, Left};
        assert_eq!(states, [Done, Left, Left, Left, Diverged, Left]);
        assert_eq!(index.counts(), BTreeMap::from([(Done, 1), (Diverged, 1), (Left, 4)]));
        assert!(!index.is_complete());
        assert!(index.warnings.is_empty(), "{:?}", index.warnings);
    }

    #[test]
    fn mixed_instruction_sets_and_commits_are_warned_about() {
        let folder = tempfile::tempdir().unwrap();
        let planned = plan(&small_study(1));
        write_run(folder.path(), &planned[0], Status::Finished, Some(0.2));
        let other = write_run(folder.path(), &planned[1], Status::Finished, Some(0.2));
        let mut record = other.read_record().unwrap();
        record.environment.instruction_set = "avx512".into();
        record.environment.commit = "def".into();
        other.write_record(&record).unwrap();
        let mut specification = other.read_specification().unwrap();
        specification.numerics.insert("loop".into(), 2);
        other.write_specification(&specification).unwrap();
        record.specification_hash = specification.hash();
        other.write_record(&record).unwrap();
        let warnings = index(&planned, &[folder.path().to_path_buf()]).unwrap().warnings;
        assert_eq!(
            warnings,
            [
                "Runs made with different instruction sets are mixed: avx2, avx512; their times are not comparable, their values are.",
                "Runs made with different commits are mixed: abc, def.",
                "Runs made with different revisions of loop are mixed: 1, 2."
            ]
        );
    }

    #[test]
    fn of_two_answers_the_one_that_ended_is_used_and_warned_about() {
        let folder = tempfile::tempdir().unwrap();
        let planned = plan(&small_study(1));
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        write_run(&old, &planned[0], Status::Finished, Some(0.2));
        let unfinished = write_run(&new, &planned[0], Status::Running, None);
        let mut record = unfinished.read_record().unwrap();
        record.specification_hash = "other".into();
        record.created_unix_seconds += 100;
        unfinished.write_record(&record).unwrap();
        let index = index(&planned, &[new, old.clone()]).unwrap();
        assert_eq!(index.runs[0].state, RunState::Done);
        assert!(index.runs[0].found.as_ref().unwrap().directory.path().starts_with(old));
        assert!(index.warnings[0].contains("2 different resolved specifications"));
    }

    #[test]
    fn an_unreadable_record_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let planned = plan(&small_study(1));
        let run = write_run(folder.path(), &planned[0], Status::Finished, Some(0.2));
        std::fs::write(run.path().join("run.json"), "{").unwrap();
        let index = index(&planned, &[folder.path().to_path_buf()]).unwrap();
        assert_eq!(index.runs[0].state, RunState::Left);
        assert!(index.warnings[0].contains("run.json"), "{:?}", index.warnings);
    }
}
