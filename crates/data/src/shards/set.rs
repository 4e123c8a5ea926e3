//! An opened set of encoded images: its header in memory, its index and its images read when they are asked for.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::index::{RECORD_BYTES, Record, check_of};
use crate::error::DataError;
use crate::import::decode;
use crate::import::layout::SplitName;
use crate::packed_file::LATER;
use crate::picture::Picture;

/// The format's name in headers.
pub(super) const FORMAT: &str = "allconv shards 1";
/// Name of the header's file.
pub(crate) const HEADER_FILE: &str = "set.json";
/// Name of the index's file.
pub(super) const INDEX_FILE: &str = "index.bin";
/// Most shards that are kept open, below the 1024 files that a process may usually have.
const KEPT_OPEN: usize = 256;
/// What precedes the version in the format's name.
const FORMAT_NAME: &str = "allconv shards ";
/// What to do about a damaged set.
const FIX: &str = "delete the folder and import the data set again";

/// What a set holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetHeader {
    /// Name and version of the format.
    pub format: String,
    /// BLAKE3 of what was imported, in hex.
    pub source_hash: String,
    /// BLAKE3 of classes, counts, labels and encoded images, in hex; the images by the first 16 bytes of theirs.
    pub content_hash: String,
    /// Class names.
    pub classes: Vec<String>,
    /// Number of training images.
    pub train: usize,
    /// Number of the set's own validation images; 0 if it has no such split.
    pub validation: usize,
    /// Number of test images.
    pub test: usize,
    /// The shards.
    pub shards: Vec<ShardFile>,
}

/// The format alone, which headers of every version have.
#[derive(Deserialize)]
struct Stated {
    format: String,
}

/// One shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardFile {
    /// Name in the set's folder.
    pub file: String,
    /// Its size.
    pub bytes: u64,
}

impl SetHeader {
    /// Number of images in a split.
    pub fn count(&self, split: SplitName) -> usize {
        [self.train, self.validation, self.test][split as usize]
    }
}

/// The hash of a set's content before its records.
pub(super) fn content_hasher(classes: &[String], counts: [usize; 3]) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"allconv-data shards 1\n");
    for class in classes {
        hasher.update(&(class.len() as u64).to_le_bytes()).update(class.as_bytes());
    }
    for count in counts.into_iter().chain([classes.len()]) {
        hasher.update(&(count as u64).to_le_bytes());
    }
    hasher
}

/// An opened set. Reading is safe from many threads at once.
#[derive(Debug)]
pub struct ShardedSet {
    folder: PathBuf,
    header: SetHeader,
    index: File,
    /// The first shards, once they have been opened; others are opened for each reading, so that any number of shards can be read.
    shards: Vec<OnceLock<File>>,
    /// Rows and columns of every image, if they are the same.
    size: Option<[u16; 2]>,
}

impl ShardedSet {
    /// Reads the header of the set in `folder`.
    ///
    /// # Errors
    /// A missing or damaged header, or one of a newer version.
    pub fn read_header(folder: &Path) -> Result<SetHeader, DataError> {
        let path = folder.join(HEADER_FILE);
        let text = fs::read_to_string(&path).map_err(DataError::io("read", &path))?;
        // The version is checked before the fields: a later header may have fields unknown to this program.
        if let Ok(Stated { format }) = serde_json::from_str(&text)
            && format != FORMAT
        {
            let version = |name: &str| name.strip_prefix(FORMAT_NAME)?.parse::<u32>().ok();
            let fix = if version(&format) > version(FORMAT) { LATER } else { FIX };
            let expected = format!("the format \"{FORMAT}\"");
            return Err(DataError::bad_file(path.display(), expected, format!("\"{format}\""), fix));
        }
        serde_json::from_str(&text).map_err(|error| damaged(&path, "the header of a set of shards", error))
    }

    /// Opens the set in `folder`, and checks its index and the sizes of its shards.
    ///
    /// # Errors
    /// [`DataError`] when a file is missing, has another size, or the index another content than the header says.
    pub fn open(folder: &Path) -> Result<ShardedSet, DataError> {
        let header = ShardedSet::read_header(folder)?;
        for shard in &header.shards {
            let path = folder.join(&shard.file);
            let plain = Path::new(&shard.file).file_name().is_some_and(|name| name == shard.file.as_str());
            if !plain {
                return Err(damaged(
                    &folder.join(HEADER_FILE),
                    "plain names of shards",
                    format!("\"{}\"", shard.file),
                ));
            }
            let bytes = metadata(&path)?.len();
            if bytes != shard.bytes {
                return Err(damaged(&path, format!("{} bytes", shard.bytes), format!("{bytes} bytes")));
            }
        }
        let path = folder.join(INDEX_FILE);
        let index = File::open(&path).map_err(DataError::io("read", &path))?;
        let shards = header.shards.iter().take(KEPT_OPEN).map(|_| OnceLock::new()).collect();
        let mut set = ShardedSet { folder: folder.to_path_buf(), header, index, shards, size: None };
        set.size = set.check_index()?;
        Ok(set)
    }

    /// Compares the index with the header; returns the size of the images if all have the same.
    fn check_index(&self) -> Result<Option<[u16; 2]>, DataError> {
        let path = self.folder.join(INDEX_FILE);
        let bytes = self.index.metadata().map_err(DataError::io("read", &path))?.len();
        let header = &self.header;
        let counts = [header.train, header.validation, header.test];
        let expected = counts.iter().try_fold(0u64, |sum, count| sum.checked_add(*count as u64));
        let expected = expected.and_then(|count| count.checked_mul(RECORD_BYTES as u64));
        if expected != Some(bytes) || bytes / RECORD_BYTES as u64 > u64::from(u32::MAX) {
            let expected =
                expected.map_or("a size below 2⁶⁴".to_string(), |bytes| format!("{bytes} bytes"));
            return Err(damaged(&path, expected, format!("{bytes} bytes")));
        }
        let mut hasher = content_hasher(&header.classes, counts);
        let mut reader = BufReader::with_capacity(1 << 20, &self.index);
        let (mut bytes, mut size, mut equal) = ([0; RECORD_BYTES], None, true);
        for sample in 0..counts.iter().sum() {
            reader.read_exact(&mut bytes).map_err(DataError::io("read", &path))?;
            let record = Record::of_bytes(&bytes);
            if usize::from(record.label) >= header.classes.len()
                || record.shard as usize >= header.shards.len()
            {
                let expected =
                    format!("labels below {} and shards below {}", header.classes.len(), header.shards.len());
                let found = format!("label {} and shard {} of sample {sample}", record.label, record.shard);
                return Err(damaged(&path, expected, found));
            }
            equal &= *size.get_or_insert([record.height, record.width]) == [record.height, record.width];
            record.hash_into(&mut hasher);
        }
        let found = hasher.finalize().to_hex().to_string();
        if found != header.content_hash {
            return Err(damaged(
                &path,
                format!("content hash {}", header.content_hash),
                format!("content hash {found}"),
            ));
        }
        Ok(size.filter(|_| equal))
    }

    /// The folder of the set.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The records of all samples with their splits.
    ///
    /// # Errors
    /// [`DataError`] when the index cannot be read.
    pub(crate) fn records(&self) -> Result<Vec<(SplitName, Record)>, DataError> {
        let splits = [SplitName::Train, SplitName::Validation, SplitName::Test];
        let samples = splits.iter().flat_map(|split| {
            let first = self.first_of(*split);
            (first..first + self.header.count(*split)).map(move |sample| (*split, sample))
        });
        samples.map(|(split, sample)| Ok((split, self.record(sample)?))).collect()
    }

    /// What the set holds.
    pub fn header(&self) -> &SetHeader {
        &self.header
    }

    /// Rows and columns of every image, if they are the same.
    pub fn common_size(&self) -> Option<[u16; 2]> {
        self.size
    }

    /// Number of the first sample of a split.
    pub fn first_of(&self, split: SplitName) -> usize {
        [0, self.header.train, self.header.train + self.header.validation][split as usize]
    }

    /// The record of a sample, counted over all splits.
    ///
    /// # Errors
    /// [`DataError`] when the index cannot be read.
    pub fn record(&self, sample: usize) -> Result<Record, DataError> {
        let mut bytes = [0; RECORD_BYTES];
        let place = sample as u64 * RECORD_BYTES as u64;
        let path = self.folder.join(INDEX_FILE);
        self.index.read_exact_at(&mut bytes, place).map_err(DataError::io("read", &path))?;
        Ok(Record::of_bytes(&bytes))
    }

    /// The encoded image of a sample, and its record.
    ///
    /// # Errors
    /// [`DataError`] when a shard cannot be read, or holds other bytes than were imported.
    pub fn encoded(&self, sample: usize) -> Result<(Vec<u8>, Record), DataError> {
        let record = self.record(sample)?;
        let number = record.shard as usize;
        let shard = &self.header.shards[number];
        let path = self.folder.join(&shard.file);
        if record.offset.checked_add(u64::from(record.length)).is_none_or(|end| end > shard.bytes) {
            let found = format!("{} bytes at {} of sample {sample}", record.length, record.offset);
            return Err(damaged(&self.folder.join(INDEX_FILE), "places inside the shards", found));
        }
        let opened;
        let file = match self.shards.get(number).and_then(OnceLock::get) {
            Some(file) => file,
            None => {
                let file = File::open(&path).map_err(DataError::io("read", &path))?;
                match self.shards.get(number) {
                    Some(kept) => kept.get_or_init(|| file),
                    None => {
                        opened = file;
                        &opened
                    }
                }
            }
        };
        let mut bytes = vec![0; record.length as usize];
        file.read_exact_at(&mut bytes, record.offset).map_err(DataError::io("read", &path))?;
        if check_of(&bytes) != record.check {
            let file = format!(
                "{}, bytes {} to {}",
                path.display(),
                record.offset,
                record.offset + u64::from(record.length)
            );
            return Err(DataError::bad_file(file, "the image that was imported", "other bytes", FIX));
        }
        Ok((bytes, record))
    }

    /// The decoded image of a sample, in colour.
    ///
    /// # Errors
    /// As [`ShardedSet::encoded`]; an image that cannot be decoded.
    pub fn picture(&self, sample: usize) -> Result<Picture, DataError> {
        let (bytes, record) = self.encoded(sample)?;
        let file = || {
            format!(
                "{}, sample {sample}",
                self.folder.join(&self.header.shards[record.shard as usize].file).display()
            )
        };
        let image = decode::decode_rgb(&bytes).map_err(|found| decode::refused(&file(), found))?;
        Ok(Picture::new(image.shape, image.pixels))
    }

    /// Reads and decodes every image.
    ///
    /// # Errors
    /// The first image that cannot be read or decoded, or has another size than its record says.
    pub fn verify(&self) -> Result<(), DataError> {
        let header = &self.header;
        (0..header.train + header.validation + header.test).into_par_iter().try_for_each(|sample| {
            let (record, shape) = (self.record(sample)?, self.picture(sample)?.shape());
            let [height, width] = [record.height, record.width].map(usize::from);
            match (shape.height, shape.width) == (height, width) {
                true => Ok(()),
                false => {
                    let expected = format!("{width}×{height} pixels in sample {sample}");
                    let found = format!("{}×{}", shape.width, shape.height);
                    Err(damaged(&self.folder.join(INDEX_FILE), expected, found))
                }
            }
        })
    }
}

/// Looks at a shard, which may be a link to one that others made.
fn metadata(path: &Path) -> Result<fs::Metadata, DataError> {
    let target = fs::read_link(path).ok();
    match (fs::metadata(path), target) {
        (Err(error), Some(target)) if error.kind() == std::io::ErrorKind::NotFound => {
            let fix = "bring it back there, or delete the folder of links and import the shards again";
            Err(DataError::bad_file(target.display(), "the shard that was imported", "nothing", fix))
        }
        (found, _) => found.map_err(DataError::io("read", path)),
    }
}

fn damaged(path: &Path, expected: impl ToString, found: impl ToString) -> DataError {
    DataError::bad_file(path.display(), expected, found, FIX)
}
