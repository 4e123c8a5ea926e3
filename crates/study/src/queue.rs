//! The queue of a study's runs: their order and assignment to workers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The answer to a worker's request for work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Make this run.
    Run(usize),
    /// Only runs remain that other processes hold, or that wait for a run in progress: look again after a while.
    Wait,
    /// Nothing is left.
    Done,
}

/// Positions of runs in the plan, taken from the front, but none before those that it waits for; runs that another process holds are returned
/// after all others.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    ready: VecDeque<usize>,
    busy: VecDeque<usize>,
    /// Runs that have not come to an end.
    open: BTreeSet<usize>,
    /// For each run those that must have come to an end before.
    waits_for: BTreeMap<usize, Vec<usize>>,
    stopped: bool,
}

impl State {
    /// The first run that waits for none.
    fn take(&mut self) -> Option<usize> {
        let waits = |run: &usize| self.waits_for[run].iter().any(|other| self.open.contains(other));
        let place = self.ready.iter().position(|run| !waits(run))?;
        self.ready.remove(place)
    }
}

impl Queue {
    /// A queue of runs, each of which comes after those that `waits_for` names. There must be no circle.
    pub(crate) fn new(
        runs: impl IntoIterator<Item = usize>,
        waits_for: impl Fn(usize) -> Vec<usize>,
    ) -> Queue {
        let ready: VecDeque<usize> = runs.into_iter().collect();
        let open: BTreeSet<usize> = ready.iter().copied().collect();
        let waits_for = open.iter().map(|run| (*run, waits_for(*run))).collect();
        Queue { state: Mutex::new(State { ready, busy: VecDeque::new(), open, waits_for, stopped: false }) }
    }

    /// The next run. When only busy runs remain, they are offered again after this call has answered [`Next::Wait`] once.
    pub(crate) fn next(&self) -> Next {
        let mut state = self.state();
        if state.stopped {
            return Next::Done;
        }
        if let Some(run) = state.take() {
            return Next::Run(run);
        }
        if state.busy.is_empty() && state.ready.is_empty() {
            return Next::Done;
        }
        let mut busy = std::mem::take(&mut state.busy);
        state.ready.append(&mut busy);
        Next::Wait
    }

    /// Marks the run as ended, whatever its outcome.
    pub(crate) fn settled(&self, run: usize) {
        self.state().open.remove(&run);
    }

    /// Another process holds this run: look at it again later.
    pub(crate) fn put_back_busy(&self, run: usize) {
        self.state().busy.push_back(run);
    }

    /// The run is to be tried once more, after all others.
    pub(crate) fn put_back(&self, run: usize) {
        self.state().ready.push_back(run);
    }

    /// No worker gets a run any more.
    pub(crate) fn stop(&self) {
        self.state().stopped = true;
    }

    /// The state is plain data and consistent after every statement, so a worker that panicked does no harm to it.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_runs_come_back_after_all_others_and_after_a_pause() {
        let queue = Queue::new([0, 1, 2], |_| Vec::new());
        assert_eq!(queue.next(), Next::Run(0));
        queue.put_back_busy(0);
        assert_eq!(queue.next(), Next::Run(1));
        assert_eq!(queue.next(), Next::Run(2));
        assert_eq!(queue.next(), Next::Wait);
        assert_eq!(queue.next(), Next::Run(0));
        assert_eq!(queue.next(), Next::Done);
    }

    #[test]
    fn a_run_comes_after_those_that_it_waits_for() {
        let queue = Queue::new([0, 1, 2], |run| if run == 0 { vec![2, 7] } else { Vec::new() });
        assert_eq!(queue.next(), Next::Run(1));
        assert_eq!(queue.next(), Next::Run(2));
        assert_eq!(queue.next(), Next::Wait);
        queue.put_back(2);
        assert_eq!(queue.next(), Next::Run(2));
        queue.settled(2);
        assert_eq!(queue.next(), Next::Run(0));
        assert_eq!(queue.next(), Next::Done);
    }

    #[test]
    fn a_stopped_queue_gives_nothing() {
        let queue = Queue::new([0, 1], |_| Vec::new());
        assert_eq!(queue.next(), Next::Run(0));
        queue.stop();
        queue.put_back(0);
        assert_eq!(queue.next(), Next::Done);
    }
}
