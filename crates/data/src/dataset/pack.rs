//! The packed file of an imported dataset: decoded once, read whole.
//!
//! Behind the header ([`PackHeader`], see `packed_file.rs`): for each split its labels (`u16`, little endian) and its pixels (`[n, h, w, c]`, `u8`).

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Source, Split};
use crate::error::DataError;
use crate::image_shape::ImageShape;
use crate::packed_file::PackedFile;

const FILE: PackedFile = PackedFile {
    magic: b"allconv pack 01\n",
    // 65,536 classes with long names fit.
    header_limit: 32 << 20,
    fix: "delete the file and import the dataset again",
};

/// The header of a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackHeader {
    /// BLAKE3 of the imported folder's or archive's content, in hex.
    pub source_hash: String,
    /// [`Source::content_hash`] of what follows, in hex.
    pub content_hash: String,
    /// Class names.
    pub classes: Vec<String>,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// Channels of a pixel.
    pub channels: usize,
    /// Number of training images.
    pub train: usize,
    /// Number of validation images; `None` if the source has no such split.
    pub validation: Option<usize>,
    /// Number of test images.
    pub test: usize,
}

impl PackHeader {
    fn shape(&self) -> ImageShape {
        ImageShape { height: self.height, width: self.width, channels: self.channels }
    }

    /// Returns the bytes after the header; `None` if the numbers overflow.
    fn payload_bytes(&self) -> Option<usize> {
        let images = self.train.checked_add(self.validation.unwrap_or(0))?.checked_add(self.test)?;
        let pixels = self.height.checked_mul(self.width)?.checked_mul(self.channels)?;
        images.checked_mul(pixels.checked_add(2)?)
    }
}

/// Writes a source atomically and returns the header.
pub fn write(path: &Path, source: &Source, source_hash: &str) -> Result<PackHeader, DataError> {
    let header = PackHeader {
        source_hash: source_hash.to_string(),
        content_hash: source.content_hash(),
        classes: source.classes.clone(),
        height: source.shape.height,
        width: source.shape.width,
        channels: source.shape.channels,
        train: source.train.len(),
        validation: source.validation.as_ref().map(Split::len),
        test: source.test.len(),
    };
    FILE.write(path, &header, header.payload_bytes(), |file| {
        for split in
            [Some(&source.train), source.validation.as_ref(), Some(&source.test)].into_iter().flatten()
        {
            for label in split.labels() {
                file.write_all(&label.to_le_bytes())?;
            }
            file.write_all(split.pixels())?;
        }
        Ok(())
    })?;
    Ok(header)
}

/// Reads the header alone.
pub fn read_header(path: &Path) -> Result<PackHeader, DataError> {
    FILE.read_header(path)
}

/// Reads a pack and checks its size and its content hash.
pub fn read(path: &Path) -> Result<(PackHeader, Source), DataError> {
    let (header, bytes) = FILE.read(path, PackHeader::payload_bytes)?;
    let shape = header.shape();
    let mut rest = &bytes[..];
    let mut take_split = |count: usize| {
        let (labels, after) = rest.split_at(count * 2);
        let (pixels, after) = after.split_at(count * shape.len());
        rest = after;
        let labels = labels.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        Split::new(pixels.to_vec(), labels, shape)
    };
    let source = Source {
        classes: header.classes.clone(),
        shape,
        train: take_split(header.train),
        validation: header.validation.map(&mut take_split),
        test: take_split(header.test),
    };
    source.check(&path.display().to_string())?;
    FILE.check_content(path, &header.content_hash, &source.content_hash())?;
    Ok((header, source))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::dataset::synthetic::{self, SyntheticSettings};

    fn written() -> (tempfile::TempDir, std::path::PathBuf, Source) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("small.pack");
        let settings = SyntheticSettings { size: 8, train: 20, test: 10, ..SyntheticSettings::default() };
        let source = synthetic::draw(&settings).expect("valid settings");
        write(&path, &source, "abc").expect("a written pack");
        (folder, path, source)
    }

    #[test]
    fn what_was_written_is_read() {
        let (_folder, path, source) = written();
        let (header, read) = read(&path).expect("a whole pack");
        assert_eq!(read.content_hash(), source.content_hash());
        assert_eq!((header.train, header.validation, header.test), (20, None, 10));
        assert_eq!(read_header(&path).expect("a header"), header);
    }

    #[test]
    fn every_truncation_and_one_byte_too_many_is_refused() {
        let (_folder, path, _) = written();
        let whole = fs::read(&path).expect("a pack");
        let mut broken: Vec<Vec<u8>> =
            [0, 1, 15, 16, 19, 20, 21, 200, whole.len() - 1].map(|length| whole[..length].to_vec()).into();
        broken.push([whole.as_slice(), b"x"].concat());
        for bytes in broken {
            fs::write(&path, &bytes).expect("a broken pack");
            let error = read(&path).expect_err("a broken pack");
            assert!(error.to_string().contains("small.pack"), "{error}");
            assert!(!error.is_io());
        }
    }

    #[test]
    fn one_flipped_bit_anywhere_is_refused() {
        let (_folder, path, _) = written();
        let whole = fs::read(&path).expect("a pack");
        for place in (0..whole.len()).step_by(97) {
            // The source's hash names the origin of the data and does not protect them.
            let mut bytes = whole.clone();
            bytes[place] ^= 1;
            fs::write(&path, &bytes).expect("a broken pack");
            let outcome = read(&path);
            let in_source_hash = outcome.as_ref().is_ok_and(|(header, _)| header.source_hash != "abc");
            assert!(outcome.is_err() || in_source_hash, "flipped bit in byte {place}");
        }
    }
}
