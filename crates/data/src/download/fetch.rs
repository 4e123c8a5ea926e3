//! `fetch`: from a dataset's name to its verified files in the data directory.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::digest::Digests;
use super::manifest::HashManifest;
use super::transfer::{Progress, RetryLimits, Transfer};
use allconv_files::{remove_leftovers, sync_folder, temporary_folder};

use crate::dataset::cifar::{CIFAR10, CIFAR100, CifarLayout};
use crate::directory::DataDirectory;
use crate::error::DataError;
use crate::import::archive;
use crate::import::entry::EntryLimits;
use crate::registry::nearest;

/// An archive of an official dataset.
#[derive(Clone, Debug)]
pub struct OfficialArchive {
    /// How its files are cut.
    pub layout: CifarLayout,
    /// Its published address.
    pub url: String,
    /// Its digests.
    pub digests: Digests,
}

/// The result of a fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchReport {
    /// Registry name.
    pub name: String,
    /// Folder that holds the files.
    pub folder: PathBuf,
    /// True if whole and correct files were there before, so that nothing was downloaded.
    pub already_present: bool,
}

/// Most bytes of an archive; the official ones have 162 MiB.
const ARCHIVE_BYTE_LIMIT: u64 = 256 << 20;

/// Returns the archives of the datasets that [`fetch`] supports.
pub fn official_archives() -> [OfficialArchive; 2] {
    let archive = |layout, file: &str, md5: &str, sha256: &str| OfficialArchive {
        layout,
        url: format!("https://www.cs.toronto.edu/~kriz/{file}"),
        digests: Digests { md5: md5.to_string(), sha256: sha256.to_string() },
    };
    [
        archive(
            CIFAR10,
            "cifar-10-binary.tar.gz",
            "c32a1d4ab5d03f1284b67883e8d87530",
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        ),
        archive(
            CIFAR100,
            "cifar-100-binary.tar.gz",
            "03b5dce01913d631647c71ecec9e9cb8",
            "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
        ),
    ]
}

/// Downloads, checks and unpacks an official dataset; `report` is called for every block that arrives.
///
/// A broken download continues where it stopped. The archive's digests are checked before it is opened, its files'
/// sizes, labels and class counts before they get their final place; their hashes are recorded in the same folder.
///
/// # Errors
/// A name without an archive; files that are present but wrong; everything [`Transfer::run`] refuses; a full disk.
pub fn fetch(
    name: &str,
    directory: &DataDirectory,
    report: &mut dyn FnMut(Progress),
) -> Result<FetchReport, DataError> {
    let archives = official_archives();
    let Some(archive) = archives.iter().find(|archive| archive.layout.name == name) else {
        let names = archives.map(|archive| archive.layout.name);
        return Err(DataError::BadOption {
            field: "dataset",
            value: format!("\"{name}\""),
            limit: format!("only {} can be fetched", names.join(" and ")),
            fix: nearest(name, &names),
        });
    };
    fetch_archive(archive, directory, RetryLimits::default(), report)
}

/// Does [`fetch`] for any archive in a CIFAR layout.
pub fn fetch_archive(
    archive: &OfficialArchive,
    directory: &DataDirectory,
    retry_limits: RetryLimits,
    report: &mut dyn FnMut(Progress),
) -> Result<FetchReport, DataError> {
    let layout = &archive.layout;
    let folder = layout.path(directory);
    let done = |already_present| FetchReport {
        name: layout.name.to_string(),
        folder: folder.clone(),
        already_present,
    };
    if layout.is_present(directory) {
        layout.read(directory)?;
        return Ok(done(true));
    }
    let downloads = directory.downloads();
    fs::create_dir_all(&downloads).map_err(DataError::io("create the folder", &downloads))?;
    let file_name = archive.url.rsplit('/').next().unwrap_or(layout.name);
    let target = downloads.join(file_name);
    // Two processes must not write one part.
    let lock_path = downloads.join(format!("{file_name}.lock"));
    let lock = fs::File::create(&lock_path).map_err(DataError::io("create", &lock_path))?;
    lock.lock().map_err(DataError::io("lock", &lock_path))?;
    if layout.is_present(directory) {
        layout.read(directory)?;
        return Ok(done(true));
    }
    // An archive that is there already may be from an earlier, interrupted fetch, or put there by hand.
    if !target.exists() || Digests::of_file(&target)? != archive.digests {
        let transfer = Transfer {
            url: &archive.url,
            target: &target,
            byte_limit: ARCHIVE_BYTE_LIMIT,
            digests: &archive.digests,
            retry_limits,
        };
        transfer.run(report)?;
    }
    unpack(layout, &target, directory)?;
    fs::remove_file(&target).map_err(DataError::io("remove", &target))?;
    // A process that waited for the lock finds the files present, even if another makes a new lock meanwhile.
    fs::remove_file(&lock_path).map_err(DataError::io("remove", &lock_path))?;
    Ok(done(false))
}

/// Copies the layout's files out of the archive into a new folder, checks them, and renames the folder into place.
fn unpack(layout: &CifarLayout, archive_path: &Path, directory: &DataDirectory) -> Result<(), DataError> {
    remove_leftovers(directory.root(), crate::write_file::LEFT_BEHIND);
    let staging_root = temporary_folder(directory.root(), &format!("unpacking-{}-", layout.name))?;
    let staging = DataDirectory::new(staging_root.path());
    let folder = layout.path(&staging);
    fs::create_dir_all(&folder).map_err(DataError::io("create the folder", &folder))?;
    unpack_into(layout, archive_path, &staging)?;
    let target = layout.path(directory);
    fs::rename(&folder, &target).map_err(DataError::io("rename", &target))?;
    sync_folder(directory.root())?;
    let root = staging_root.path().to_path_buf();
    staging_root.close().map_err(DataError::io("remove", &root))
}

fn unpack_into(layout: &CifarLayout, archive_path: &Path, staging: &DataDirectory) -> Result<(), DataError> {
    let folder = layout.path(staging);
    let largest = layout.train_records.max(layout.test_records) * layout.record_bytes();
    let limits = EntryLimits {
        entries: 1000,
        file_bytes: largest as u64,
        total_bytes: 1 << 30,
        ..EntryLimits::default()
    };
    archive::walk(archive_path, &limits, &mut |entry| {
        // Only known names are written, so that no path of the archive ever reaches the disk.
        let wanted = layout.files().find(|file| entry.path == format!("{}/{file}", layout.folder));
        let Some(file) = wanted else { return Ok(()) };
        let path = folder.join(file);
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .and_then(|mut file| {
                file.write_all(&entry.bytes)?;
                file.sync_all()
            })
            .map_err(DataError::io("write", &path))
    })?;
    layout.read(staging)?;
    HashManifest::record(&folder, layout.files())?;
    Ok(sync_folder(&folder)?)
}
