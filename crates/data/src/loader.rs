//! The loader: cuts a source into batches, each a pure function of the settings and its position.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::augment::{Augmentation, Draw};
use crate::batch::Batch;
use crate::error::DataError;
use crate::image_shape::ImageShape;
use crate::order::{Order, balanced_epoch};
use crate::prefetch::BatchIterator;

/// Something that yields samples by number.
pub trait SampleSource: Send + Sync {
    /// Returns the number of samples.
    fn sample_count(&self) -> usize;
    /// Returns the shape of every image.
    fn image_shape(&self) -> ImageShape;
    /// Returns the class number of a sample.
    ///
    /// # Errors
    /// [`DataError`] when it cannot be read.
    fn label(&self, sample: usize) -> Result<u32, DataError>;
    /// Writes the image `[height, width, channels]` of a sample, before augmentation.
    fn read_image(&self, sample: usize, image: &mut [f32]) -> Result<(), DataError>;
    /// Does [`read_image`](Self::read_image) after the changes of pixels that `augmentation` draws.
    ///
    /// # Errors
    /// [`DataError`] when the image cannot be read.
    fn read_changed(
        &self,
        augmentation: &Augmentation,
        draw: Draw,
        image: &mut [f32],
    ) -> Result<(), DataError>;
}

/// Something that makes batches of a kind, each a pure function of (seed, epoch, samples).
pub trait MakeBatch: Send + Sync {
    /// The type of a batch.
    type Batch: Send + 'static;
    /// Returns the number of samples of an epoch.
    fn sample_count(&self) -> usize;
    /// Makes the batch of these samples.
    ///
    /// # Errors
    /// [`DataError`] when a sample cannot be read.
    fn make(&self, seed: u64, epoch: u32, samples: &[u32]) -> Result<Self::Batch, DataError>;
}

/// The settings of a loader.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoaderSettings {
    /// Samples of a batch; the last one of an epoch may hold fewer. At least 1.
    pub batch_size: usize,
    /// Seed of order and augmentation.
    pub seed: u64,
    /// Order of the samples.
    pub order: Order,
    /// Random changes of the images.
    pub augmentation: Augmentation,
    /// Worker threads, at most [`MOST_WORKERS`]; 0 prepares each batch when it is requested.
    pub workers: usize,
    /// Batches that workers may hold ready or in work. At least 1 if there are workers.
    pub prefetch: usize,
}

/// Most worker threads of a loader.
pub const MOST_WORKERS: usize = 1024;

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
/// let options = DatasetOptions { validation: 20, train_images: None, synthetic, view: None };
/// let dataset = open("synthetic", &directory, &options)?;
/// let prepared = prepare(&dataset, &[Preprocess::Standardize], &directory)?;
/// let settings = LoaderSettings {
///     batch_size: 32,
///     seed: 1,
///     order: Order::Shuffled,
///     augmentation: Augmentation { horizontal_flip: true, translate: 5, ..Augmentation::default() },
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
pub struct Loader<B = Batch> {
    pub(crate) shared: Arc<Shared<B>>,
}

/// The state that a loader's clones and workers share.
pub(crate) struct Shared<B> {
    maker: Box<dyn MakeBatch<Batch = B>>,
    pub(crate) settings: LoaderSettings,
    /// The samples of each class, for [`Order::Balanced`] alone.
    classes: Vec<Vec<u32>>,
    /// Orders of the epochs in use; workers may straddle two.
    orders: Mutex<BTreeMap<u32, Arc<Vec<u32>>>>,
}

impl Loader {
    /// Combines a source and settings.
    ///
    /// # Errors
    /// A batch size of 0, workers that may hold no batch, or more of them than [`MOST_WORKERS`]; a class that cannot be read.
    pub fn new(source: impl SampleSource + 'static, settings: LoaderSettings) -> Result<Loader, DataError> {
        let augmentation = settings.augmentation;
        let mut classes: Vec<Vec<u32>> = Vec::new();
        if settings.order == Order::Balanced {
            for sample in 0..source.sample_count() {
                let class = source.label(sample)? as usize;
                classes.resize(classes.len().max(class + 1), Vec::new());
                classes[class].push(sample as u32);
            }
        }
        Loader::with_classes(Augmented { source, augmentation }, settings, classes)
    }
}

impl<B: Send + 'static> Loader<B> {
    /// Combines a maker of batches without classes and settings, whose `augmentation` is that of [`Loader::new`] alone.
    ///
    /// # Errors
    /// As [`Loader::new`].
    ///
    /// # Panics
    /// For [`Order::Balanced`].
    pub fn over(
        maker: impl MakeBatch<Batch = B> + 'static,
        settings: LoaderSettings,
    ) -> Result<Loader<B>, DataError> {
        assert_ne!(settings.order, Order::Balanced, "samples without classes have no balanced order");
        Loader::with_classes(maker, settings, Vec::new())
    }

    fn with_classes(
        maker: impl MakeBatch<Batch = B> + 'static,
        settings: LoaderSettings,
        classes: Vec<Vec<u32>>,
    ) -> Result<Loader<B>, DataError> {
        for (field, value) in [
            ("batch", settings.batch_size),
            ("prefetch", settings.prefetch.max(usize::from(settings.workers == 0))),
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
        if settings.workers > MOST_WORKERS {
            return Err(DataError::BadOption {
                field: "workers",
                value: settings.workers.to_string(),
                limit: format!("a loader has at most {MOST_WORKERS}"),
                fix: "choose as many as the machine has processors, or fewer".to_string(),
            });
        }
        let shared = Shared { maker: Box::new(maker), settings, classes, orders: Mutex::default() };
        Ok(Loader { shared: Arc::new(shared) })
    }

    /// Returns the number of samples in an epoch.
    pub fn sample_count(&self) -> usize {
        self.shared.maker.sample_count()
    }

    /// Returns the number of batches in an epoch; the last, partial one counts.
    pub fn batches_per_epoch(&self) -> usize {
        self.sample_count().div_ceil(self.shared.settings.batch_size)
    }

    /// Prepares one batch on the calling thread.
    ///
    /// # Panics
    /// If the epoch has no such batch.
    pub fn batch(&self, position: Position) -> Result<B, DataError> {
        self.shared.prepare(position)
    }

    /// Iterates from `start` to the end of epoch `end_epoch - 1`, with the workers of the settings.
    ///
    /// After an error the iteration ends. Dropping the iterator stops and joins its workers.
    pub fn batches(&self, start: Position, end_epoch: u32) -> BatchIterator<B> {
        BatchIterator::new(self, start, end_epoch)
    }
}

impl<B: Send + 'static> Shared<B> {
    fn order(&self, epoch: u32) -> Arc<Vec<u32>> {
        // A map of finished orders is valid at every moment, so that a poisoned lock is harmless.
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(order) = orders.get(&epoch) {
            return Arc::clone(order);
        }
        let settings = &self.settings;
        let count = self.maker.sample_count();
        let order = Arc::new(match settings.order {
            Order::Balanced => balanced_epoch(settings.seed, epoch, count, &self.classes),
            order => order.of_epoch(settings.seed, epoch, count),
        });
        orders.insert(epoch, Arc::clone(&order));
        while orders.len() > 2 {
            orders.pop_first();
        }
        order
    }

    /// Returns the position `number` batches after `start`.
    pub(crate) fn position_after(&self, start: Position, number: u64) -> Position {
        let per_epoch = self.maker.sample_count().div_ceil(self.settings.batch_size).max(1) as u64;
        let place = start.batch as u64 + number;
        Position { epoch: start.epoch + (place / per_epoch) as u32, batch: (place % per_epoch) as usize }
    }

    pub(crate) fn prepare(&self, position: Position) -> Result<B, DataError> {
        let order = self.order(position.epoch);
        let size = self.settings.batch_size;
        let Some(samples) = order.chunks(size).nth(position.batch) else {
            panic!("epoch of {} samples has no batch {} of size {size}", order.len(), position.batch);
        };
        self.maker.make(self.settings.seed, position.epoch, samples)
    }
}

impl<B> Clone for Loader<B> {
    fn clone(&self) -> Loader<B> {
        Loader { shared: Arc::clone(&self.shared) }
    }
}

/// Whole images with their classes, changed at random.
struct Augmented<S> {
    source: S,
    augmentation: Augmentation,
}

impl<S: SampleSource> MakeBatch for Augmented<S> {
    type Batch = Batch;

    fn sample_count(&self) -> usize {
        self.source.sample_count()
    }

    fn make(&self, seed: u64, epoch: u32, samples: &[u32]) -> Result<Batch, DataError> {
        let shape = self.source.image_shape();
        let mut images = vec![0.0f32; samples.len() * shape.len()];
        let mut labels = Vec::with_capacity(samples.len());
        let mut plain = vec![0.0f32; shape.len()];
        for (&sample, image) in samples.iter().zip(images.chunks_exact_mut(shape.len())) {
            if self.augmentation.is_identity() {
                self.source.read_image(sample as usize, image)?;
            } else {
                match self.augmentation.changes_pixels() {
                    true => {
                        let draw = Draw { seed, epoch, sample };
                        self.source.read_changed(&self.augmentation, draw, &mut plain)?;
                    }
                    false => self.source.read_image(sample as usize, &mut plain)?,
                }
                self.augmentation.draw(seed, epoch, sample, shape).apply(shape, &plain, image);
            }
            labels.push(self.source.label(sample as usize)?);
        }
        let ImageShape { height, width, channels } = shape;
        let samples = samples.to_vec();
        let mut batch = Batch { images, labels, mixed: None, samples, height, width, channels };
        self.augmentation.mix(seed, epoch, &mut batch);
        Ok(batch)
    }
}
