//! The walk over the files of an import source, and its hash: of a folder, an archive, or the files of ImageNet.

use std::fmt;
use std::fs;
use std::io::Read;
use std::path::Path;

use super::entry::{EntryLimits, Visit};
use super::imagenet::ImageNetFiles;
use super::{archive, folder};
use crate::error::DataError;

/// What images with classes are imported from.
#[derive(Clone, Copy, Debug)]
pub(super) enum ImportSource<'a> {
    /// A folder or an archive.
    Files(&'a Path),
    /// The official files of ImageNet.
    ImageNet(&'a ImageNetFiles),
}

impl fmt::Display for ImportSource<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            ImportSource::Files(path) => path.display().fmt(formatter),
            ImportSource::ImageNet(files) => files.train.display().fmt(formatter),
        }
    }
}

impl ImportSource<'_> {
    /// Visits the images by their paths in the layout of folders.
    pub(super) fn walk(&self, limits: &EntryLimits, visit: &mut Visit) -> Result<(), DataError> {
        match self {
            ImportSource::Files(path) => walk(path, limits, visit),
            ImportSource::ImageNet(files) => files.walk(limits, visit),
        }
    }

    /// Hashes the content.
    pub(super) fn hash(&self, limits: &EntryLimits) -> Result<String, DataError> {
        match self {
            ImportSource::Files(path) => hash_source(path, limits),
            ImportSource::ImageNet(ImageNetFiles { train, validation, devkit }) => {
                let hash = |path: &Path| hash_source(path, limits);
                Ok(format!("{} {} {}", hash(train)?, hash(validation)?, hash(devkit)?))
            }
        }
    }
}

/// Visits every regular file of a folder (in the order of paths) or an archive (in its own order).
pub fn walk(source: &Path, limits: &EntryLimits, visit: &mut Visit) -> Result<(), DataError> {
    if metadata(source)?.is_dir() {
        folder::walk(source, limits, visit)
    } else {
        archive::walk(source, limits, visit)
    }
}

/// Hashes the content of a source: the archive's bytes, or the paths and bytes of a folder's files.
pub fn hash_source(source: &Path, limits: &EntryLimits) -> Result<String, DataError> {
    let mut hasher = blake3::Hasher::new();
    if metadata(source)?.is_dir() {
        folder::walk(source, limits, &mut |entry| {
            hasher.update(&(entry.path.len() as u64).to_le_bytes()).update(entry.path.as_bytes());
            hasher.update(&(entry.bytes.len() as u64).to_le_bytes()).update(&entry.bytes);
            Ok(())
        })?;
    } else {
        let mut file = fs::File::open(source).map_err(DataError::io("read", source))?;
        let mut block = vec![0; 1 << 20];
        loop {
            match file.read(&mut block).map_err(DataError::io("read", source))? {
                0 => break,
                read => hasher.update(&block[..read]),
            };
        }
    }
    Ok(hasher.finalize().to_hex().to_string())
}

fn metadata(source: &Path) -> Result<fs::Metadata, DataError> {
    match fs::metadata(source) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(DataError::bad_file(
            source.display(),
            "a folder or a .tar, .tar.gz, .tar.xz or .zip archive",
            "nothing",
            "check the path",
        )),
        other => other.map_err(DataError::io("read", source)),
    }
}
