//! The workers of a stage: each takes the next run from the queue, makes it, and notes its outcome.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use allconv_record::{MetricPoint, Resolved, RunDirectory, Status};

use super::interface::{Execute, ExecuteError, FailedRun, Progress, RunOptions, RunSummary, RunToMake};
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
    leave_after: Option<Duration>,
    /// Workers that make a run, or are about to.
    active: AtomicUsize,
}

/// The outcome of a run.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    Ended(Status),
    /// Another process makes it, or has failed to.
    Elsewhere,
    /// It failed by storage, and is to be tried once more.
    FailedOnce(String),
    Failed {
        reason: String,
        is_storage: bool,
    },
}

/// Who made a run.
#[derive(Clone, Copy, PartialEq)]
enum Made {
    /// This process, whatever the outcome.
    Here,
    /// Another process makes it, or made it before.
    Elsewhere,
}

impl<'a> Work<'a> {
    /// The runs with their outcomes so far; those without one are made. When other processes have made all that are left for `leave_after`,
    /// the workers end.
    pub(super) fn new(
        (planned, resolved): (Vec<PlannedRun>, Vec<Resolved>),
        outcomes: Vec<Option<Outcome>>,
        (execute, primary): (&'a dyn Execute, &'a Primary),
        (options, progress): (RunOptions<'a>, &'a (dyn Fn(&Progress) + Sync)),
        leave_after: Option<Duration>,
    ) -> Self {
        let relatives = Relatives::of(&resolved);
        let mut open: Vec<usize> = (0..planned.len()).filter(|&run| outcomes[run].is_none()).collect();
        options.share.sort(&mut open);
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
            leave_after,
            active: AtomicUsize::new(0),
        }
    }

    /// Makes runs until nothing is left, the rest is left to other processes, or the study is interrupted.
    pub(super) fn run(&self) {
        let (mut idle_since, mut was_idle) = (None, false);
        loop {
            if self.options.interrupted.load(Ordering::Relaxed) {
                self.queue.stop();
            }
            // Counted before the queue gives a run away, so that no other worker leaves runs that wait for it.
            self.active.fetch_add(1, Ordering::SeqCst);
            let next = self.queue.next();
            let made = if let Next::Run(run) = next { self.make(run) } else { Made::Elsewhere };
            self.active.fetch_sub(1, Ordering::SeqCst);
            match next {
                Next::Done => return,
                Next::Run(_) if made == Made::Here => (idle_since, was_idle) = (None, false),
                Next::Run(_) => {}
                Next::Wait => {
                    let idle = idle_since.get_or_insert_with(Instant::now).elapsed();
                    let is_over = self.leave_after.is_some_and(|leave_after| idle >= leave_after);
                    let is_idle = is_over && self.active.load(Ordering::SeqCst) == 0;
                    // Twice, because a worker that has just become idle may have made way for a run that waited.
                    if is_idle && was_idle {
                        return self.leave();
                    }
                    was_idle = is_idle;
                    self.pause();
                }
            }
        }
    }

    /// Leaves the runs without an outcome to the processes that make them.
    fn leave(&self) {
        for outcome in self.outcomes().iter_mut().filter(|outcome| outcome.is_none()) {
            *outcome = Some(Outcome::Elsewhere);
        }
        self.queue.stop();
    }

    /// Makes a run that no other process makes or has made.
    fn make(&self, run: usize) -> Made {
        if let Some(outcome) = self.made_elsewhere(run) {
            self.outcomes()[run] = Some(outcome);
            self.queue.settled(run);
            return Made::Elsewhere;
        }
        // Another process may have finished it since the folders were read.
        if let Ok(Some(record)) = self.directory(run).ended() {
            self.settle(run, Outcome::Ended(record.status));
            return Made::Elsewhere;
        }
        self.execute(run)
    }

    /// Returns the outcome of a run of another slice, by its record alone: whether its results are undamaged, and whether it fails again, is
    /// the business of a process with that slice. Not used where further runs depend on the results.
    fn made_elsewhere(&self, run: usize) -> Option<Outcome> {
        if self.options.share.is_own(run) || self.leave_after.is_none() {
            return None;
        }
        match self.directory(run).read_record().ok()?.status {
            Status::Failed => Some(Outcome::Elsewhere),
            status if status.is_final() => Some(Outcome::Ended(status)),
            _ => None,
        }
    }

    fn execute(&self, run: usize) -> Made {
        let (planned, resolved, directory) = (&self.planned[run], &self.resolved[run], self.directory(run));
        (self.progress)(&Progress::Started(planned.clone()));
        let relatives: Vec<RunDirectory> =
            self.relatives.of_run(run).map(|other| self.directory(other)).collect();
        let to_make = RunToMake { planned, resolved, directory: &directory, relatives: &relatives };
        match self.execute.execute(to_make) {
            Ok(status) => {
                if status == Status::Interrupted {
                    self.queue.stop();
                }
                self.settle(run, Outcome::Ended(status));
            }
            Err(ExecuteError::Busy) => {
                (self.progress)(&Progress::HeldElsewhere(planned.clone()));
                self.queue.put_back_busy(run);
                return Made::Elsewhere;
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
        Made::Here
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
            Outcome::Elsewhere => Progress::HeldElsewhere(planned),
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
                Some(Outcome::Elsewhere) => summary.elsewhere += 1,
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
