//! Branching: a run that takes its first steps over from a run of another length.

use allconv_record::{Parent, RecordError, RunDirectory, RunSpecification};

use super::fitting::existing_journal;
use crate::RunSettings;
use crate::checkpoint::{Checkpoint, CheckpointStore};
use crate::progress::StepPlan;

/// The checkpoints and the journal that a run takes over from its parent.
pub(super) struct Branch {
    /// The checkpoints that the run has after these steps, the newest last.
    pub(super) checkpoints: Vec<Checkpoint>,
    /// The journal of these steps.
    pub(super) journal: Vec<u8>,
    /// Their origin.
    pub(super) parent: Parent,
}

/// The run that is started.
pub(super) struct NewRun<'a> {
    pub(super) specification: &'a RunSpecification,
    /// Steps that it makes like any longer run.
    pub(super) shared_steps: u64,
    /// Images of an epoch.
    pub(super) images: u64,
}

impl NewRun<'_> {
    /// Returns the largest number of steps that a related run has made for this run. A relative that cannot be read, is of another
    /// specification, or loses its checkpoints at this moment is ignored: the run can make every step itself.
    pub(super) fn branch(&self, relatives: &[RunDirectory]) -> Option<Branch> {
        let branches = relatives.iter().filter_map(|relative| self.of_relative(relative).ok().flatten());
        branches.max_by_key(|branch| branch.parent.step)
    }

    fn of_relative(&self, relative: &RunDirectory) -> Result<Option<Branch>, RecordError> {
        let specification = relative.read_specification()?;
        let hash = specification.hash();
        if specification.hash_without_length() != self.specification.hash_without_length() {
            return Ok(None);
        }
        let Ok(settings) = RunSettings::read(&specification) else { return Ok(None) };
        let plan = StepPlan::new(
            self.images,
            settings.train.batch as u64,
            settings.train.presentations(self.images),
        );
        let limit = self.shared_steps.min(settings.train.shared_steps(&plan));
        let store = CheckpointStore::at(relative.checkpoints());
        let Some(step) = store.steps()?.into_iter().rfind(|step| *step <= limit) else { return Ok(None) };
        let newest = store.read(step)?;
        let journal = existing_journal(relative)?;
        let mark = newest.state.journal_mark();
        if newest.state.specification_hash != hash || mark.hash.is_none() || mark.mismatch(&journal).is_some()
        {
            return Ok(None);
        }
        let best = newest.state.best.as_ref().map(|best| best.step).filter(|best| *best != step);
        let mut checkpoints = best.map(|best| store.read(best)).transpose()?.into_iter().collect::<Vec<_>>();
        checkpoints.push(newest);
        let own = self.specification.hash();
        for checkpoint in &mut checkpoints {
            checkpoint.state.specification_hash.clone_from(&own);
        }
        let parent = Parent { specification_hash: hash, step };
        Ok(Some(Branch { checkpoints, journal: journal[..mark.length as usize].to_vec(), parent }))
    }
}
