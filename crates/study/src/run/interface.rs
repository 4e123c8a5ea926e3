//! The interface of running a study: the executor of runs, options, progress, the summary.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use allconv_record::{RecordError, Resolved, RunDirectory, Status};

use super::share::Share;
use crate::matrix::PlannedRun;

/// A run to make.
#[derive(Clone, Copy, Debug)]
pub struct RunToMake<'a> {
    /// Its place in the study.
    pub planned: &'a PlannedRun,
    /// Its specification and dimensions.
    pub resolved: &'a Resolved,
    /// Where its files are written.
    pub directory: &'a RunDirectory,
    /// Runs that differ in the length of the training alone.
    pub relatives: &'a [RunDirectory],
}

/// Makes one run. Implemented by a crate with tensors.
pub trait Execute: Sync {
    /// Makes or continues a run, writing its files, and returns the status it ended with. Steps that one of its relatives has made in the same
    /// way may be taken over.
    ///
    /// The implementation takes the directory's lease and reads its status *after* that: a run that another process
    /// finished in the meantime is returned as it is, not repeated. On a request to stop it makes a checkpoint and
    /// returns [`Status::Interrupted`].
    ///
    /// # Errors
    /// [`ExecuteError::Busy`] when another process has the directory, or has taken it over while this one was stopped; [`ExecuteError::Storage`] when a disk or its permissions
    /// fail; [`ExecuteError::Run`] when this run cannot be made. Divergence is a status, not an error.
    fn execute(&self, run: RunToMake<'_>) -> Result<Status, ExecuteError>;
}

/// The reason why a run has no status.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// Another process is making this run.
    #[error("another process is making this run")]
    Busy,
    /// A disk is full or broken, or a permission is missing: another attempt may succeed.
    #[error("{0}")]
    Storage(String),
    /// The run itself cannot be made, and another attempt would fail too: data, a measure, a fault of the program.
    #[error("{0}")]
    Run(String),
}

impl From<RecordError> for ExecuteError {
    fn from(error: RecordError) -> ExecuteError {
        match error {
            RecordError::Busy { .. } | RecordError::Lost { .. } => ExecuteError::Busy,
            RecordError::Io { .. } => ExecuteError::Storage(error.to_string()),
            other => ExecuteError::Run(other.to_string()),
        }
    }
}

/// Options of running a study.
#[derive(Clone, Copy, Debug)]
pub struct RunOptions<'a> {
    /// Folder of new run directories, e.g. `runs/<study>`.
    pub study_folder: &'a Path,
    /// Other folders whose ended runs count, e.g. `docs/results/<study>/runs`.
    pub other_folders: &'a [PathBuf],
    /// Runs made at the same time, at least 1.
    pub jobs: usize,
    /// Set from outside to stop: no new run is begun, those under way are expected to stop by themselves.
    pub interrupted: &'a AtomicBool,
    /// How long to wait before looking again at runs that other processes hold.
    pub busy_pause: Duration,
    /// The runs that this process makes.
    pub share: Share,
}

/// Progress of a study. Reported from worker threads.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// A stage begins: this many runs, of which some have come to their end before.
    Planned {
        /// The purpose of the runs.
        stage: Stage,
        /// All runs of the stage.
        runs: usize,
        /// Those that need not be made.
        ended_before: usize,
        /// Training steps of the others, including those that a checkpoint or a shorter run has made.
        steps: u64,
    },
    /// A run begins or continues.
    Started(PlannedRun),
    /// A run has come to a status; a finished one with the value of the primary metric.
    Ended(PlannedRun, Status, Option<f64>),
    /// A run is held by another process; it is looked at again later.
    HeldElsewhere(PlannedRun),
    /// Storage failed under a run, which is tried once more after all others.
    Retrying(PlannedRun, String),
    /// A run failed for good.
    Failed(PlannedRun, String),
}

/// The purpose of the runs of a study.
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

/// The outcomes of all runs of the study, those of its search included.
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
    /// Runs of other slices that another process makes, or that have failed there.
    pub elsewhere: usize,
}

impl RunSummary {
    /// Adds the outcomes of other runs.
    pub(super) fn add(&mut self, other: RunSummary) {
        self.finished += other.finished;
        self.diverged += other.diverged;
        self.stuck += other.stuck;
        self.failed.extend(other.failed);
        self.interrupted += other.interrupted;
        self.left += other.left;
        self.elsewhere += other.elsewhere;
    }

    /// Whether every run is finished, diverged or stuck.
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.interrupted == 0 && self.left == 0 && self.elsewhere == 0
    }
}
