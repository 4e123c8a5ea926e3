//! The order in which the runs of a study are made, and by which of several workers.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a worker is told when it asks for work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Make this run.
    Run(usize),
    /// Only runs held by other processes remain: look again after a while.
    Wait,
    /// Nothing is left.
    Done,
}

/// Positions of runs in the plan, taken from the front; what another process holds comes back after all others.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    ready: VecDeque<usize>,
    busy: VecDeque<usize>,
    stopped: bool,
}

impl Queue {
    pub(crate) fn new(runs: impl IntoIterator<Item = usize>) -> Queue {
        let state = State { ready: runs.into_iter().collect(), busy: VecDeque::new(), stopped: false };
        Queue { state: Mutex::new(state) }
    }

    /// The next run. When only busy runs remain, they are offered again after this call has answered [`Next::Wait`] once.
    pub(crate) fn next(&self) -> Next {
        let mut state = self.state();
        if state.stopped {
            return Next::Done;
        }
        if let Some(run) = state.ready.pop_front() {
            return Next::Run(run);
        }
        if state.busy.is_empty() {
            return Next::Done;
        }
        state.ready = std::mem::take(&mut state.busy);
        Next::Wait
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
        let queue = Queue::new([0, 1, 2]);
        assert_eq!(queue.next(), Next::Run(0));
        queue.put_back_busy(0);
        assert_eq!(queue.next(), Next::Run(1));
        assert_eq!(queue.next(), Next::Run(2));
        assert_eq!(queue.next(), Next::Wait);
        assert_eq!(queue.next(), Next::Run(0));
        assert_eq!(queue.next(), Next::Done);
    }

    #[test]
    fn a_stopped_queue_gives_nothing() {
        let queue = Queue::new([0, 1]);
        assert_eq!(queue.next(), Next::Run(0));
        queue.stop();
        queue.put_back(0);
        assert_eq!(queue.next(), Next::Done);
    }
}
