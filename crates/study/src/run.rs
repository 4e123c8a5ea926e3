//! `study run`: makes the runs that are not made yet, several at a time, each exactly once, and says what came of them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use allconv_record::{RecordError, Resolve, Resolved, RunDirectory, Status};

use crate::error::StudyError;
use crate::file::{StudyFile, StudyFileError};
use crate::index::ended_by_specification;
use crate::matrix::{PlannedRun, plan};
use crate::queue::{Next, Queue};
use crate::recorded::check_metrics;
use crate::relatives::Relatives;
use crate::results::StudyResults;
use crate::room::{check_room, check_writable};
use crate::search::SearchResult;

/// Makes one run. Implemented where tensors are known.
pub trait Execute: Sync {
    /// Makes or continues the run in `directory`, writing its files there, and returns the status it ended with. Steps that one of the
    /// `relatives`, runs that differ in the length of the training alone, has made alike may be taken over.
    ///
    /// The implementation takes the directory's lock and looks at its status *after* that: a run that another process
    /// finished in the meantime is returned as it is, not repeated. On a request to stop it makes a checkpoint and
    /// returns [`Status::Interrupted`].
    ///
    /// # Errors
    /// [`ExecuteError::Busy`] when another process holds the directory; [`ExecuteError::Storage`] when a disk or its permissions
    /// fail; [`ExecuteError::Run`] when this run cannot be made. Divergence is a status, not an error.
    fn execute(
        &self,
        planned: &PlannedRun,
        resolved: &Resolved,
        directory: &RunDirectory,
        relatives: &[RunDirectory],
    ) -> Result<Status, ExecuteError>;
}

/// Why a run has no status.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// Another live process is making this run.
    #[error("another process is making this run")]
    Busy,
    /// A disk is full or broken, or a permission is missing: another attempt may succeed.
    #[error("{0}")]
    Storage(String),
    /// The run itself cannot be made, and another attempt would fail alike: data, a measure, a fault of the program.
    #[error("{0}")]
    Run(String),
}

impl From<RecordError> for ExecuteError {
    fn from(error: RecordError) -> ExecuteError {
        match error {
            RecordError::Busy { .. } => ExecuteError::Busy,
            RecordError::Io { .. } => ExecuteError::Storage(error.to_string()),
            other => ExecuteError::Run(other.to_string()),
        }
    }
}

/// How a study is run.
#[derive(Clone, Copy, Debug)]
pub struct RunOptions<'a> {
    /// Where new run directories are made, e.g. `runs/<study>`.
    pub study_folder: &'a Path,
    /// Other folders whose ended runs count, e.g. `docs/results/<study>/runs`.
    pub other_folders: &'a [PathBuf],
    /// Runs made at the same time, at least 1.
    pub jobs: usize,
    /// Set from outside to stop: no new run is begun, those under way are expected to stop by themselves.
    pub interrupted: &'a AtomicBool,
    /// How long to wait before looking again at runs that other processes hold.
    pub busy_pause: Duration,
}

/// What is told while a study is run. Called from worker threads.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// A stage begins: this many runs, of which some have come to their end before.
    Planned {
        /// What the runs are for.
        stage: Stage,
        /// All runs of the stage.
        runs: usize,
        /// Those that need not be made.
        ended_before: usize,
    },
    /// A run begins or continues.
    Started(PlannedRun),
    /// A run has come to a status.
    Ended(PlannedRun, Status),
    /// A run is held by another process; it is looked at again later.
    HeldElsewhere(PlannedRun),
    /// Storage failed under a run, which is tried once more after all others.
    Retrying(PlannedRun, String),
    /// A run failed for good.
    Failed(PlannedRun, String),
}

/// What runs of a study are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// One round of the search for learning rates, from 1, of so many.
    Search {
        /// The round.
        round: u32,
        /// All rounds.
        rounds: u32,
    },
    /// The runs that the study compares.
    Comparison,
}

/// A run that failed for good.
#[derive(Clone, Debug, PartialEq)]
pub struct FailedRun {
    /// The run.
    pub planned: PlannedRun,
    /// Why.
    pub reason: String,
    /// Whether a disk or its permissions failed, rather than the run itself.
    pub is_storage: bool,
}

/// What came of every run of the study, those of its search included.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunSummary {
    /// Finished, those from before included.
    pub finished: usize,
    /// Diverged, those from before included.
    pub diverged: usize,
    /// Stuck, those from before included.
    pub stuck: usize,
    /// Runs that failed.
    pub failed: Vec<FailedRun>,
    /// Runs that were stopped on request and can be continued.
    pub interrupted: usize,
    /// Runs that were not begun.
    pub left: usize,
}

impl RunSummary {
    /// Adds what came of other runs.
    fn add(&mut self, other: RunSummary) {
        self.finished += other.finished;
        self.diverged += other.diverged;
        self.stuck += other.stuck;
        self.failed.extend(other.failed);
        self.interrupted += other.interrupted;
        self.left += other.left;
    }

    /// Whether every run is finished, diverged or stuck.
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.interrupted == 0 && self.left == 0
    }
}

/// Everything the workers share.
struct Work<'a> {
    planned: Vec<PlannedRun>,
    resolved: Vec<Resolved>,
    relatives: Relatives,
    queue: Queue,
    outcomes: Mutex<Vec<Option<Outcome>>>,
    execute: &'a dyn Execute,
    options: RunOptions<'a>,
    progress: &'a (dyn Fn(&Progress) + Sync),
}

#[derive(Clone, Debug)]
enum Outcome {
    Ended(Status),
    /// By storage, and it is to be tried once more.
    FailedOnce(String),
    Failed {
        reason: String,
        is_storage: bool,
    },
}

/// Makes all runs of the study that have not come to an end yet: first those of its search, round by round, then those it compares.
///
/// Every run of a stage is resolved before the first begins, so that a mistake in the file costs no time. A run counts as ended
/// when a directory with the same *resolved* specification is finished, diverged or stuck and its results are those it ended with. A
/// run that fails, or in which the program panics, ends no other; where storage failed it is tried once more at the end of its stage.
/// When the study's folder cannot be written any more, no further run is begun.
///
/// # Errors
/// [`StudyError`] before any run of a stage was begun; afterwards failures are in the summary. [`StudyError::NoValidation`] when a
/// run of the search has finished without a validation metric, [`StudyError::DamagedSearch`] when its values cannot be believed.
pub fn run_study(
    study: &StudyFile,
    resolve: &dyn Resolve,
    execute: &dyn Execute,
    options: RunOptions<'_>,
    progress: &(dyn Fn(&Progress) + Sync),
) -> Result<RunSummary, StudyError> {
    assert!(options.jobs >= 1, "a study needs at least 1 worker, got {}", options.jobs);
    crate::check::check_statistics(study)?;
    let mut folders = vec![options.study_folder.to_path_buf()];
    folders.extend_from_slice(options.other_folders);
    let stages = Stages { study, resolve, execute, options, progress, folders };
    let mut summary = RunSummary::default();
    let mut compared = plan(study);
    while let Some(search) = SearchResult::collect(study, &stages.folders)? {
        if let Some(run) = search.without_metric() {
            return Err(StudyError::NoValidation {
                arm: run.arm.clone(),
                seed: run.seed,
                metric: study.primary.metric.clone(),
            });
        }
        if let Some(run) = search.damaged() {
            return Err(StudyError::DamagedSearch {
                arm: run.arm.clone(),
                seed: run.seed,
                reason: run.reason.clone().unwrap_or_default(),
            });
        }
        let round = search.rungs.len() as u32;
        if search.is_decided() {
            compared = search.compared_runs(study);
            break;
        }
        let rounds = study.search.as_ref().map_or(1, crate::file::Search::rungs);
        let made = stages.make(search.open_runs(study), Stage::Search { round, rounds })?;
        let is_complete = made.is_complete();
        summary.add(made);
        if !is_complete {
            summary.left += study.arms.len() * study.seeds.count as usize;
            return Ok(summary);
        }
    }
    summary.add(stages.compare(compared)?);
    Ok(summary)
}

/// What all stages of a study share.
struct Stages<'a> {
    study: &'a StudyFile,
    resolve: &'a dyn Resolve,
    execute: &'a dyn Execute,
    options: RunOptions<'a>,
    progress: &'a (dyn Fn(&Progress) + Sync),
    folders: Vec<PathBuf>,
}

impl Stages<'_> {
    /// Makes the runs that are compared; in a sequential study, those up to the next look, until it has stopped.
    fn compare(&self, planned: Vec<PlannedRun>) -> Result<RunSummary, StudyError> {
        if self.study.sequential.is_none() {
            return self.make(planned, Stage::Comparison);
        }
        loop {
            let results = StudyResults::collect(self.study, &self.folders)?;
            let sequential = results.sequential.as_ref();
            let needed = sequential.map_or(self.study.seeds.count, |sequential| sequential.seeds_needed());
            let end = self.study.seeds.from + u64::from(needed);
            let next: Vec<PlannedRun> = planned.iter().filter(|run| run.seed < end).cloned().collect();
            let made = self.make(next, Stage::Comparison)?;
            let is_over = sequential.is_none_or(|sequential| sequential.is_over());
            if is_over || !made.is_complete() {
                return Ok(made);
            }
        }
    }

    /// Makes those of the planned runs that have not come to an end.
    fn make(&self, planned: Vec<PlannedRun>, stage: Stage) -> Result<RunSummary, StudyError> {
        let resolved = planned
            .iter()
            .map(|run| {
                let resolved = self.resolve.resolve(&run.request);
                let resolved =
                    resolved.map_err(|error| self.study.locate(&self.study.arms[run.arm_index], &error))?;
                check_metrics(self.study, run.arm_index, &resolved)?;
                Ok(resolved)
            })
            .collect::<Result<Vec<_>, StudyFileError>>()?;
        let known = ended_by_specification(&self.folders)?;
        let outcomes: Vec<Option<Outcome>> = resolved
            .iter()
            .map(|resolved| known.get(&resolved.specification.hash()).copied().map(Outcome::Ended))
            .collect();
        let todo: Vec<usize> = (0..planned.len()).filter(|&run| outcomes[run].is_none()).collect();
        if !todo.is_empty() {
            check_room(self.options.study_folder, todo.iter().map(|&run| &resolved[run]), self.options.jobs)?;
        }
        let (runs, ended_before) = (planned.len(), planned.len() - todo.len());
        (self.progress)(&Progress::Planned { stage, runs, ended_before });
        let relatives = Relatives::of(&resolved);
        let work = Work {
            planned,
            queue: Queue::new(todo.iter().copied(), |run| relatives.shorter(run)),
            relatives,
            resolved,
            outcomes: Mutex::new(outcomes),
            execute: self.execute,
            options: self.options,
            progress: self.progress,
        };
        std::thread::scope(|scope| {
            for _ in 0..self.options.jobs.min(todo.len()) {
                scope.spawn(|| work.labour());
            }
        });
        Ok(work.summarise())
    }
}

impl Work<'_> {
    /// What one worker does until nothing is left or the study is interrupted.
    fn labour(&self) {
        loop {
            if self.options.interrupted.load(Ordering::Relaxed) {
                self.queue.stop();
            }
            match self.queue.next() {
                Next::Done => return,
                Next::Wait => self.pause(),
                Next::Run(run) => self.make(run),
            }
        }
    }

    fn make(&self, run: usize) {
        let (planned, resolved, directory) = (&self.planned[run], &self.resolved[run], self.directory(run));
        // Another process may have finished it since the folders were read.
        if let Ok(Some(record)) = directory.ended() {
            return self.settle(run, Outcome::Ended(record.status));
        }
        (self.progress)(&Progress::Started(planned.clone()));
        let relatives: Vec<RunDirectory> =
            self.relatives.of_run(run).map(|other| self.directory(other)).collect();
        match self.execute.execute(planned, resolved, &directory, &relatives) {
            Ok(status) => {
                if status == Status::Interrupted {
                    self.queue.stop();
                }
                self.settle(run, Outcome::Ended(status));
            }
            Err(ExecuteError::Busy) => {
                (self.progress)(&Progress::HeldElsewhere(planned.clone()));
                self.queue.put_back_busy(run);
            }
            Err(ExecuteError::Run(reason)) => self.settle(run, Outcome::Failed { reason, is_storage: false }),
            Err(ExecuteError::Storage(reason)) if check_writable(self.options.study_folder).is_err() => {
                self.queue.stop();
                self.settle(run, Outcome::Failed { reason, is_storage: true });
            }
            Err(ExecuteError::Storage(reason)) if self.has_failed_before(run) => {
                self.settle(run, Outcome::Failed { reason, is_storage: true });
            }
            Err(ExecuteError::Storage(reason)) => {
                (self.progress)(&Progress::Retrying(planned.clone(), reason.clone()));
                self.outcomes()[run] = Some(Outcome::FailedOnce(reason));
                self.queue.put_back(run);
            }
        }
    }

    /// Where a run is made.
    fn directory(&self, run: usize) -> RunDirectory {
        let (planned, resolved) = (&self.planned[run], &self.resolved[run]);
        RunDirectory::for_run(self.options.study_folder, &planned.arm, &resolved.specification)
    }

    fn has_failed_before(&self, run: usize) -> bool {
        matches!(self.outcomes()[run], Some(Outcome::FailedOnce(_)))
    }

    fn settle(&self, run: usize, outcome: Outcome) {
        let planned = self.planned[run].clone();
        (self.progress)(&match &outcome {
            Outcome::Ended(status) => Progress::Ended(planned, *status),
            Outcome::FailedOnce(reason) | Outcome::Failed { reason, .. } => {
                Progress::Failed(planned, reason.clone())
            }
        });
        self.outcomes()[run] = Some(outcome);
        self.queue.settled(run);
    }

    /// Waits before looking again at runs of other processes, in slices so that an interruption is heard soon.
    fn pause(&self) {
        let end = Instant::now() + self.options.busy_pause;
        while Instant::now() < end && !self.options.interrupted.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(20).min(self.options.busy_pause));
        }
    }

    fn summarise(&self) -> RunSummary {
        let mut summary = RunSummary::default();
        for (planned, outcome) in self.planned.iter().zip(self.outcomes().iter()) {
            let failed =
                |reason: String, is_storage| FailedRun { planned: planned.clone(), reason, is_storage };
            match outcome {
                Some(Outcome::Ended(Status::Finished)) => summary.finished += 1,
                Some(Outcome::Ended(Status::Diverged)) => summary.diverged += 1,
                Some(Outcome::Ended(Status::Stuck)) => summary.stuck += 1,
                Some(Outcome::Ended(Status::Interrupted)) => summary.interrupted += 1,
                Some(Outcome::Ended(status)) => {
                    summary.failed.push(failed(format!("the run was left as {status}"), false));
                }
                Some(Outcome::FailedOnce(reason)) => summary.failed.push(failed(reason.clone(), true)),
                Some(Outcome::Failed { reason, is_storage }) => {
                    summary.failed.push(failed(reason.clone(), *is_storage));
                }
                None => summary.left += 1,
            }
        }
        summary
    }

    /// A worker that panicked leaves the list consistent, so its poison is no reason to stop.
    fn outcomes(&self) -> MutexGuard<'_, Vec<Option<Outcome>>> {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod shared_store;
#[cfg(test)]
mod tests;
