//! `fetch`: from a dataset's name to its verified files in the data directory.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::catalogue::{ImageArchive, OfficialArchive, fetchable, image_archives, official_archives};
use super::digest::Digests;
use super::manifest::HashManifest;
use super::transfer::{Progress, RetryLimits, Transfer};
use allconv_files::{LEFT_BEHIND, remove_leftovers, sync_folder, temporary_folder};

use crate::dataset::cifar::CifarLayout;
use crate::dataset::pack;
use crate::directory::DataDirectory;
use crate::error::DataError;
use crate::import::archive;
use crate::import::entry::EntryLimits;
use crate::import::{ImportOptions, import};
use crate::registry::nearest;

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

/// Downloads, checks and unpacks a dataset; `report` is called for every block that arrives.
///
/// A broken download continues where it stopped. Of the official binaries the archive's digests are checked before it is opened, its files'
/// sizes, labels and class counts before they get their final place; their hashes are recorded in the same folder. An archive of images is imported
/// as [`import`](crate::import()) does, and gets its name when the content of its images has the expected hash.
///
/// # Errors
/// A name without an archive; files that are present but wrong; everything [`Transfer::run`] refuses; a full disk.
pub fn fetch(
    name: &str,
    directory: &DataDirectory,
    report: &mut dyn FnMut(Progress),
) -> Result<FetchReport, DataError> {
    if let Some(archive) = official_archives().into_iter().find(|archive| archive.layout.name == name) {
        return fetch_archive(&archive, directory, RetryLimits::default(), report);
    }
    if let Some(archive) = image_archives().into_iter().find(|archive| archive.name == name) {
        return fetch_images(&archive, directory, RetryLimits::default(), report);
    }
    let names = fetchable();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Err(DataError::BadOption {
        field: "dataset",
        value: format!("\"{name}\""),
        limit: format!("only {} can be fetched", names.join(", ")),
        fix: nearest(name, &names),
    })
}

/// Does [`fetch`] for any archive in a CIFAR layout.
pub fn fetch_archive(
    archive: &OfficialArchive,
    directory: &DataDirectory,
    retry_limits: RetryLimits,
    report: &mut dyn FnMut(Progress),
) -> Result<FetchReport, DataError> {
    let layout = &archive.layout;
    let is_present = || match layout.is_present(directory) {
        true => layout.read(directory).map(|_| true),
        false => Ok(false),
    };
    let unpack = |target: &Path| unpack(layout, target, directory);
    let download = Download { url: &archive.url, digests: Some(&archive.digests), retry_limits };
    let already_present = download.unless(&is_present, directory, &unpack, report)?;
    Ok(FetchReport { name: layout.name.to_string(), folder: layout.path(directory), already_present })
}

/// Does [`fetch`] for any archive of image folders.
pub fn fetch_images(
    archive: &ImageArchive,
    directory: &DataDirectory,
    retry_limits: RetryLimits,
    report: &mut dyn FnMut(Progress),
) -> Result<FetchReport, DataError> {
    let pack = directory.pack(&archive.name);
    let is_present = || match pack.exists() {
        true => {
            let header = pack::read_header(&pack)?;
            check_content(archive, pack.display(), &header.content_hash, header.train + header.test)?;
            Ok(true)
        }
        false => Ok(false),
    };
    let unpack = |target: &Path| {
        // Neither a damaged archive nor another one may stay behind and be found by the next call.
        import_checked(archive, target, directory)
            .inspect_err(|_| fs::remove_file(target).unwrap_or_default())
    };
    let download = Download { url: &archive.url, digests: None, retry_limits };
    let already_present = download.unless(&is_present, directory, &unpack, report)?;
    Ok(FetchReport { name: archive.name.clone(), folder: directory.imported(), already_present })
}

/// An archive on its way into the folder of downloads.
struct Download<'a> {
    url: &'a str,
    digests: Option<&'a Digests>,
    retry_limits: RetryLimits,
}

impl Download<'_> {
    /// Downloads the archive, has it unpacked and removes it, unless what it holds is present; says whether it was.
    fn unless(
        &self,
        is_present: &dyn Fn() -> Result<bool, DataError>,
        directory: &DataDirectory,
        unpack: &dyn Fn(&Path) -> Result<(), DataError>,
        report: &mut dyn FnMut(Progress),
    ) -> Result<bool, DataError> {
        if is_present()? {
            return Ok(true);
        }
        let downloads = directory.downloads();
        fs::create_dir_all(&downloads).map_err(DataError::io("create the folder", &downloads))?;
        let file_name = self.url.rsplit('/').next().unwrap_or("archive");
        let target = downloads.join(file_name);
        // Two processes must not write one part.
        let lock_path = downloads.join(format!("{file_name}.lock"));
        let lock = fs::File::create(&lock_path).map_err(DataError::io("create", &lock_path))?;
        lock.lock().map_err(DataError::io("lock", &lock_path))?;
        if is_present()? {
            return Ok(true);
        }
        // An archive that is there already may be from an earlier, interrupted fetch, or put there by hand.
        let is_there = match (target.exists(), self.digests) {
            (true, Some(digests)) => Digests::of_file(&target)? == *digests,
            (is_there, _) => is_there,
        };
        if !is_there {
            let transfer = Transfer {
                url: self.url,
                target: &target,
                byte_limit: ARCHIVE_BYTE_LIMIT,
                digests: self.digests,
                retry_limits: self.retry_limits,
            };
            transfer.run(report)?;
        }
        unpack(&target)?;
        fs::remove_file(&target).map_err(DataError::io("remove", &target))?;
        // A process that waited for the lock finds the files present, even if another makes a new lock meanwhile.
        fs::remove_file(&lock_path).map_err(DataError::io("remove", &lock_path))?;
        Ok(false)
    }
}

/// Imports the images beside their final place, and gives the packed file its name when their content is the expected one.
fn import_checked(archive: &ImageArchive, target: &Path, directory: &DataDirectory) -> Result<(), DataError> {
    remove_leftovers(directory.root(), LEFT_BEHIND);
    let staging_root = temporary_folder(directory.root(), &format!("unpacking-{}-", archive.name))?;
    let staging = DataDirectory::new(staging_root.path());
    let imported = import(target, &archive.name, &staging, &ImportOptions::default())?;
    check_content(archive, &archive.url, &imported.content_hash, imported.counts.iter().sum())?;
    let (folder, pack) = (directory.imported(), directory.pack(&archive.name));
    fs::create_dir_all(&folder).map_err(DataError::io("create the folder", &folder))?;
    fs::rename(&imported.path, &pack).map_err(DataError::io("rename", &pack))?;
    sync_folder(&folder)?;
    let root = staging_root.path().to_path_buf();
    staging_root.close().map_err(DataError::io("remove", &root))
}

/// Refuses images whose content is not the expected one.
fn check_content(
    archive: &ImageArchive,
    place: impl std::fmt::Display,
    content_hash: &str,
    images: usize,
) -> Result<(), DataError> {
    if content_hash == archive.content_hash {
        return Ok(());
    }
    Err(DataError::bad_file(
        place,
        format!("images with the content hash {}", archive.content_hash),
        format!("{images} images with the content hash {content_hash}"),
        "import these images under another name, or delete the file and fetch again",
    ))
}

/// Copies the layout's files out of the archive into a new folder, checks them, and renames the folder into place.
fn unpack(layout: &CifarLayout, archive_path: &Path, directory: &DataDirectory) -> Result<(), DataError> {
    remove_leftovers(directory.root(), LEFT_BEHIND);
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
