//! Progress of all runs of a study together: runs ended, and the time left at the pace so far.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use allconv_document::number;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// The progress of a stage of a study, shared by its runs.
#[derive(Clone)]
pub(crate) struct Overall {
    state: Arc<Mutex<State>>,
    bar: Option<ProgressBar>,
}

struct State {
    began: Instant,
    runs: usize,
    ended: usize,
    pace: Pace,
}

/// Steps of the runs that are to be made.
#[derive(Clone, Copy, Default)]
struct Pace {
    total: u64,
    /// Made by this process.
    made: u64,
    /// Not to be made: a checkpoint or a shorter run has them, or their run has ended before its last step.
    skipped: u64,
}

impl Overall {
    /// Returns the progress of nothing yet, shown below the bars of the runs where there are bars.
    pub(crate) fn new(bars: Option<&MultiProgress>) -> Overall {
        let state = State { began: Instant::now(), runs: 0, ended: 0, pace: Pace::default() };
        let bar = bars.map(|bars| {
            let style = ProgressStyle::with_template("{wide_msg}");
            bars.add(ProgressBar::new(1)).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Overall { state: Arc::new(Mutex::new(state)), bar }
    }

    /// Begins a stage of `runs` runs, of which some have ended before and the others have `steps` steps.
    pub(crate) fn begin(&self, runs: usize, ended_before: usize, steps: u64) {
        let pace = Pace { total: steps, ..Pace::default() };
        *self.state() = State { began: Instant::now(), runs, ended: ended_before, pace };
        self.show();
    }

    /// Counts steps that this process made.
    pub(crate) fn made(&self, steps: u64) {
        self.state().pace.made += steps;
        self.show();
    }

    /// Counts steps that need not be made.
    pub(crate) fn skipped(&self, steps: u64) {
        self.state().pace.skipped += steps;
    }

    /// Counts a run that has ended, and returns the line about the whole: `5 of 12 runs, about 3 min left`.
    pub(crate) fn ended(&self) -> String {
        self.state().ended += 1;
        self.show();
        self.line()
    }

    /// Removes the line from the screen.
    pub(crate) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self) -> String {
        let state = self.state();
        let left = state
            .pace
            .left(state.began.elapsed())
            .map(|left| format!(", about {} left", number::duration(left)));
        format!("{} of {} runs{}", state.ended, state.runs, left.unwrap_or_default())
    }

    fn show(&self) {
        let is_study = self.state().runs > 0;
        if let (Some(bar), true) = (&self.bar, is_study) {
            bar.set_message(self.line());
        }
    }

    /// A worker that panicked leaves the numbers consistent, so a poisoned lock can be used.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pace {
    /// Returns the time left after `elapsed`; `None` before the first step and when nothing is left.
    fn left(self, elapsed: Duration) -> Option<Duration> {
        let left = self.total.saturating_sub(self.made + self.skipped);
        (self.made > 0 && left > 0).then(|| elapsed.mul_f64(left as f64 / self.made as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_from_the_steps_of_this_process() {
        let pace = Pace { total: 1000, made: 100, skipped: 400 };
        assert_eq!(pace.left(Duration::from_secs(20)), Some(Duration::from_secs(100)));
        assert_eq!(Pace { made: 0, ..pace }.left(Duration::from_secs(20)), None);
        assert_eq!(Pace { made: 600, ..pace }.left(Duration::from_secs(20)), None);
    }

    #[test]
    fn a_study_counts_the_runs_that_ended_before() {
        let overall = Overall::new(None);
        overall.begin(12, 4, 800);
        assert_eq!(overall.ended(), "5 of 12 runs");
    }
}
