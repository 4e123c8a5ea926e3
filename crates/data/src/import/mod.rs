//! Import of images with classes: from a folder or an archive into one packed file, or into shards where sizes differ.

pub mod archive;
pub mod background;
pub mod decode;
mod divide;
pub mod entry;
pub mod folder;
mod gather;
pub mod imagenet;
mod jpeg;
pub mod labels;
pub mod layout;
pub mod left_out;
mod matlab;
mod options;
mod orientation;
pub mod pictures;
mod png;
pub(crate) mod profile;
mod select;
pub mod source;
mod store;
mod table;
mod zip;

use std::path::{Path, PathBuf};

use crate::dataset::pack;
use crate::directory::DataDirectory;
use crate::error::DataError;
use crate::registry;
use crate::shards::ShardedSet;
use crate::shared::SharedImages;
use gather::Gatherer;
use imagenet::ImageNetFiles;
use left_out::LeftOut;
pub use options::{ImportOptions, TestShare};
use source::ImportSource;

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
    /// Rows and columns of the images, if all have the same; others are kept encoded.
    pub size: Option<[usize; 2]>,
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

/// Imports a folder or a `.tar`, `.tar.gz`, `.tar.xz` or `.zip` (told apart by content) as the dataset `name`.
///
/// The source holds `SPLIT/CLASS/FILE`, with at most one folder around it; splits are `train`, `test` and, if present, `val`, also spelt
/// `training`, `testing`, `valid` or `validation`, in any case. A source with `train` and `val` alone is tested on `val`. With
/// [`ImportOptions::test_share`] it holds `CLASS/FILE`, and with [`ImportOptions::table`] the classes stand in a table. JPEG, PNG, WebP
/// and BMP files are recognised by their content; all become RGB of 8 bits. Classes are numbered in the order of their names, samples in the
/// order of their paths.
///
/// Images of one size are decoded into one file in `directory`; images of different sizes, and those that fill more than 16 GiB, are kept as they
/// came, in shards. Both are written atomically, and nothing is unpacked to disk. The same content under the same name is recognised and not decoded
/// again.
///
/// # Errors
/// An invalid or taken name; a link, device or path that leaves the root; a limit of [`EntryLimits`](entry::EntryLimits); a file that is no
/// valid image; transparent pixels without a background; many images that fit no split; fewer than two classes, an empty split, or no
/// `train` split.
pub fn import(
    source: &Path,
    name: &str,
    directory: &DataDirectory,
    options: &ImportOptions,
) -> Result<ImportReport, DataError> {
    import_source(ImportSource::Files(source), name, directory, options)
}

/// Imports the official files of ImageNet as the dataset `name`: does [`import`], with the validation images as the test split, and classes named
/// by their WordNet id and the first of their words.
///
/// # Errors
/// As [`import`]; files that are not the official ones.
pub fn import_imagenet(
    files: &ImageNetFiles,
    name: &str,
    directory: &DataDirectory,
    options: &ImportOptions,
) -> Result<ImportReport, DataError> {
    import_source(ImportSource::ImageNet(files), name, directory, options)
}

fn import_source(
    source: ImportSource,
    name: &str,
    directory: &DataDirectory,
    options: &ImportOptions,
) -> Result<ImportReport, DataError> {
    registry::check_importable(name)?;
    let (packed, sharded) = (directory.pack(name), directory.shards(name));
    if directory.pictures(name).exists() {
        return Err(taken(&directory.pictures(name), source));
    }
    let source_hash = options.source_hash(&source)?;
    if let Some(present) = present(name, directory)? {
        return match present.1 == source_hash {
            true => Ok(present.0),
            false => Err(taken(&present.0.path, source)),
        };
    }
    let mut gatherer = Gatherer::new(source, options)?;
    source.walk(&options.limits, &mut |entry| gatherer.add(entry))?;
    let gathered = gatherer.finish()?;
    let mut stored = store::Storing { source, options, source_hash: &source_hash };
    let shared;
    let report = match gathered.size {
        Some(size) => {
            let (header, found) = stored.pack(&packed, &gathered, size)?;
            shared = found;
            of_pack(name, packed, header)
        }
        None => {
            let header = stored.shards(&sharded, &gathered)?;
            shared = gathered.shared();
            of_shards(name, sharded, header)
        }
    };
    Ok(ImportReport {
        already_present: false,
        tests_on_validation: gathered.tests_on_validation,
        left_out: gathered.left_out,
        shared,
        ..report
    })
}

/// What was imported under this name before, with the hash of its source.
fn present(name: &str, directory: &DataDirectory) -> Result<Option<(ImportReport, String)>, DataError> {
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

fn of_pack(name: &str, path: PathBuf, header: pack::PackHeader) -> ImportReport {
    ImportReport {
        name: name.to_string(),
        path,
        classes: header.classes,
        counts: [header.train, header.validation.unwrap_or(0), header.test],
        size: Some([header.height, header.width]),
        content_hash: header.content_hash,
        already_present: true,
        tests_on_validation: false,
        left_out: LeftOut::default(),
        shared: Vec::new(),
    }
}

fn of_shards(name: &str, path: PathBuf, header: crate::shards::SetHeader) -> ImportReport {
    ImportReport {
        name: name.to_string(),
        path,
        classes: header.classes,
        counts: [header.train, header.validation, header.test],
        size: None,
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
