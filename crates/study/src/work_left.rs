//! The remaining work of a study: steps, and the time that they take at the pace so far.

use std::collections::BTreeMap;
use std::time::Duration;

use allconv_document::number;
use allconv_record::RunRecord;

use crate::index::RunState;

/// The work of one planned run, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunWork {
    /// Position of its arm in the study file.
    pub arm_index: usize,
    /// Its state.
    pub state: RunState,
    /// The steps of a run that has a directory.
    pub made: Option<MadeSteps>,
}

/// The steps of a run that was begun.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MadeSteps {
    /// Its first step: those before it were taken over from a shorter run.
    pub begun_at: u64,
    /// Steps made, those taken over included.
    pub step: u64,
    /// Steps of the whole run.
    pub total: u64,
    /// Seconds of training and evaluation.
    pub seconds: f64,
}

impl MadeSteps {
    /// Reads the steps of a record.
    pub fn of(record: &RunRecord) -> MadeSteps {
        MadeSteps {
            begun_at: record.parent.as_ref().map_or(0, |parent| parent.step.min(record.step)),
            step: record.step,
            total: record.total_steps,
            seconds: record.timings.training_seconds + record.timings.evaluation_seconds,
        }
    }
}

/// The remaining work of a study, with the work done, from which its pace follows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkLeft {
    seconds_done: f64,
    steps_done: u64,
    steps_left: u64,
    under_way: usize,
    /// Steps of the longest begun run of each arm, those taken over left out.
    longest: BTreeMap<usize, u64>,
}

impl WorkLeft {
    /// Adds up the runs of a study.
    ///
    /// ```
    /// use allconv_study::{MadeSteps, RunState, RunWork, WorkLeft};
    ///
    /// let made = MadeSteps { begun_at: 0, step: 50, total: 100, seconds: 10.0 };
    /// let running = RunWork { arm_index: 0, state: RunState::Running, made: Some(made) };
    /// let left = RunWork { arm_index: 0, state: RunState::Left, made: None };
    /// let work = WorkLeft::of(&[running, left]);
    /// assert_eq!(work.seconds(), Some(30.0), "50 and 100 steps at 5 steps a second");
    /// assert_eq!(work.sentence().as_deref(), Some("about 30 s left with 1 under way"));
    /// ```
    pub fn of(runs: &[RunWork]) -> WorkLeft {
        let mut work = WorkLeft::default();
        for (arm, made) in runs.iter().filter_map(|run| Some((run.arm_index, run.made?))) {
            let longest = work.longest.entry(arm).or_default();
            *longest = (*longest).max(made.total.saturating_sub(made.begun_at));
        }
        for run in runs {
            let total = work.total_steps(run);
            let made = run.made.unwrap_or(MadeSteps { begun_at: 0, step: 0, total, seconds: 0.0 });
            work.seconds_done += made.seconds;
            work.steps_done += made.step.saturating_sub(made.begun_at);
            work.steps_left += if run.state.is_final() { 0 } else { total.saturating_sub(made.step) };
            work.under_way += usize::from(run.state == RunState::Running);
        }
        work
    }

    /// Returns the steps of a run. The length of one that has not begun is that of another of its arm, else that of the longest.
    pub fn total_steps(&self, run: &RunWork) -> u64 {
        let expected = || self.longest.get(&run.arm_index).or_else(|| self.longest.values().max());
        run.made.map_or_else(|| expected().copied().unwrap_or(0), |made| made.total)
    }

    /// Returns the number of runs under way.
    pub fn under_way(&self) -> usize {
        self.under_way
    }

    /// Returns the seconds left with as many runs at a time as are under way, or else one; `None` when nothing is left or nothing was
    /// done yet.
    pub fn seconds(&self) -> Option<f64> {
        let is_known = self.steps_left > 0 && self.steps_done > 0;
        let work = self.seconds_done / self.steps_done as f64 * self.steps_left as f64;
        is_known.then(|| work / self.under_way.max(1) as f64)
    }

    /// Returns the time left in words.
    pub fn sentence(&self) -> Option<String> {
        let time = number::duration(Duration::try_from_secs_f64(self.seconds()?).unwrap_or_default());
        Some(match self.under_way {
            0 => format!("about {time} of work left, one run at a time; no run is under way"),
            runs => format!("about {time} left with {runs} under way"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(arm_index: usize, state: RunState, made: Option<(u64, u64, u64)>) -> RunWork {
        let steps = |(begun_at, step, total)| MadeSteps { begun_at, step, total, seconds: 1.0 };
        RunWork { arm_index, state, made: made.map(steps) }
    }

    #[test]
    fn a_run_that_has_not_begun_is_as_long_as_another_of_its_arm_or_the_longest() {
        let runs = [
            run(0, RunState::Done, Some((0, 10, 10))),
            run(1, RunState::Running, Some((20, 30, 40))),
            run(0, RunState::Left, None),
            run(2, RunState::Left, None),
        ];
        let work = WorkLeft::of(&runs);
        assert_eq!(runs.map(|run| work.total_steps(&run)), [10, 40, 10, 20]);
        // 20 steps in 2 seconds; 10 + 10 + 20 are left.
        assert_eq!(work.seconds(), Some(4.0));
    }

    #[test]
    fn nothing_done_or_nothing_left_gives_no_time() {
        assert_eq!(WorkLeft::of(&[run(0, RunState::Left, None)]).sentence(), None);
        assert_eq!(WorkLeft::of(&[run(0, RunState::Diverged, Some((0, 4, 10)))]).sentence(), None);
        let killed = WorkLeft::of(&[run(0, RunState::Interrupted, Some((0, 4, 10)))]);
        let told = "about 1 s of work left, one run at a time; no run is under way";
        assert_eq!(killed.sentence().as_deref(), Some(told));
    }
}
