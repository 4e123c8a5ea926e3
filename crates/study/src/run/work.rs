//! The workers of a stage: each takes the next run from the queue, makes it, and notes its outcome.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use allconv_record::{MetricPoint, Resolved, RunDirectory, Status};

use super::interface::{Execute, ExecuteError, FailedRun, Progress, RunOptions, RunSummary};
use crate::file::Primary;
use crate::matrix::PlannedRun;
use crate::queue::{Next, Queue};
use crate::relatives::Relatives;
use crate::room::check_writable;

/// The state that the workers share.
pub(super) struct Work<'a> {
    planned: Vec<PlannedRun>,
    resolved: Vec<Resolved>,
    relatives: Relatives,
    queue: Queue,
    outcomes: Mutex<Vec<Option<Outcome>>>,
    execute: &'a dyn Execute,
    primary: &'a Primary,
    options: RunOptions<'a>,
    progress: &'a (dyn Fn(&Progress) + Sync),
}

/// The outcome of a run.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    Ended(Status),
    /// It failed by storage, and is to be tried once more.
    FailedOnce(String),
    Failed {
        reason: String,
        is_storage: bool,
    },
}

impl<'a> Work<'a> {
    /// The runs with their outcomes so far; those without one are made.
    pub(super) fn new(
        (planned, resolved): (Vec<PlannedRun>, Vec<Resolved>),
        outcomes: Vec<Option<Outcome>>,
        (execute, primary): (&'a dyn Execute, &'a Primary),
        (options, progress): (RunOptions<'a>, &'a (dyn Fn(&Progress) + Sync)),
    ) -> Self {
        let relatives = Relatives::of(&resolved);
        let open = (0..planned.len()).filter(|&run| outcomes[run].is_none());
        let queue = Queue::new(open, |run| relatives.shorter(run));
        Work {
            planned,
            resolved,
            relatives,
            queue,
            outcomes: Mutex::new(outcomes),
            execute,
            primary,
            options,
            progress,
        }
    }

    /// Makes runs until nothing is left or the study is interrupted.
    pub(super) fn run(&self) {
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

    /// Returns the directory of a new run.
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
            Outcome::Ended(status) => Progress::Ended(planned, *status, self.value(run, *status)),
            Outcome::FailedOnce(reason) | Outcome::Failed { reason, .. } => {
                Progress::Failed(planned, reason.clone())
            }
        });
        self.outcomes()[run] = Some(outcome);
        self.queue.settled(run);
    }

    /// Returns the primary metric at the end of a finished run.
    fn value(&self, run: usize, status: Status) -> Option<f64> {
        let points = (status == Status::Finished).then(|| self.directory(run).read_metrics().ok())??;
        let is_primary =
            |point: &&MetricPoint| point.split == self.primary.split && point.name == self.primary.metric;
        points.iter().rfind(is_primary).map(|point| point.value)
    }

    /// Waits before looking again at runs of other processes, in slices so that an interruption is noticed soon.
    fn pause(&self) {
        let end = Instant::now() + self.options.busy_pause;
        while Instant::now() < end && !self.options.interrupted.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(20).min(self.options.busy_pause));
        }
    }

    pub(super) fn summarise(&self) -> RunSummary {
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

    /// A worker that panicked leaves the list consistent, so a poisoned lock can be used.
    fn outcomes(&self) -> MutexGuard<'_, Vec<Option<Outcome>>> {
        self.outcomes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
