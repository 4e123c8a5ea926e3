//! `study run`: makes the runs that are not made yet, several at a time, each exactly once, and summarises their outcomes.

mod interface;
mod share;
mod work;

use std::path::PathBuf;
use std::time::Duration;

use allconv_record::{Resolve, Resolved};

pub use self::interface::{
    Execute, ExecuteError, FailedRun, Progress, RunOptions, RunSummary, RunToMake, Stage,
};
use self::share::Named;
pub use self::share::{Share, Slice, SliceError};
use self::work::{Outcome, Work};
use crate::error::StudyError;
use crate::file::{StudyFile, StudyFileError};
use crate::index::ended_by_specification;
use crate::matrix::{PlannedRun, plan};
use crate::recorded::check_metrics;
use crate::results::StudyResults;
use crate::room::check_room;
use crate::search::SearchResult;

/// Makes all runs of the study that have not come to an end yet: first those of its search, round by round, then those it compares.
///
/// Every run of a stage is resolved before the first begins, so that a mistake in the file costs no time. A run counts as ended
/// when a directory with the same *resolved* specification is finished, diverged or stuck and its results are those it ended with. A
/// run that fails, or in which the program panics, ends no other; where storage failed it is tried once more at the end of its stage.
/// When the study's folder cannot be written any more, no further run is begun.
///
/// # Errors
/// [`StudyError`] before any run of a stage was begun; afterwards failures are in the summary. [`StudyError::NoValidation`] when a
/// run of the search has finished without a validation metric, [`StudyError::DamagedSearch`] when its values are damaged.
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

/// The settings that all stages of a study share.
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

    /// Returns how the runs have ended that need not be made. A process with a slice looks at its own runs only, and at others before it would
    /// make them: thousands of runs of other slices are not read by every process.
    fn outcomes(&self, resolved: &[Resolved]) -> Result<Vec<Option<Outcome>>, StudyError> {
        let folders = match self.options.share {
            Share::Whole => &self.folders[..],
            Share::Slice { .. } => self.options.other_folders,
        };
        let known = ended_by_specification(folders)?;
        let named = match self.options.share {
            Share::Whole => None,
            Share::Slice { .. } => Some(Named::list(self.options.study_folder)?),
        };
        let outcome = |(run, resolved): (usize, &Resolved)| {
            let known = known.get(&resolved.specification.hash()).copied();
            let named = named.as_ref().filter(|_| self.options.share.is_own(run));
            known.or_else(|| named?.ended(resolved)).map(Outcome::Ended)
        };
        Ok(resolved.iter().enumerate().map(outcome).collect())
    }

    /// Returns how long a process waits for runs that others make: to the end, where further runs depend on their results.
    fn leave_after(&self, stage: Stage) -> Option<Duration> {
        match self.options.share {
            Share::Slice { leave_after, .. }
                if stage == Stage::Comparison && self.study.sequential.is_none() =>
            {
                Some(leave_after)
            }
            Share::Slice { .. } | Share::Whole => None,
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
        let outcomes = self.outcomes(&resolved)?;
        let todo: Vec<usize> = (0..planned.len()).filter(|&run| outcomes[run].is_none()).collect();
        if !todo.is_empty() {
            check_room(self.options.study_folder, todo.iter().map(|&run| &resolved[run]), self.options.jobs)?;
        }
        let (runs, ended_before) = (planned.len(), planned.len() - todo.len());
        let own = todo.iter().filter(|&&run| self.options.share.is_own(run));
        let steps = own.map(|&run| resolved[run].steps).sum();
        (self.progress)(&Progress::Planned { stage, runs, ended_before, steps });
        let making = (self.execute, &self.study.primary);
        let leave_after = self.leave_after(stage);
        let work =
            Work::new((planned, resolved), outcomes, making, (self.options, self.progress), leave_after);
        std::thread::scope(|scope| {
            for _ in 0..self.options.jobs.min(todo.len()) {
                scope.spawn(|| work.run());
            }
        });
        Ok(work.summarise())
    }
}

#[cfg(test)]
mod shared_store;
#[cfg(test)]
mod tests;
