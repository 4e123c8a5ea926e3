//! Datasets, preprocessing, augmentation and deterministic batches as plain arrays.
//!
//! Data flows in reading order: [`open`] a [`Dataset`] by its registry name (8-bit pixels), [`prepare`] it
//! (preprocessing fitted on the training split, `f32` pixels), and iterate over [`Batch`]es with a [`Loader`].
//! Everything random is keyed by (seed, epoch, sample), so that a batch is a pure function of its position.

#![forbid(unsafe_code)]

pub mod augment;
pub mod batch;
pub mod bicubic;
pub mod dataset;
pub mod directory;
pub mod download;
pub mod error;
pub mod image_shape;
pub mod import;
pub mod loader;
pub mod order;
pub mod packed_file;
pub mod packing;
pub mod pairs;
mod photograph;
mod picture;
pub mod pictures;
pub mod prefetch;
pub mod preprocess;
pub mod registry;
pub mod resize;
mod samples;
pub mod shards;
pub mod shared;
pub mod verify;
pub mod view;
mod write_file;

pub use augment::{Augmentation, Draw};
pub use batch::{Batch, Mixed};
pub use dataset::{Dataset, DatasetOptions, Images, Split, SyntheticSettings};
pub use directory::DataDirectory;
pub use download::{FetchReport, Progress, fetch};
pub use error::{DataError, OutOfRange};
pub use image_shape::ImageShape;
pub use import::background::Background;
pub use import::imagenet::ImageNetFiles;
pub use import::labels::parse_labels;
pub use import::left_out::LeftOut;
pub use import::pictures::{PictureKind, PictureLayout, PictureReport, import_pictures};
pub use import::{
    ImportOptions, ImportReport, ShardOptions, Storage, TestShare, find_shards, import, import_imagenet,
    import_shards, pack_files,
};
pub use loader::{Loader, LoaderSettings, MOST_WORKERS, MakeBatch, Position, SampleSource};
pub use order::Order;
pub use packing::pack_dataset;
pub use pairs::{PairBatch, Patches, Symmetry, Targets};
pub use photograph::Photograph;
pub use picture::Picture;
pub use pictures::{
    Fold, IGNORED, PictureDataset, PictureExample, PictureOptions, PictureSource, TestSets, open_pictures,
};
pub use prefetch::BatchIterator;
pub use preprocess::{
    ChannelMoments, FittedPreprocess, FittedStep, GlobalContrast, PreparedDataset, PreparedSplit, Preprocess,
    Whitening, Zca, prepare,
};
pub use registry::{DatasetSummary, HashCheck, TrainingImages, list, needs_view, open, training_images};
pub use resize::{Filter, Window};
pub use samples::{Depth, Samples};
pub use shared::SharedImages;
pub use verify::{VerifyReport, verify};
pub use view::{Crops, View};

/// Revision of the numbers this crate computes; raised with every change of a value that a run depends on.
pub const NUMERICS_REVISION: u32 = 2;
