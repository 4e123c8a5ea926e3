//! How the files of an import are read where they do not lie as the usual layout has them.

use std::path::PathBuf;

use super::background::Background;
use super::entry::EntryLimits;
use super::source::ImportSource;
use crate::error::DataError;

/// How the files of an import are read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImportOptions {
    /// Limits of the walk.
    pub limits: EntryLimits,
    /// Only files whose path matches this pattern are read (`*`, `?`, `[…]`; `*` also matches `/`).
    pub select: Option<String>,
    /// What lies behind transparent pixels; without it they are refused.
    pub background: Option<Background>,
    /// A table with the columns `file`, `label` and perhaps `split`, as CSV; files are named by their path in the source.
    pub table: Option<PathBuf>,
    /// The source is not divided: this share of each class becomes the test split.
    pub test_share: Option<TestShare>,
    /// How the images are stored.
    pub storage: Storage,
}

/// How imported images are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Storage {
    /// Decoded in one packed file, where all have one size and fill at most 16 GiB; otherwise encoded in shards.
    #[default]
    BySize,
    /// Encoded in shards, so that memory does not grow with their number.
    Encoded,
}

/// How shards are read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShardOptions {
    /// Limits of the walk over each shard.
    pub limits: EntryLimits,
    /// The field of `KEY.json` that holds the class; without it the class is in `KEY.cls`, or in the first of the fields `label`, `class`, `cls`.
    pub label_field: Option<String>,
    /// This share of each class becomes the test split, where no shard's name says which split it holds.
    pub test_share: Option<TestShare>,
}

/// A stratified division of images into training and test images: within each class, those that a keyed hash of the file's content ranks
/// first are tested on, so that neither names nor the order of files have any influence, and equal files stay together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TestShare {
    /// Share of each class that becomes test images, above 0 and below 1; at least one image.
    pub share: f64,
    /// Key of the hash.
    pub seed: u64,
}

impl TestShare {
    /// Returns what an image is ranked by within its class, given the BLAKE3 of its file.
    pub(super) fn rank(&self, content: &[u8; 32]) -> [u8; 32] {
        let mut keyed = blake3::Hasher::new();
        keyed.update(&self.seed.to_le_bytes()).update(content);
        *keyed.finalize().as_bytes()
    }

    /// Refuses shares that leave nothing to train on or to test on.
    ///
    /// # Errors
    /// [`DataError::BadOption`].
    pub fn check(&self) -> Result<(), DataError> {
        if self.share > 0.0 && self.share < 1.0 {
            return Ok(());
        }
        Err(DataError::BadOption {
            field: "test-share",
            value: self.share.to_string(),
            limit: "a number above 0 and below 1 is needed".to_string(),
            fix: "0.2 tests on a fifth of each class".to_string(),
        })
    }
}

impl ImportOptions {
    /// Hashes the source and whatever decides how it is read; with the usual layout the source alone.
    pub(super) fn source_hash(&self, source: &ImportSource) -> Result<String, DataError> {
        let files = source.hash(&self.limits)?;
        let plain = ImportOptions { limits: self.limits, ..ImportOptions::default() };
        if *self == plain {
            return Ok(files);
        }
        let table = match &self.table {
            Some(path) => {
                blake3::hash(&std::fs::read(path).map_err(DataError::io("read", path))?).to_hex().to_string()
            }
            None => String::new(),
        };
        let mut text =
            format!("{files} {table} {:?} {:?} {:?}", self.select, self.background, self.test_share);
        if self.storage != Storage::default() {
            text += &format!(" {:?}", self.storage);
        }
        Ok(blake3::hash(text.as_bytes()).to_hex().to_string())
    }
}
