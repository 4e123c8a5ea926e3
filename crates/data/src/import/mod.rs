//! Import of images with classes: from a folder or an archive into one packed file, or into shards where sizes differ.

pub mod archive;
pub mod background;
mod collector;
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
mod picture_layout;
pub mod pictures;
mod png;
pub(crate) mod profile;
mod report;
mod select;
pub mod source;
mod store;
mod table;
mod webdataset;
mod zip;

use std::path::Path;

use crate::directory::DataDirectory;
use crate::error::DataError;
use crate::registry;
use crate::shards::{SetHeader, check_free};
use gather::{Gatherer, Gathering};
use imagenet::ImageNetFiles;
pub use options::{ImportOptions, ShardOptions, Storage, TestShare};
pub use report::ImportReport;
use report::{of_pack, of_shards, present, taken};
use source::ImportSource;
pub use webdataset::{find_shards, import_shards};

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
    let gathered = gather(source, options)?;
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

fn gather(source: ImportSource, options: &ImportOptions) -> Result<Gathering, DataError> {
    let mut gatherer = Gatherer::new(source, options)?;
    source.walk(&options.limits, &mut |entry| gatherer.add(entry))?;
    gatherer.finish()
}

/// Writes the images of a folder or an archive, as they are, into tar shards in the folder `target`.
///
/// # Errors
/// As [`import`]; a `target` that exists.
pub fn pack_files(source: &Path, target: &Path, options: &ImportOptions) -> Result<SetHeader, DataError> {
    check_free(target)?;
    let options = ImportOptions { storage: Storage::Encoded, ..options.clone() };
    let source = ImportSource::Files(source);
    let source_hash = options.source_hash(&source)?;
    let gathered = gather(source, &options)?;
    store::Storing { source, options: &options, source_hash: &source_hash }.shards(target, &gathered)
}
