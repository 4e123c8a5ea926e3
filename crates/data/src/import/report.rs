//! What an import did, and what lies under a name already.

use std::path::{Path, PathBuf};

use super::left_out::LeftOut;
use super::options::Storage;
use crate::dataset::pack;
use crate::directory::DataDirectory;
use crate::error::DataError;
use crate::shards::{SetHeader, ShardedSet};
use crate::shared::SharedImages;

/// What an import did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportReport {
    /// The dataset's new name.
    pub name: String,
    /// The packed file, or the folder of shards.
    pub path: PathBuf,
    /// Class names.
    pub classes: Vec<String>,
    /// Number of training, validation and test images.
    pub counts: [usize; 3],
    /// Rows and columns of the images, if all have the same.
    pub size: Option<[usize; 2]>,
    /// How they are stored; never [`Storage::BySize`] where they are encoded in shards.
    pub storage: Storage,
    /// BLAKE3 of what was imported, in hex.
    pub content_hash: String,
    /// True if the same content had been imported under this name before, so that nothing was written.
    pub already_present: bool,
    /// True if the source has no test split and its validation images became the test images, as with ImageNet; false when the set was
    /// already present.
    pub tests_on_validation: bool,
    /// Files that are no images of a split (read-me files, hidden files, folders beside the splits); nothing is known of them when the set
    /// was already present.
    pub left_out: LeftOut,
    /// Images that lie in two splits; nothing is known of them when the set was already present.
    pub shared: Vec<SharedImages>,
}

/// What was imported under this name before, with the hash of its source.
pub(super) fn present(
    name: &str,
    directory: &DataDirectory,
) -> Result<Option<(ImportReport, String)>, DataError> {
    let (packed, sharded) = (directory.pack(name), directory.shards(name));
    if packed.exists() {
        let header = pack::read_header(&packed)?;
        let hash = header.source_hash.clone();
        return Ok(Some((of_pack(name, packed, header), hash)));
    }
    if sharded.exists() {
        let header = ShardedSet::read_header(&sharded)?;
        let hash = header.source_hash.clone();
        return Ok(Some((of_shards(name, sharded, header), hash)));
    }
    Ok(None)
}

/// The report on a packed file.
pub(super) fn of_pack(name: &str, path: PathBuf, header: pack::PackHeader) -> ImportReport {
    ImportReport {
        name: name.to_string(),
        path,
        classes: header.classes,
        counts: [header.train, header.validation.unwrap_or(0), header.test],
        size: Some([header.height, header.width]),
        storage: Storage::BySize,
        content_hash: header.content_hash,
        already_present: true,
        tests_on_validation: false,
        left_out: LeftOut::default(),
        shared: Vec::new(),
    }
}

/// The report on a folder of shards.
pub(super) fn of_shards(name: &str, path: PathBuf, header: SetHeader) -> ImportReport {
    ImportReport {
        name: name.to_string(),
        path,
        classes: header.classes,
        counts: [header.train, header.validation, header.test],
        size: None,
        storage: Storage::Encoded,
        content_hash: header.content_hash,
        already_present: true,
        tests_on_validation: false,
        left_out: LeftOut::default(),
        shared: Vec::new(),
    }
}

/// The error for a name that another import has.
pub(super) fn taken(path: &Path, source: impl std::fmt::Display) -> DataError {
    DataError::bad_file(
        path.display(),
        format!("to be free for {source}"),
        "another import under this name",
        "choose another name, or delete it first",
    )
}
