//! Writing a set of encoded images: shards first, then the index and the header, in a folder that takes its name when all of it is there.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use allconv_files::{
    LEFT_BEHIND, check_room, create_folder, remove_leftovers, sync_folder, temporary_folder, write_atomically,
};
use tempfile::TempDir;

use super::index::{Record, check_of};
use super::set::{FORMAT, HEADER_FILE, INDEX_FILE, SetHeader, ShardFile, content_hasher};
use crate::error::DataError;
use crate::import::layout::SplitName;

/// Bytes after which a shard is closed and the next one begun: 1 GiB, as WebDataset recommends.
const SHARD_BYTES: u64 = 1 << 30;

/// Bytes of a block of a tar archive.
const BLOCK: u64 = 512;

/// Most letters of a file's name that a key repeats: the key fits in the header of an entry.
const STEM_LETTERS: usize = 60;

/// One image on its way into a shard.
pub(crate) struct NewSample<'a> {
    /// Its split.
    pub(crate) split: SplitName,
    /// Its class number.
    pub(crate) label: u16,
    /// What it is sorted by within its split: class and file.
    pub(crate) key: String,
    /// Its name without folders and ending.
    pub(crate) stem: &'a str,
    /// The encoded image.
    pub(crate) bytes: &'a [u8],
    /// Rows and columns of the decoded image.
    pub(crate) size: [u16; 2],
}

/// A set that is being written.
pub(crate) struct SetWriter {
    target: PathBuf,
    folder: TempDir,
    open: [Option<OpenShard>; 3],
    shards: Vec<ShardFile>,
    records: Vec<(SplitName, String, Record)>,
}

struct OpenShard {
    number: usize,
    file: BufWriter<File>,
    bytes: u64,
    path: PathBuf,
}

impl SetWriter {
    /// Begins a set that will lie at `target`; `bytes` is what the images take, if that is known.
    pub(crate) fn new(target: &Path, bytes: u64) -> Result<SetWriter, DataError> {
        Ok(SetWriter {
            target: target.to_path_buf(),
            folder: begin(target, bytes)?,
            open: [None, None, None],
            shards: Vec::new(),
            records: Vec::new(),
        })
    }

    /// Appends an image and its class number to the shard of its split.
    pub(crate) fn add(&mut self, sample: NewSample) -> Result<(), DataError> {
        let number = self.records.len();
        let stem: String = sample.stem.chars().map(plain).take(STEM_LETTERS).collect();
        let key = format!("{number:08}-{stem}");
        let shard = self.shard(sample.split)?;
        let offset = shard.entry(&format!("{key}.{}", ending(sample.bytes)), sample.bytes)?;
        shard.entry(&format!("{key}.cls"), sample.label.to_string().as_bytes())?;
        let record = Record {
            check: check_of(sample.bytes),
            offset,
            length: sample.bytes.len() as u32,
            shard: shard.number as u32,
            label: sample.label,
            height: sample.size[0],
            width: sample.size[1],
        };
        self.records.push((sample.split, sample.key, record));
        Ok(())
    }

    fn shard(&mut self, split: SplitName) -> Result<&mut OpenShard, DataError> {
        let place = split as usize;
        if self.open[place].as_ref().is_some_and(|shard| shard.bytes >= SHARD_BYTES) {
            self.close(place)?;
        }
        if self.open[place].is_none() {
            let prefix = format!("{}-", split.folder());
            let count = self.shards.iter().filter(|shard| shard.file.starts_with(&prefix)).count();
            let file = format!("{prefix}{count:06}.tar");
            let path = self.folder.path().join(&file);
            let opened = File::create_new(&path).map_err(DataError::io("write", &path))?;
            let file_writer = BufWriter::with_capacity(1 << 20, opened);
            self.open[place] =
                Some(OpenShard { number: self.shards.len(), file: file_writer, bytes: 0, path });
            self.shards.push(ShardFile { file, bytes: 0 });
        }
        Ok(self.open[place].as_mut().expect("opened above"))
    }

    fn close(&mut self, place: usize) -> Result<(), DataError> {
        let Some(mut shard) = self.open[place].take() else { return Ok(()) };
        let end = [0; 2 * BLOCK as usize];
        let written = shard.file.write_all(&end).and_then(|()| shard.file.flush());
        written
            .and_then(|()| shard.file.get_ref().sync_all())
            .map_err(DataError::io("write", &shard.path))?;
        self.shards[shard.number].bytes = shard.bytes + 2 * BLOCK;
        Ok(())
    }

    /// Writes index and header, and gives the folder its name.
    pub(crate) fn finish(mut self, classes: Vec<String>, source_hash: &str) -> Result<SetHeader, DataError> {
        (0..self.open.len()).try_for_each(|place| self.close(place))?;
        self.records.sort_by(|(a, first, _), (b, second, _)| (a, first).cmp(&(b, second)));
        let records = self.records.iter().map(|(split, _, record)| (*split, *record));
        let header =
            write_index(self.folder.path(), Contents { classes, shards: self.shards, records }, source_hash)?;
        settle(self.folder, &self.target)?;
        Ok(header)
    }
}

/// What an index lists.
pub(crate) struct Contents<R> {
    /// Class names.
    pub(crate) classes: Vec<String>,
    /// The shards by their numbers.
    pub(crate) shards: Vec<ShardFile>,
    /// The samples in the order of splits.
    pub(crate) records: R,
}

/// Writes a set whose images lie in shards of others: an index, and a link to each shard.
pub(crate) fn write_linked(
    target: &Path,
    shards: &[PathBuf],
    contents: Contents<impl Iterator<Item = (SplitName, Record)> + Clone>,
    source_hash: &str,
) -> Result<SetHeader, DataError> {
    let folder = begin(target, 0)?;
    for (shard, ShardFile { file, .. }) in shards.iter().zip(&contents.shards) {
        let whole = shard.canonicalize().map_err(DataError::io("read", shard))?;
        let link = folder.path().join(file);
        std::os::unix::fs::symlink(&whole, &link).map_err(DataError::io("write", &link))?;
    }
    let header = write_index(folder.path(), contents, source_hash)?;
    settle(folder, target)?;
    Ok(header)
}

/// Refuses a folder that exists.
///
/// # Errors
/// [`DataError::BadFile`] that names it.
pub(crate) fn check_free(target: &Path) -> Result<(), DataError> {
    if !target.exists() {
        return Ok(());
    }
    let (expected, fix) = ("a folder that does not exist yet", "choose another, or delete it first");
    Err(DataError::bad_file(target.display(), expected, "one that does", fix))
}

/// Makes the folder of a set under a temporary name beside its own.
fn begin(target: &Path, bytes: u64) -> Result<TempDir, DataError> {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    create_folder(folder)?;
    remove_leftovers(folder, LEFT_BEHIND);
    check_room(target, bytes)?;
    let prefix = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(temporary_folder(folder, &prefix)?)
}

/// Gives the folder its name. From here on it is not removed with the value.
fn settle(folder: TempDir, target: &Path) -> Result<(), DataError> {
    let folder = folder.keep();
    fs::rename(&folder, target).map_err(DataError::io("rename into place", target))?;
    let around = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(sync_folder(around)?)
}

fn write_index(
    folder: &Path,
    contents: Contents<impl Iterator<Item = (SplitName, Record)> + Clone>,
    source_hash: &str,
) -> Result<SetHeader, DataError> {
    let Contents { classes, shards, records } = contents;
    let counts = [SplitName::Train, SplitName::Validation, SplitName::Test]
        .map(|split| records.clone().filter(|(of, _)| *of == split).count());
    let mut hasher = content_hasher(&classes, counts);
    records.clone().for_each(|(_, record)| record.hash_into(&mut hasher));
    let header = SetHeader {
        format: FORMAT.to_string(),
        source_hash: source_hash.to_string(),
        content_hash: hasher.finalize().to_hex().to_string(),
        classes,
        train: counts[0],
        validation: counts[1],
        test: counts[2],
        shards,
    };
    write_atomically(&folder.join(INDEX_FILE), |file| {
        records.clone().try_for_each(|(_, record)| file.write_all(&record.to_bytes()))
    })?;
    write_atomically(&folder.join(HEADER_FILE), |file| {
        serde_json::to_writer_pretty(file, &header).map_err(io::Error::from)
    })?;
    Ok(header)
}

impl OpenShard {
    /// Appends a file and returns the place of its first byte.
    fn entry(&mut self, name: &str, bytes: &[u8]) -> Result<u64, DataError> {
        let mut header = tar::Header::new_ustar();
        let padding = bytes.len().next_multiple_of(BLOCK as usize) - bytes.len();
        let mut write = |file: &mut BufWriter<File>| {
            header.set_path(name)?;
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            file.write_all(header.as_bytes())?;
            file.write_all(bytes)?;
            file.write_all(&[0; BLOCK as usize][..padding])
        };
        write(&mut self.file).map_err(DataError::io("write", &self.path))?;
        let offset = self.bytes + BLOCK;
        self.bytes = offset + (bytes.len() + padding) as u64;
        Ok(offset)
    }
}

/// The letter as a key may hold it: WebDataset ends a key at its first dot.
fn plain(letter: char) -> char {
    if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' }
}

/// The ending that tells other readers what the bytes are.
fn ending(bytes: &[u8]) -> &'static str {
    match image::guess_format(bytes) {
        Ok(image::ImageFormat::Png) => "png",
        Ok(image::ImageFormat::WebP) => "webp",
        Ok(image::ImageFormat::Bmp) => "bmp",
        _ => "jpg",
    }
}
