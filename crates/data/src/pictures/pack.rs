//! The packed file of an imported set of pictures: decoded once, read whole.
//!
//! Layout: the line [`MAGIC`], the header's length in bytes (`u32`, little endian), the header (JSON, [`PictureHeader`]), then for each
//! picture its pixels `[height, width, channels]` and, in a set with classes, its class numbers `[height, width]`.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{PictureExample, PictureSource};
use crate::atomic::write_atomically;
use crate::augment::ImageShape;
use crate::error::DataError;
use crate::import::layout::SplitName;
use crate::picture::Picture;

/// First bytes of every file; the number is the format's version.
pub const MAGIC: &[u8; 16] = b"allconv pics 01\n";
/// Longest header accepted.
const HEADER_LIMIT: usize = 256 << 20;
const FIX: &str = "delete the file and import the pictures again";

/// What a file of pictures holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PictureHeader {
    /// BLAKE3 of the imported folder's or archive's content and of how it was read, in hex.
    pub source_hash: String,
    /// [`PictureSource::content_hash`] of what follows, in hex.
    pub content_hash: String,
    /// Channels of every picture.
    pub channels: usize,
    /// Names of the classes in the label maps; empty where there are none.
    pub classes: Vec<String>,
    /// The pictures in the order of storage.
    pub pictures: Vec<PictureEntry>,
}

/// One picture of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PictureEntry {
    /// [`PictureExample::name`].
    pub name: String,
    /// `train`, `val` or `test`.
    pub split: String,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl PictureHeader {
    /// Number of pictures in a split.
    pub fn count(&self, split: SplitName) -> usize {
        self.pictures.iter().filter(|entry| entry.split == split.folder()).count()
    }

    /// Bytes of one picture and its label map; `None` if the numbers overflow.
    fn bytes(&self, entry: &PictureEntry) -> Option<[usize; 2]> {
        let cells = entry.height.checked_mul(entry.width)?;
        let mask = if self.classes.is_empty() { 0 } else { cells };
        Some([cells.checked_mul(self.channels)?, mask])
    }

    fn payload_bytes(&self) -> Option<usize> {
        self.pictures.iter().try_fold(0usize, |sum, entry| {
            let [pixels, mask] = self.bytes(entry)?;
            sum.checked_add(pixels)?.checked_add(mask)
        })
    }
}

/// Writes a set atomically and returns the header.
pub fn write(path: &Path, source: &PictureSource, source_hash: &str) -> Result<PictureHeader, DataError> {
    let splits = [
        (SplitName::Train, &source.train),
        (SplitName::Validation, &source.validation),
        (SplitName::Test, &source.test),
    ];
    let entry = |split: SplitName, example: &PictureExample| PictureEntry {
        name: example.name.clone(),
        split: split.folder().to_string(),
        height: example.picture.shape().height,
        width: example.picture.shape().width,
    };
    let header = PictureHeader {
        source_hash: source_hash.to_string(),
        content_hash: source.content_hash(),
        channels: source.channels,
        classes: source.classes.clone(),
        pictures: splits
            .iter()
            .flat_map(|(split, examples)| examples.iter().map(|example| entry(*split, example)))
            .collect(),
    };
    write_atomically(path, |file| {
        let header = serde_json::to_vec(&header)?;
        file.write_all(MAGIC)?;
        file.write_all(&(header.len() as u32).to_le_bytes())?;
        file.write_all(&header)?;
        for example in splits.iter().flat_map(|(_, examples)| examples.iter()) {
            file.write_all(example.picture.pixels())?;
            if let Some(mask) = &example.mask {
                file.write_all(mask)?;
            }
        }
        Ok(())
    })?;
    Ok(header)
}

/// Reads the header alone.
pub fn read_header(path: &Path) -> Result<PictureHeader, DataError> {
    let mut file = fs::File::open(path).map_err(DataError::io("read", path))?;
    let mut start = Vec::new();
    Read::by_ref(&mut file).take(20).read_to_end(&mut start).map_err(DataError::io("read", path))?;
    let length = header_length(path, &start)?;
    let mut header = Vec::new();
    file.take(length as u64).read_to_end(&mut header).map_err(DataError::io("read", path))?;
    parse_header(path, &header)
}

/// Reads a file and checks its size, its label maps and its content hash.
pub fn read(path: &Path) -> Result<PictureSource, DataError> {
    let bytes = fs::read(path).map_err(DataError::io("read", path))?;
    let header_bytes = header_length(path, &bytes)?;
    let payload_start = 20 + header_bytes;
    let header = parse_header(path, bytes.get(20..payload_start).unwrap_or(&bytes[20..]))?;
    let expected = header.payload_bytes().and_then(|payload| payload.checked_add(payload_start));
    if expected != Some(bytes.len()) {
        let expected =
            expected.map_or("a size that fits in memory".to_string(), |bytes| format!("{bytes} bytes"));
        return Err(DataError::bad_file(path.display(), expected, format!("{} bytes", bytes.len()), FIX));
    }
    let mut source = PictureSource {
        channels: header.channels,
        classes: header.classes.clone(),
        train: Vec::new(),
        validation: Vec::new(),
        test: Vec::new(),
    };
    let mut rest = &bytes[payload_start..];
    for entry in &header.pictures {
        // The sizes add up to the file's, so that none overflows.
        let [pixels, mask] = header.bytes(entry).unwrap_or_default();
        let (pixels, after) = rest.split_at(pixels);
        let (mask, after) = after.split_at(mask);
        rest = after;
        if let Some(class) = mask.iter().find(|class| usize::from(**class) >= header.classes.len()) {
            let expected = format!("class numbers from 0 to {}", header.classes.len() - 1);
            let file = format!("{}, picture {}", path.display(), entry.name);
            return Err(DataError::bad_file(file, expected, class, FIX));
        }
        let shape = ImageShape { height: entry.height, width: entry.width, channels: header.channels };
        let example = PictureExample {
            name: entry.name.clone(),
            picture: Picture::new(shape, pixels.to_vec()),
            mask: (!header.classes.is_empty()).then(|| Arc::new(mask.to_vec())),
        };
        match SplitName::of_folder(&entry.split) {
            Some(SplitName::Train) => source.train.push(example),
            Some(SplitName::Validation) => source.validation.push(example),
            Some(SplitName::Test) => source.test.push(example),
            None => {
                let file = format!("{}, picture {}", path.display(), entry.name);
                return Err(DataError::bad_file(file, "split train, val or test", &entry.split, FIX));
            }
        }
    }
    let found = source.content_hash();
    if found != header.content_hash {
        return Err(DataError::bad_file(
            path.display(),
            format!("content hash {}", header.content_hash),
            format!("content hash {found}"),
            FIX,
        ));
    }
    Ok(source)
}

fn header_length(path: &Path, start: &[u8]) -> Result<usize, DataError> {
    let (Some(magic), Some(length)) = (start.get(..16), start.get(16..20)) else {
        let found = format!("{} bytes", start.len());
        return Err(DataError::bad_file(path.display(), "a header", found, FIX));
    };
    if magic != MAGIC {
        let found = format!("\"{}\"", magic.escape_ascii());
        return Err(DataError::bad_file(path.display(), "the first line \"allconv pics 01\"", found, FIX));
    }
    let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize;
    if length > HEADER_LIMIT {
        let expected = format!("a header of at most {HEADER_LIMIT} bytes");
        return Err(DataError::bad_file(path.display(), expected, format!("{length} bytes"), FIX));
    }
    Ok(length)
}

fn parse_header(path: &Path, header: &[u8]) -> Result<PictureHeader, DataError> {
    serde_json::from_slice(header)
        .map_err(|error| DataError::bad_file(path.display(), "a header in JSON", error, FIX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::SyntheticSettings;

    fn written() -> (tempfile::TempDir, std::path::PathBuf, PictureSource) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("small.pictures");
        let settings = SyntheticSettings { size: 8, train: 10, test: 5, ..SyntheticSettings::default() };
        let source = PictureSource::drawn(&settings).expect("valid settings");
        write(&path, &source, "abc").expect("a written file");
        (folder, path, source)
    }

    #[test]
    fn what_was_written_is_read() {
        let (_folder, path, source) = written();
        let read = read(&path).expect("a whole file");
        assert_eq!((&read.train, &read.test), (&source.train, &source.test));
        assert_eq!(read_header(&path).expect("a header").count(SplitName::Train), 10);
    }

    #[test]
    fn every_truncation_and_every_flipped_bit_is_refused() {
        let (_folder, path, _) = written();
        let whole = fs::read(&path).expect("a file");
        let mut broken: Vec<Vec<u8>> =
            [0, 15, 19, 20, 200, whole.len() - 1].map(|length| whole[..length].to_vec()).into();
        broken.push([whole.as_slice(), b"x"].concat());
        let flipped = |place: usize| {
            let mut bytes = whole.clone();
            bytes[place] ^= 1;
            bytes
        };
        // The source's hash says where the pictures came from and does not guard them.
        let guarded = |place: &usize| !(20..60).contains(place);
        broken.extend((0..whole.len()).step_by(89).filter(guarded).map(flipped));
        for (number, bytes) in broken.iter().enumerate() {
            fs::write(&path, bytes).expect("a broken file");
            let error = read(&path).expect_err(&format!("broken file {number}"));
            assert!(error.to_string().contains("small.pictures"), "{error}");
        }
    }
}
