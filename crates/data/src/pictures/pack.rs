//! The packed file of an imported set of pictures: decoded once, read whole.
//!
//! Behind the header ([`PictureHeader`], see `packed_file.rs`): for each picture its pixels `[height, width, channels]` and, in a set with
//! classes, its class numbers `[height, width]`.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::example::{IGNORED, PictureExample, PictureSource};
use crate::error::DataError;
use crate::image_shape::ImageShape;
use crate::import::layout::SplitName;
use crate::packed_file::PackedFile;
use crate::picture::Picture;

const FILE: PackedFile = PackedFile {
    magic: b"allconv pics 01\n",
    header_limit: 256 << 20,
    fix: "delete the file and import the pictures again",
};

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
        let pixels = entry.height.checked_mul(entry.width)?;
        let mask = if self.classes.is_empty() { 0 } else { pixels };
        Some([pixels.checked_mul(self.channels)?, mask])
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
    FILE.write(path, &header, header.payload_bytes(), |file| {
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
    FILE.read_header(path)
}

/// Reads a file and checks its size, its label maps and its content hash.
pub fn read(path: &Path) -> Result<PictureSource, DataError> {
    let (header, bytes) = FILE.read(path, PictureHeader::payload_bytes)?;
    let mut source = PictureSource {
        channels: header.channels,
        classes: header.classes.clone(),
        train: Vec::new(),
        validation: Vec::new(),
        test: Vec::new(),
    };
    let mut rest = &bytes[..];
    for entry in &header.pictures {
        // The sizes add up to the file's, so that none overflows.
        let [pixels, mask] = header.bytes(entry).unwrap_or_default();
        let (pixels, after) = rest.split_at(pixels);
        let (mask, after) = after.split_at(mask);
        rest = after;
        let is_class = |class: &u8| usize::from(*class) < header.classes.len() || *class == IGNORED;
        if let Some(class) = mask.iter().find(|class| !is_class(class)) {
            let expected = format!("class numbers from 0 to {}, or {IGNORED}", header.classes.len() - 1);
            let file = format!("{}, picture {}", path.display(), entry.name);
            return Err(DataError::bad_file(file, expected, class, FILE.fix));
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
                return Err(DataError::bad_file(file, "split train, val or test", &entry.split, FILE.fix));
            }
        }
    }
    FILE.check_content(path, &header.content_hash, &source.content_hash())?;
    Ok(source)
}

#[cfg(test)]
mod tests {
    use std::fs;

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
