//! The number of connections at a time, and their orderly end.

use std::io::Read;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Bytes of a request that are read after the answer, so that the answer is not lost with them.
const DRAINED: usize = 64 << 10;

/// Time for that.
const DRAIN_TIME: Duration = Duration::from_millis(200);

/// Places for connections of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Slots {
    taken: Arc<AtomicUsize>,
    most: usize,
}

/// A place that is taken until it is dropped.
#[derive(Debug)]
pub(crate) struct Slot(Arc<AtomicUsize>);

impl Slots {
    /// Returns `most` free places.
    pub(crate) fn new(most: usize) -> Slots {
        Slots { taken: Arc::default(), most }
    }

    /// Takes a place; `None` when all are taken.
    pub(crate) fn take(&self) -> Option<Slot> {
        let add = |taken: usize| (taken < self.most).then_some(taken + 1);
        self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, add).ok()?;
        Some(Slot(Arc::clone(&self.taken)))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Ends a connection after its answer: what the other end still sends is read for a moment, since unread bytes would reset the
/// connection and take the answer with them.
pub(crate) fn drain(mut stream: TcpStream) {
    let is_open = stream.shutdown(Shutdown::Write).and_then(|()| stream.set_read_timeout(Some(DRAIN_TIME)));
    if is_open.is_err() {
        return;
    }
    let mut buffer = [0_u8; 4096];
    let mut left = DRAINED;
    while left > 0 {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(count) => left = left.saturating_sub(count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_free_again_when_they_are_dropped() {
        let slots = Slots::new(2);
        let (first, second) = (slots.take(), slots.take());
        assert!(first.is_some() && second.is_some() && slots.take().is_none());
        drop(first);
        assert!(slots.take().is_some());
    }
}
