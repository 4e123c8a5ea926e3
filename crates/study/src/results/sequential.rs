//! The looks of a sequential study: those taken, their decisions, and whether the study has stopped.

use serde::Serialize;

use crate::file::StudyFile;
use crate::index::IndexedRun;
use crate::results::{ComparisonResult, Verdict};
use crate::stats::look_levels;

/// One look.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Look {
    /// Its number of seeds.
    pub seeds: u32,
    /// Level of its tests.
    pub level: f64,
}

/// The looks of a study so far.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SequentialResult {
    /// All looks that the study file fixes.
    pub looks: Vec<Look>,
    /// Looks that every run they need has come to an end for, up to the one at which the study stopped.
    pub reached: usize,
    /// For each comparison, the look from 0 at which something was shown.
    pub decided_at: Vec<Option<usize>>,
    /// Whether every comparison was decided, so that the remaining seeds are not needed.
    pub has_stopped: bool,
}

impl SequentialResult {
    /// The looks before any was taken; `None` for a study without.
    pub(crate) fn planned(study: &StudyFile) -> Option<SequentialResult> {
        let seeds = &study.sequential.as_ref()?.looks;
        let levels = look_levels(study.compare.alpha, seeds);
        let looks = seeds.iter().zip(levels).map(|(&seeds, level)| Look { seeds, level }).collect();
        let decided_at = vec![None; study.comparison_count()];
        Some(SequentialResult { looks, reached: 0, decided_at, has_stopped: false })
    }

    /// Whether the next look's runs have all come to an end.
    pub(crate) fn can_look(&self, study: &StudyFile, runs: &[IndexedRun]) -> bool {
        let Some(look) = self.looks.get(self.reached) else { return false };
        let is_needed = |run: &&IndexedRun| run.planned.seed < study.seeds.from + u64::from(look.seeds);
        !self.has_stopped && runs.iter().filter(is_needed).all(|run| run.state.is_final())
    }

    /// Takes the next look: verdicts of earlier looks stay, whatever the numbers are now.
    pub(crate) fn look(&mut self, comparisons: &mut [ComparisonResult], earlier: &[Verdict]) {
        for (position, comparison) in comparisons.iter_mut().enumerate() {
            if self.decided_at[position].is_some() {
                comparison.verdict = earlier[position];
            } else if comparison.verdict.is_decision() {
                self.decided_at[position] = Some(self.reached);
            }
        }
        self.reached += 1;
        self.has_stopped = !comparisons.is_empty() && self.decided_at.iter().all(Option::is_some);
    }

    /// Withdraws "not shown" where a later look may still show something.
    pub(crate) fn withhold(&self, comparisons: &mut [ComparisonResult]) {
        if self.is_over() {
            return;
        }
        for (comparison, decided_at) in comparisons.iter_mut().zip(&self.decided_at) {
            if decided_at.is_none() && comparison.verdict != Verdict::NoPairs {
                comparison.verdict = Verdict::Interim;
            }
        }
    }

    /// Seeds whose runs are needed: those of the look at which the study stopped, else those of the next look.
    pub fn seeds_needed(&self) -> u32 {
        let position = if self.has_stopped { self.reached.saturating_sub(1) } else { self.reached };
        self.looks.get(position).or(self.looks.last()).map_or(0, |look| look.seeds)
    }

    /// Whether no further runs are needed.
    pub fn is_over(&self) -> bool {
        self.has_stopped || self.reached == self.looks.len()
    }

    /// The look whose results are shown, if one was taken.
    pub fn current(&self) -> Option<Look> {
        self.looks.get(self.reached.checked_sub(1)?).copied()
    }
}
