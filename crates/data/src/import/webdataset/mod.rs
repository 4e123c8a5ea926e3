//! Import of images in tar shards (the layout of WebDataset): the shards stay where they are, and an index is made for them.

mod classes;
mod paths;
mod read;
mod sample;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::left_out::LeftOut;
use super::options::ShardOptions;
use super::report::{ImportReport, of_shards, present, taken};
use crate::directory::DataDirectory;
use crate::error::DataError;
use crate::registry;
use crate::shards::{Contents, HEADER_FILE, SetHeader, ShardedSet, write_linked};
use paths::described;
pub use paths::find_shards;
use read::Reader;

/// Imports tar shards as the dataset `name`. The images stay in the shards; what is written is an index of 40 bytes an image, and links.
///
/// A sample is an image `KEY.jpg` (or another ending that is read) beside its class, a number or a name, in `KEY.cls` or a field of
/// `KEY.json`; other files are left out. The split is a word of the shard's file name or of its folder's. Classes are named by `classes.txt`
/// beside the first shard, a name in each line, where the samples have numbers. Shards that `allconv data pack` has written keep classes,
/// order and content hash.
///
/// # Errors
/// An invalid or taken name; a compressed or damaged shard; a sample without image or class; an image that cannot be decoded or has
/// transparent pixels; a class without training images; no training or no test images.
pub fn import_shards(
    shards: &[PathBuf],
    name: &str,
    directory: &DataDirectory,
    options: &ShardOptions,
) -> Result<ImportReport, DataError> {
    registry::check_importable(name)?;
    options.test_share.map_or(Ok(()), |share| share.check())?;
    let source = described(shards);
    for other in [directory.pack(name), directory.pictures(name)] {
        if other.exists() {
            return Err(taken(&other, &source));
        }
    }
    let target = directory.shards(name);
    let mut left_out = LeftOut::default();
    let mut tests_on_validation = false;
    let is_plain = options.test_share.is_none() && options.label_field.is_none();
    let packed = if is_plain { packed_here(shards)? } else { None };
    let (header, already_present) = match packed {
        Some(set) => {
            set.verify()?;
            let header = set.header().clone();
            match present(name, directory)? {
                Some((known, _)) if known.content_hash == header.content_hash => (header, true),
                Some((known, _)) => return Err(taken(&known.path, &source)),
                None => (link_packed(&target, &set)?, false),
            }
        }
        None => {
            let mut reader = Reader::new(shards, options)?;
            reader.read()?;
            let mut read = reader.finish(&source)?;
            left_out = std::mem::take(&mut read.left_out);
            tests_on_validation = read.tests_on_validation;
            let hash = read.hash();
            match present(name, directory)? {
                Some((known, other)) if other == hash => (ShardedSet::read_header(&known.path)?, true),
                Some((known, _)) => return Err(taken(&known.path, &source)),
                None => (read.write(&target, shards, &hash)?, false),
            }
        }
    };
    let set = ShardedSet::open(&target)?;
    let size = set.common_size().map(|size| size.map(usize::from));
    Ok(ImportReport {
        already_present,
        tests_on_validation,
        left_out,
        size,
        ..of_shards(name, target, header)
    })
}

/// Opens the set of shards that `allconv data pack` or an import has written, if these are all its shards.
fn packed_here(shards: &[PathBuf]) -> Result<Option<ShardedSet>, DataError> {
    let folder = shards.first().and_then(|shard| shard.parent()).unwrap_or(Path::new(""));
    if !folder.join(HEADER_FILE).exists() {
        return Ok(None);
    }
    let set = ShardedSet::open(folder)?;
    let given: BTreeSet<PathBuf> = shards.iter().cloned().collect();
    let own = set.header().shards.iter().map(|shard| folder.join(&shard.file)).collect();
    Ok((given == own).then_some(set))
}

/// Writes a set that refers to the shards of a packed one, with the same index.
fn link_packed(target: &Path, set: &ShardedSet) -> Result<SetHeader, DataError> {
    let header = set.header();
    let paths: Vec<PathBuf> = header.shards.iter().map(|shard| set.folder().join(&shard.file)).collect();
    let records = set.records()?;
    let contents = Contents {
        classes: header.classes.clone(),
        shards: header.shards.clone(),
        records: records.iter().copied(),
    };
    write_linked(target, &paths, contents, &header.source_hash)
}
