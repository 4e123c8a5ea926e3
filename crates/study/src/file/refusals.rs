//! Checks over a whole study file: too many runs, two equal arms, a search that cannot choose.

use std::collections::HashMap;

use super::document::{Document, StudyFileError};
use super::limits;
use super::node::Node;
use super::study_file::StudyFile;

impl StudyFile {
    /// Checks that only the search sets the rate, and that the length of the runs that it shortens is known.
    pub(super) fn refuse_unsearchable_arms(
        &self,
        document: &Document,
        node: Option<&Node>,
    ) -> Result<(), StudyFileError> {
        let (Some(search), Some(node)) = (&self.search, node) else { return Ok(()) };
        for arm in &self.arms {
            let train = self.request(arm, self.seeds.from).train;
            if train.contains_key("learning_rate") {
                let message = format!(
                    "`search.lr` chooses the learning rate of every arm, but arm `{}` sets `train.learning_rate`; remove one of them",
                    arm.name
                );
                return Err(document.error(&node.key, message));
            }
            if search.shortens() && !train.contains_key("epochs") && !train.contains_key("presentations") {
                let message = format!(
                    "`search` shortens the training, so arm `{}` must say how long it is: `train.epochs` or `train.presentations`",
                    arm.name
                );
                return Err(document.error(&node.key, message));
            }
        }
        Ok(())
    }

    /// Limits the number of planned runs, all of which are held in memory.
    pub(super) fn refuse_too_many_runs(&self) -> Result<(), StudyFileError> {
        let arms = self.arms.len() as u64;
        let most = limits::MOST_RUNS;
        let runs = arms * u64::from(self.seeds.count);
        if runs > most {
            let message = format!(
                "`seeds.count` is {}: with {arms} arms the study has {runs} runs; at most {most} are possible",
                self.seeds.count
            );
            return Err(self.error_at(&["seeds", "count"], message));
        }
        let Some(search) = &self.search else { return Ok(()) };
        let searched = arms * search.lr.len() as u64 * u64::from(search.seeds.count);
        if searched > most {
            let message = format!(
                "`search` tries {} rates with {} seeds for {arms} arms, in {searched} runs; at most {most} are possible",
                search.lr.len(),
                search.seeds.count
            );
            return Err(self.error_at(&["search"], message));
        }
        Ok(())
    }

    /// Refuses arms with equal requests: they would be one set of runs under two names, compared with itself.
    pub(super) fn refuse_equal_arms(&self, document: &Document, node: &Node) -> Result<(), StudyFileError> {
        let mut seen: HashMap<String, &str> = HashMap::with_capacity(self.arms.len());
        for arm in &self.arms {
            let second = &arm.name;
            if let Some(first) = seen.insert(self.request(arm, self.seeds.from).hash(), second) {
                let message =
                    format!("arm `{second}` requests exactly the runs of arm `{first}`; remove one of them");
                let span = node.child(second).map_or(&node.key, |child| &child.key);
                return Err(document.error(span, message));
            }
        }
        Ok(())
    }
}
