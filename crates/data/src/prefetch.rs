//! Batches prepared ahead of time by worker threads, whose number does not change the result.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::batch::Batch;
use crate::error::DataError;
use crate::loader::{Loader, Position, Shared};

/// Batches in order; see [`Loader::batches`].
pub struct BatchIterator<B = Batch> {
    loader: Loader<B>,
    start: Position,
    /// Batches handed out so far.
    delivered: u64,
    /// Batches from the start to the end; set to `delivered` after an error.
    total: u64,
    queue: Arc<Queue<B>>,
    workers: Vec<JoinHandle<()>>,
}

/// The reorder buffer between workers and the iterator.
struct Queue<B> {
    state: Mutex<QueueState<B>>,
    changed: Condvar,
}

struct QueueState<B> {
    claimed: u64,
    delivered: u64,
    ready: BTreeMap<u64, Result<B, DataError>>,
    stopped: bool,
}

impl<B: Send + 'static> BatchIterator<B> {
    pub(crate) fn new(loader: &Loader<B>, start: Position, end_epoch: u32) -> BatchIterator<B> {
        let per_epoch = loader.batches_per_epoch() as u64;
        let epochs = u64::from(end_epoch.saturating_sub(start.epoch));
        let total = (epochs * per_epoch).saturating_sub(start.batch as u64);
        let queue = Arc::new(Queue {
            state: Mutex::new(QueueState {
                claimed: 0,
                delivered: 0,
                ready: BTreeMap::new(),
                stopped: false,
            }),
            changed: Condvar::new(),
        });
        let spawn = |_| {
            let (shared, queue) = (Arc::clone(&loader.shared), Arc::clone(&queue));
            std::thread::Builder::new().spawn(move || work(&shared, &queue, start, total)).ok()
        };
        // If the system gives fewer threads, or none, they make the same batches.
        let workers = (0..loader.shared.settings.workers).map_while(spawn).collect();
        BatchIterator { loader: loader.clone(), start, delivered: 0, total, queue, workers }
    }

    /// Returns the position of the batch that comes next; where to start again after an interruption.
    pub fn next_position(&self) -> Position {
        self.loader.shared.position_after(self.start, self.delivered)
    }
}

impl<B: Send + 'static> Iterator for BatchIterator<B> {
    type Item = Result<B, DataError>;

    fn next(&mut self) -> Option<Result<B, DataError>> {
        if self.delivered >= self.total {
            return None;
        }
        let outcome = if self.workers.is_empty() {
            guarded(&self.loader.shared, self.next_position())
        } else {
            let mut state = lock(&self.queue.state);
            loop {
                if let Some(outcome) = state.ready.remove(&self.delivered) {
                    state.delivered = self.delivered + 1;
                    self.queue.changed.notify_all();
                    break outcome;
                }
                state = self.queue.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        };
        self.delivered += 1;
        if outcome.is_err() {
            self.total = self.delivered;
        }
        Some(outcome)
    }
}

impl<B> Drop for BatchIterator<B> {
    fn drop(&mut self) {
        lock(&self.queue.state).stopped = true;
        self.queue.changed.notify_all();
        for worker in self.workers.drain(..) {
            // A worker returns its panics as errors, so that joining it gives nothing new.
            let _ = worker.join();
        }
    }
}

/// Claims numbers in order, at most `prefetch` ahead of the iterator, until all are claimed or the iterator is dropped.
fn work<B: Send + 'static>(shared: &Shared<B>, queue: &Queue<B>, start: Position, total: u64) {
    let prefetch = shared.settings.prefetch as u64;
    loop {
        let number = {
            let mut state = lock(&queue.state);
            while !state.stopped && state.claimed < total && state.claimed >= state.delivered + prefetch {
                state = queue.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.stopped || state.claimed >= total {
                return;
            }
            state.claimed += 1;
            state.claimed - 1
        };
        let outcome = guarded(shared, shared.position_after(start, number));
        lock(&queue.state).ready.insert(number, outcome);
        queue.changed.notify_all();
    }
}

/// Prepares a batch; a panic of the source becomes an error, so that no worker ends without a report.
fn guarded<B: Send + 'static>(shared: &Shared<B>, position: Position) -> Result<B, DataError> {
    catch_unwind(AssertUnwindSafe(|| shared.prepare(position))).unwrap_or_else(|panic| {
        let reason = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
            .unwrap_or_else(|| "a panic without a message".to_string());
        Err(DataError::Worker { epoch: position.epoch, batch: position.batch, reason })
    })
}

/// Locks a mutex; the states guarded here are valid at every moment, so that a poisoned lock is harmless.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::{Augmentation, Draw};
    use crate::image_shape::ImageShape;
    use crate::loader::{LoaderSettings, SampleSource};
    use crate::order::Order;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const SHAPE: ImageShape = ImageShape { height: 3, width: 2, channels: 1 };

    /// Image `i` holds `100·i + pixel`; some samples fail.
    struct Numbers {
        count: usize,
        reads: Arc<AtomicUsize>,
        error_at: Option<usize>,
        panic_at: Option<usize>,
    }

    impl Numbers {
        fn new(count: usize) -> Numbers {
            Numbers { count, reads: Arc::default(), error_at: None, panic_at: None }
        }
    }

    impl SampleSource for Numbers {
        fn sample_count(&self) -> usize {
            self.count
        }
        fn image_shape(&self) -> ImageShape {
            SHAPE
        }
        fn label(&self, sample: usize) -> Result<u32, DataError> {
            Ok(sample as u32 % 10)
        }
        fn read_image(&self, sample: usize, image: &mut [f32]) -> Result<(), DataError> {
            self.reads.fetch_add(1, Ordering::SeqCst);
            assert_ne!(Some(sample), self.panic_at, "planted panic");
            if Some(sample) == self.error_at {
                return Err(DataError::bad_file("sample", "health", "planted failure", "none"));
            }
            for (place, value) in image.iter_mut().enumerate() {
                *value = (100 * sample + place) as f32;
            }
            Ok(())
        }
        fn read_changed(&self, _: &Augmentation, draw: Draw, image: &mut [f32]) -> Result<(), DataError> {
            self.read_image(draw.sample as usize, image)
        }
    }

    fn settings(workers: usize) -> LoaderSettings {
        LoaderSettings {
            batch_size: 8,
            seed: 5,
            order: Order::Shuffled,
            augmentation: Augmentation { horizontal_flip: true, translate: 1, ..Augmentation::default() },
            workers,
            prefetch: 3,
        }
    }

    fn collect(loader: &Loader, start: Position, end_epoch: u32) -> Vec<Batch> {
        loader.batches(start, end_epoch).map(|batch| batch.expect("a healthy source")).collect()
    }

    const BEGIN: Position = Position { epoch: 0, batch: 0 };

    #[test]
    fn the_number_of_workers_is_invisible() {
        let reference = collect(&Loader::new(Numbers::new(29), settings(0)).expect("valid"), BEGIN, 5);
        assert_eq!(reference.len(), 20);
        for workers in [1, 2, 8] {
            let loader = Loader::new(Numbers::new(29), settings(workers)).expect("valid");
            assert!(collect(&loader, BEGIN, 5) == reference, "{workers} workers");
        }
    }

    #[test]
    fn any_position_continues_the_same_sequence() {
        let loader = Loader::new(Numbers::new(29), settings(2)).expect("valid");
        let reference = collect(&loader, BEGIN, 3);
        for done in 0..reference.len() {
            let mut interrupted = loader.batches(BEGIN, 3);
            interrupted.by_ref().take(done).for_each(drop);
            let position = interrupted.next_position();
            drop(interrupted);
            assert_eq!(position, Position { epoch: done as u32 / 4, batch: done % 4 });
            assert!(collect(&loader, position, 3) == reference[done..], "from {position:?}");
        }
    }

    #[test]
    fn an_epoch_shows_every_sample_once_and_keeps_the_partial_batch() {
        let loader = Loader::new(Numbers::new(29), settings(1)).expect("valid");
        let batches = collect(&loader, BEGIN, 1);
        assert_eq!(batches.iter().map(Batch::len).collect::<Vec<_>>(), [8, 8, 8, 5]);
        let mut samples: Vec<u32> = batches.iter().flat_map(|batch| batch.samples.clone()).collect();
        samples.sort_unstable();
        assert_eq!(samples, (0..29).collect::<Vec<_>>());
        assert!(
            batches.iter().all(|batch| batch.samples.iter().zip(&batch.labels).all(|(s, l)| s % 10 == *l))
        );
    }

    #[test]
    fn stored_order_without_augmentation_gives_the_images_themselves() {
        let plain =
            LoaderSettings { order: Order::Stored, augmentation: Augmentation::default(), ..settings(0) };
        let loader = Loader::new(Numbers::new(10), plain).expect("valid");
        let batch = loader.batch(Position { epoch: 7, batch: 1 }).expect("healthy");
        assert_eq!(batch.samples, [8, 9]);
        assert_eq!(batch.images[..7], [800.0, 801.0, 802.0, 803.0, 804.0, 805.0, 900.0]);
    }

    #[test]
    fn errors_and_panics_reach_the_caller_and_end_the_iteration() {
        for workers in [0, 3] {
            for panics in [false, true] {
                let mut source = Numbers::new(80);
                let unlucky = Order::Shuffled.of_epoch(5, 0, 80)[20] as usize;
                (source.error_at, source.panic_at) =
                    if panics { (None, Some(unlucky)) } else { (Some(unlucky), None) };
                let loader = Loader::new(source, settings(workers)).expect("valid");
                let outcomes: Vec<_> = loader.batches(BEGIN, 1).collect();
                assert_eq!(outcomes.len(), 3, "two whole batches and the failure");
                let message = outcomes[2].as_ref().expect_err("planted").to_string();
                assert!(message.contains("planted"), "{message}");
                assert_eq!(message.contains("epoch 0, batch 2"), panics, "{message}");
            }
        }
    }

    #[test]
    fn workers_never_run_further_ahead_than_the_prefetch() {
        let source = Numbers::new(800);
        let reads = Arc::clone(&source.reads);
        let loader = Loader::new(source, settings(4)).expect("valid");
        let mut batches = loader.batches(BEGIN, 1);
        for taken in 1..=20 {
            batches.next().expect("more batches").expect("healthy");
            // Workers that would run ahead get the time to do so.
            std::thread::sleep(std::time::Duration::from_millis(2));
            let prepared = reads.load(Ordering::SeqCst);
            assert!(prepared <= (taken + 3) * 8, "{prepared} images read after {taken} batches");
        }
        // Dropping joins all workers: nothing is read afterwards.
        drop(batches);
        let at_drop = reads.load(Ordering::SeqCst);
        std::thread::sleep(std::time::Duration::from_millis(10));
        assert_eq!(reads.load(Ordering::SeqCst), at_drop);
        assert_eq!(Arc::strong_count(&loader.shared), 1, "no worker is left");
    }

    #[test]
    fn impossible_settings_are_refused() {
        let refused = |changed: LoaderSettings| {
            Loader::new(Numbers::new(9), changed).err().expect("refused").to_string()
        };
        assert!(refused(LoaderSettings { batch_size: 0, ..settings(0) }).contains("batch = 0"));
        assert!(refused(LoaderSettings { prefetch: 0, ..settings(1) }).contains("prefetch = 0"));
        for workers in [1025, 1_000_000, usize::MAX] {
            assert!(refused(settings(workers)).starts_with(&format!("workers = {workers} is not possible")));
        }
        assert!(Loader::new(Numbers::new(9), LoaderSettings { prefetch: 0, ..settings(0) }).is_ok());
    }
}
