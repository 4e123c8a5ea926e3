//! Any data set with classes as tar shards in the layout of WebDataset, with an index for random access.

use std::path::Path;

use crate::dataset::{Split, SyntheticSettings};
use crate::directory::DataDirectory;
use crate::error::DataError;
use crate::import::layout::SplitName;
use crate::order::Order;
use crate::picture::Picture;
use crate::registry;
use crate::shards::{NewSample, SetHeader, SetWriter, ShardedSet, check_free};

/// The three splits in the order of storage.
const SPLITS: [SplitName; 3] = [SplitName::Train, SplitName::Validation, SplitName::Test];

/// Writes the images of the data set `name` into tar shards in the folder `target`: encoded ones as they are, others as PNG.
///
/// The samples of a split are in stored order, which is that of classes, or with `shuffle` in the permutation of this seed, as programs need
/// that read shards from end to end. The index keeps the stored order.
///
/// # Errors
/// An unknown name, a set without classes, broken files, a `target` that exists or cannot be written.
pub fn pack_dataset(
    name: &str,
    directory: &DataDirectory,
    target: &Path,
    shuffle: Option<u64>,
) -> Result<SetHeader, DataError> {
    if registry::holds_pictures(name, directory)? {
        return Err(DataError::BadOption {
            field: "source",
            value: format!("\"{name}\""),
            limit: "it holds pictures without classes".to_string(),
            fix: "pack a data set, a folder or an archive of images with classes".to_string(),
        });
    }
    check_free(target)?;
    match registry::sharded(name, directory)? {
        Some(set) => pack_encoded(&set, target, shuffle),
        None => pack_decoded(name, directory, target, shuffle),
    }
}

/// The numbers of the samples of a split in the order in which they are written.
fn order(split: SplitName, count: usize, shuffle: Option<u64>) -> Vec<u32> {
    match shuffle {
        Some(seed) => Order::Shuffled.of_epoch(seed, split as u32, count),
        None => Order::Stored.of_epoch(0, 0, count),
    }
}

fn pack_encoded(set: &ShardedSet, target: &Path, shuffle: Option<u64>) -> Result<SetHeader, DataError> {
    let header = set.header();
    let mut writer = SetWriter::new(target, header.shards.iter().map(|shard| shard.bytes).sum())?;
    for split in SPLITS {
        for sample in order(split, header.count(split), shuffle) {
            let (bytes, record) = set.encoded(set.first_of(split) + sample as usize)?;
            writer.add(NewSample {
                split,
                label: record.label,
                key: format!("{sample:010}"),
                stem: &header.classes[usize::from(record.label)],
                bytes: &bytes,
                size: [record.height, record.width],
            })?;
        }
    }
    writer.finish(header.classes.clone(), &header.content_hash)
}

fn pack_decoded(
    name: &str,
    directory: &DataDirectory,
    target: &Path,
    shuffle: Option<u64>,
) -> Result<SetHeader, DataError> {
    let source = registry::read_source(name, directory, &SyntheticSettings::default())?;
    source.check(name)?;
    let mut writer = SetWriter::new(target, 0)?;
    let none = Split::empty(source.shape);
    let splits = [&source.train, source.validation.as_ref().unwrap_or(&none), &source.test];
    for (split, images) in SPLITS.into_iter().zip(splits) {
        for sample in order(split, images.len(), shuffle) {
            let place = sample as usize;
            let label = images.labels()[place];
            let png = Picture::new(source.shape, images.image(place).to_vec()).png()?;
            writer.add(NewSample {
                split,
                label,
                key: format!("{sample:010}"),
                stem: &source.classes[usize::from(label)],
                bytes: &png,
                size: [source.shape.height, source.shape.width].map(|length| length as u16),
            })?;
        }
    }
    let hash = source.content_hash();
    writer.finish(source.classes, &hash)
}
