//! Batches in order, prepared ahead of time by worker threads whose number nobody can see in the result.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::augment::{Augmentation, ImageShape};
use crate::batch::Batch;
use crate::error::DataError;
use crate::order::Order;

/// Something that yields samples by number.
pub trait SampleSource: Send + Sync {
    /// Number of samples.
    fn sample_count(&self) -> usize;
    /// Shape of every image.
    fn image_shape(&self) -> ImageShape;
    /// Class number of a sample.
    fn label(&self, sample: usize) -> u32;
    /// Writes the image `[height, width, channels]` of a sample, before augmentation.
    fn read_image(&self, sample: usize, image: &mut [f32]) -> Result<(), DataError>;
}

/// How a loader cuts and prepares batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoaderSettings {
    /// Samples of a batch; the last one of an epoch may hold fewer. At least 1.
    pub batch_size: usize,
    /// Seed of order and augmentation.
    pub seed: u64,
    /// Order of the samples.
    pub order: Order,
    /// Random changes of the images.
    pub augmentation: Augmentation,
    /// Worker threads; 0 prepares each batch when it is asked for.
    pub workers: usize,
    /// Batches that workers may hold ready or in work. At least 1 if there are workers.
    pub prefetch: usize,
}

/// A place in the endless sequence of batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Epoch, counted from 0.
    pub epoch: u32,
    /// Batch within the epoch, counted from 0.
    pub batch: usize,
}

/// Cuts a source into batches; every batch is a pure function of the settings and its position.
///
/// ```
/// use allconv_data::{open, prepare, Augmentation, DataDirectory, DatasetOptions, Loader, LoaderSettings, Order};
/// use allconv_data::{Position, Preprocess, SyntheticSettings};
/// # fn main() -> Result<(), allconv_data::DataError> {
/// let directory = DataDirectory::new("data");
/// let synthetic = SyntheticSettings { train: 100, test: 20, ..SyntheticSettings::default() };
/// let options = DatasetOptions { validation: 20, train_images: None, synthetic };
/// let dataset = open("synthetic", &directory, &options)?;
/// let prepared = prepare(&dataset, &[Preprocess::Standardize], &directory)?;
/// let settings = LoaderSettings {
///     batch_size: 32,
///     seed: 1,
///     order: Order::Shuffled,
///     augmentation: Augmentation { horizontal_flip: true, translate: 5 },
///     workers: 1,
///     prefetch: 4,
/// };
/// let loader = Loader::new(prepared.train, settings)?;
/// let sizes: Vec<usize> = loader
///     .batches(Position { epoch: 0, batch: 0 }, 1)
///     .map(|batch| Ok(batch?.len()))
///     .collect::<Result<_, allconv_data::DataError>>()?;
/// assert_eq!(sizes, [32, 32, 16]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Loader {
    shared: Arc<Shared>,
}

struct Shared {
    source: Arc<dyn SampleSource>,
    settings: LoaderSettings,
    /// Orders of the epochs in use; workers may straddle two.
    orders: Mutex<BTreeMap<u32, Arc<Vec<u32>>>>,
}

impl Loader {
    /// Joins a source and settings.
    ///
    /// # Errors
    /// A batch size of 0, or workers that may hold no batch.
    pub fn new(source: impl SampleSource + 'static, settings: LoaderSettings) -> Result<Loader, DataError> {
        for (field, value) in [
            ("batch", settings.batch_size),
            ("prefetch", settings.prefetch + usize::from(settings.workers == 0)),
        ] {
            if value == 0 {
                return Err(DataError::BadOption {
                    field,
                    value: value.to_string(),
                    limit: "at least 1 is needed".to_string(),
                    fix: format!("raise {field}"),
                });
            }
        }
        let shared = Shared { source: Arc::new(source), settings, orders: Mutex::default() };
        Ok(Loader { shared: Arc::new(shared) })
    }

    /// Number of samples in an epoch.
    pub fn sample_count(&self) -> usize {
        self.shared.source.sample_count()
    }

    /// Number of batches in an epoch; the last, partial one counts.
    pub fn batches_per_epoch(&self) -> usize {
        self.sample_count().div_ceil(self.shared.settings.batch_size)
    }

    /// Prepares one batch on the calling thread.
    ///
    /// # Panics
    /// If the epoch has no such batch.
    pub fn batch(&self, position: Position) -> Result<Batch, DataError> {
        self.shared.prepare(position)
    }

    /// Iterates from `start` to the end of epoch `end_epoch - 1`, with the workers of the settings.
    ///
    /// After an error the iteration ends. Dropping the iterator stops and joins its workers.
    pub fn batches(&self, start: Position, end_epoch: u32) -> BatchIterator {
        BatchIterator::new(self, start, end_epoch)
    }
}

impl Shared {
    fn order(&self, epoch: u32) -> Arc<Vec<u32>> {
        let mut orders = lock(&self.orders);
        if let Some(order) = orders.get(&epoch) {
            return Arc::clone(order);
        }
        let settings = &self.settings;
        let order = Arc::new(settings.order.of_epoch(settings.seed, epoch, self.source.sample_count()));
        orders.insert(epoch, Arc::clone(&order));
        while orders.len() > 2 {
            orders.pop_first();
        }
        order
    }

    fn prepare(&self, position: Position) -> Result<Batch, DataError> {
        let order = self.order(position.epoch);
        let size = self.settings.batch_size;
        let Some(samples) = order.chunks(size).nth(position.batch) else {
            panic!("epoch of {} samples has no batch {} of size {size}", order.len(), position.batch);
        };
        let shape = self.source.image_shape();
        let mut images = vec![0.0f32; samples.len() * shape.len()];
        let mut labels = Vec::with_capacity(samples.len());
        let mut plain = vec![0.0f32; shape.len()];
        for (&sample, image) in samples.iter().zip(images.chunks_exact_mut(shape.len())) {
            let augmentation = &self.settings.augmentation;
            if augmentation.is_identity() {
                self.source.read_image(sample as usize, image)?;
            } else {
                self.source.read_image(sample as usize, &mut plain)?;
                augmentation.draw(self.settings.seed, position.epoch, sample).apply(shape, &plain, image);
            }
            labels.push(self.source.label(sample as usize));
        }
        let ImageShape { height, width, channels } = shape;
        Ok(Batch { images, labels, samples: samples.to_vec(), height, width, channels })
    }
}

/// Batches in order; see [`Loader::batches`].
pub struct BatchIterator {
    loader: Loader,
    start: Position,
    /// Batches handed out so far.
    delivered: u64,
    /// Batches from the start to the end; set to `delivered` after an error.
    total: u64,
    queue: Arc<Queue>,
    workers: Vec<JoinHandle<()>>,
}

/// The reorder buffer between workers and the iterator.
struct Queue {
    state: Mutex<QueueState>,
    changed: Condvar,
}

struct QueueState {
    claimed: u64,
    delivered: u64,
    ready: BTreeMap<u64, Result<Batch, DataError>>,
    stopped: bool,
}

impl BatchIterator {
    fn new(loader: &Loader, start: Position, end_epoch: u32) -> BatchIterator {
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
        let workers = (0..loader.shared.settings.workers)
            .map(|_| {
                let (shared, queue) = (Arc::clone(&loader.shared), Arc::clone(&queue));
                std::thread::spawn(move || work(&shared, &queue, start, total))
            })
            .collect();
        BatchIterator { loader: loader.clone(), start, delivered: 0, total, queue, workers }
    }

    /// Position of the batch that comes next; where to start again after an interruption.
    pub fn next_position(&self) -> Position {
        position_of(&self.loader.shared, self.start, self.delivered)
    }
}

impl Iterator for BatchIterator {
    type Item = Result<Batch, DataError>;

    fn next(&mut self) -> Option<Result<Batch, DataError>> {
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

impl Drop for BatchIterator {
    fn drop(&mut self) {
        lock(&self.queue.state).stopped = true;
        self.queue.changed.notify_all();
        for worker in self.workers.drain(..) {
            // A worker hands its panics over as errors; there is nothing left to learn from joining it.
            let _ = worker.join();
        }
    }
}

/// Claims numbers in order, at most `prefetch` ahead of the iterator, until all are claimed or nobody listens.
fn work(shared: &Shared, queue: &Queue, start: Position, total: u64) {
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
        let outcome = guarded(shared, position_of(shared, start, number));
        lock(&queue.state).ready.insert(number, outcome);
        queue.changed.notify_all();
    }
}

/// Prepares a batch; a panic of the source becomes an error, so that no worker dies in silence.
fn guarded(shared: &Shared, position: Position) -> Result<Batch, DataError> {
    catch_unwind(AssertUnwindSafe(|| shared.prepare(position))).unwrap_or_else(|panic| {
        let reason = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
            .unwrap_or_else(|| "a panic without a message".to_string());
        Err(DataError::Worker { epoch: position.epoch, batch: position.batch, reason })
    })
}

fn position_of(shared: &Shared, start: Position, number: u64) -> Position {
    let per_epoch = shared.source.sample_count().div_ceil(shared.settings.batch_size).max(1) as u64;
    let place = start.batch as u64 + number;
    Position { epoch: start.epoch + (place / per_epoch) as u32, batch: (place % per_epoch) as usize }
}

/// Locks; the states guarded here are valid at every moment, so that poison means nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
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
        fn label(&self, sample: usize) -> u32 {
            sample as u32 % 10
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
    }

    fn settings(workers: usize) -> LoaderSettings {
        LoaderSettings {
            batch_size: 8,
            seed: 5,
            order: Order::Shuffled,
            augmentation: Augmentation { horizontal_flip: true, translate: 1 },
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
    fn errors_and_panics_travel_to_the_caller_and_end_the_iteration() {
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
        assert!(Loader::new(Numbers::new(9), LoaderSettings { prefetch: 0, ..settings(0) }).is_ok());
    }
}
