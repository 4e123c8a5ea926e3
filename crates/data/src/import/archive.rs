//! Walking over an archive without unpacking it: a tar, plain or compressed with gzip or xz, or a zip.
//!
//! Everything is refused that is not a plain file or folder with a plain relative path; nothing touches the disk.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use tar::EntryType;

use super::entry::{Entry, EntryLimits, Visit, check_component};
use super::zip;
use crate::error::DataError;

/// Largest dictionary an xz stream may ask for, in KiB: 256 MiB, four times what `xz -9` uses.
const XZ_MEMORY_KIB: u32 = 256 << 10;
/// Longest path in bytes.
const PATH_LIMIT: usize = 4096;
/// Most bytes of all paths together; they are kept to find one that comes twice.
const PATHS_LIMIT: usize = 256 << 20;
/// Most bytes of an entry that describes the next one: a long name, or records of a PAX archive.
const DESCRIPTION_LIMIT: u64 = 1 << 20;

/// Visits every regular file of the archive in its order.
///
/// # Errors
/// A link, device or other special entry; an absolute path, `..`, a path over 4096 bytes or not in UTF-8; the same
/// path twice, also if only upper and lower case differ; a name or description of an entry above 1 MiB; a size that is said twice,
/// differently; a truncated or damaged archive; a broken limit.
pub fn walk(path: &Path, limits: &EntryLimits, visit: &mut Visit) -> Result<(), DataError> {
    match open(path, limits)? {
        Opened::Tar(reader) => walk_tar(path, reader, limits, &mut |entry, _| visit(entry)),
        Opened::Zip => zip::walk(path, limits, visit),
    }
}

/// Visits the regular files of a tar archive that is not compressed, each with the place of its first byte.
///
/// # Errors
/// As [`walk`]; a compressed archive or a zip, of which no part can be read alone.
pub(super) fn walk_places(
    path: &Path,
    limits: &EntryLimits,
    visit: &mut VisitPlace,
) -> Result<(), DataError> {
    match open(path, limits)? {
        Opened::Tar(reader) if !reader.is_compressed => walk_tar(path, reader, limits, visit),
        Opened::Tar(_) | Opened::Zip => Err(DataError::bad_file(
            path.display(),
            "a plain .tar, in which single images can be read",
            "a compressed archive",
            "decompress it, e.g. with gunzip; images are compressed already",
        )),
    }
}

/// Receives the entries of a walk, each with the place of its first byte.
pub(super) type VisitPlace<'a> = dyn FnMut(Entry, u64) -> Result<(), DataError> + 'a;

/// Visits the regular files of a tar archive in memory, which errors call `name`.
///
/// # Errors
/// As [`walk`]; an archive that is compressed.
pub(super) fn walk_bytes(
    name: &Path,
    bytes: Vec<u8>,
    limits: &EntryLimits,
    visit: &mut Visit,
) -> Result<(), DataError> {
    let compressed_bytes = bytes.len() as u64;
    let inner = Box::new(io::Cursor::new(bytes));
    let reader = Guarded {
        inner,
        is_compressed: false,
        compressed_bytes,
        limits: *limits,
        produced: 0,
        trailing_zeros: 0,
    };
    walk_tar(name, reader, limits, &mut |entry, _| visit(entry))
}

fn walk_tar(
    path: &Path,
    reader: Guarded,
    limits: &EntryLimits,
    visit: &mut VisitPlace,
) -> Result<(), DataError> {
    let mut archive = tar::Archive::new(reader);
    let mut seen = HashSet::new();
    let (mut count, mut path_bytes) = (0u64, 0);
    let mut described = Description::default();
    // Raw entries: the descriptions are read here, where their size is limited.
    let entries = archive.entries().map_err(|error| damaged(path, &error))?.raw(true);
    for entry in entries {
        let mut entry = entry.map_err(|error| damaged(path, &error))?;
        count += 1;
        if count > limits.entries {
            return Err(refused(path, "", format!("at most {} entries", limits.entries), "more"));
        }
        let kind = entry.header().entry_type();
        let size = entry.header().entry_size().map_err(|error| damaged(path, &error))?;
        let is_description = matches!(
            kind,
            EntryType::GNULongName | EntryType::GNULongLink | EntryType::XHeader | EntryType::XGlobalHeader
        );
        if is_description {
            if size > DESCRIPTION_LIMIT {
                let expected = format!("names and descriptions of at most {DESCRIPTION_LIMIT} bytes");
                return Err(refused(path, "", expected, format!("one of {size} bytes")));
            }
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(|error| damaged(path, &error))?;
            described
                .add(kind, &bytes)
                .map_err(|found| refused(path, "", "descriptions in PAX records", found))?;
            continue;
        }
        let Description { name, pax_path, pax_size } = std::mem::take(&mut described);
        let raw = name.or(pax_path).unwrap_or_else(|| entry.path_bytes().into_owned());
        let inner = check_path(&raw).map_err(|found| {
            refused(path, &String::from_utf8_lossy(&raw), "a relative path of plain names in UTF-8", found)
        })?;
        match entry.header().entry_type() {
            EntryType::Directory => continue,
            EntryType::Regular => {}
            other => {
                return Err(refused(
                    path,
                    &inner,
                    "a regular file or a folder",
                    format!("an entry of type {other:?}"),
                ));
            }
        }
        if !seen.insert(inner.to_lowercase()) {
            return Err(refused(path, &inner, "every path once, whatever its case", "it a second time"));
        }
        path_bytes += inner.len();
        if path_bytes > PATHS_LIMIT {
            return Err(refused(path, "", format!("at most {PATHS_LIMIT} bytes of paths"), "more"));
        }
        if let Some(other) = pax_size.filter(|other| *other != size) {
            let found = format!("{size} bytes and {other} bytes");
            return Err(refused(path, &inner, "one size of this file", found));
        }
        if size > limits.file_bytes {
            let expected = format!("at most {} bytes", limits.file_bytes);
            return Err(refused(path, &inner, expected, format!("{size} bytes")));
        }
        let place = entry.raw_file_position();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(|error| damaged(path, &error))?;
        if bytes.len() as u64 != size {
            return Err(refused(
                path,
                &inner,
                format!("{size} bytes"),
                format!("{} bytes before the end", bytes.len()),
            ));
        }
        visit(Entry { path: inner, bytes }, place)?;
    }
    let mut reader = archive.into_inner();
    // The rest is read for the checksums at the end of a compressed stream.
    io::copy(&mut reader, &mut io::sink()).map_err(|error| damaged(path, &error))?;
    if reader.trailing_zeros < 512 {
        let found = format!("an end after {} bytes without it", reader.produced);
        return Err(refused(path, "", "a block of zeros at the end of the archive", found));
    }
    Ok(())
}

/// What entries before a file say about it.
#[derive(Default)]
struct Description {
    name: Option<Vec<u8>>,
    pax_path: Option<Vec<u8>>,
    pax_size: Option<u64>,
}

impl Description {
    fn add(&mut self, kind: EntryType, bytes: &[u8]) -> Result<(), String> {
        match kind {
            EntryType::GNULongName => {
                // Names end with a zero.
                let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
                self.name = Some(bytes[..end].to_vec());
            }
            EntryType::XHeader => {
                for record in tar::PaxExtensions::new(bytes) {
                    let record = record.map_err(|error| error.to_string())?;
                    match record.key_bytes() {
                        b"path" => self.pax_path = Some(record.value_bytes().to_vec()),
                        b"size" => {
                            let size = record.value().ok().and_then(|value| value.parse().ok());
                            self.pax_size = Some(size.ok_or("a size that is no number")?);
                        }
                        _ => {}
                    }
                }
            }
            // Where a link leads, and what holds for the whole archive, says nothing about a file.
            _ => {}
        }
        Ok(())
    }
}

/// A reader that counts, limits, and remembers how many zero bytes came last.
struct Guarded {
    inner: Box<dyn Read>,
    is_compressed: bool,
    compressed_bytes: u64,
    limits: EntryLimits,
    produced: u64,
    trailing_zeros: u64,
}

impl Read for Guarded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.produced += read as u64;
        match buffer[..read].iter().rposition(|&byte| byte != 0) {
            None => self.trailing_zeros += read as u64,
            Some(last) => self.trailing_zeros = (read - 1 - last) as u64,
        }
        if self.produced > self.limits.total_bytes {
            return Err(io::Error::other(format!("more than {} bytes in all", self.limits.total_bytes)));
        }
        let bound = self.compressed_bytes.saturating_mul(self.limits.ratio).max(self.limits.ratio_free_bytes);
        if self.produced > bound {
            return Err(io::Error::other(format!(
                "more than {} bytes for each compressed byte",
                self.limits.ratio
            )));
        }
        Ok(read)
    }
}

/// What an archive is by its first bytes.
enum Opened {
    Tar(Guarded),
    Zip,
}

/// Opens the archive; its kind and compression are told by the first bytes.
fn open(path: &Path, limits: &EntryLimits) -> Result<Opened, DataError> {
    let mut file = File::open(path).map_err(DataError::io("read", path))?;
    let compressed_bytes = file.metadata().map_err(DataError::io("read", path))?.len();
    let mut start = Vec::new();
    file.by_ref().take(512).read_to_end(&mut start).map_err(DataError::io("read", path))?;
    file.seek(SeekFrom::Start(0)).map_err(DataError::io("read", path))?;
    let file = BufReader::with_capacity(1 << 16, file);
    let (inner, is_compressed): (Box<dyn Read>, bool) = if start.starts_with(&[0x1f, 0x8b]) {
        (Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(file))), true)
    } else if start.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0]) {
        (Box::new(BufReader::new(lzma_rust2::XzReader::new_mem_limit(file, true, XZ_MEMORY_KIB))), true)
    } else if zip::begins(&start) {
        return Ok(Opened::Zip);
    } else if start.get(257..262) == Some(b"ustar".as_slice()) {
        (Box::new(file), false)
    } else {
        let found = format!("a file that begins with \"{}\"", start[..start.len().min(8)].escape_ascii());
        let expected = "a folder or a .tar, .tar.gz, .tar.xz or .zip archive";
        return Err(DataError::bad_file(path.display(), expected, found, "pack the images with tar or zip"));
    };
    let limits = *limits;
    Ok(Opened::Tar(Guarded {
        inner,
        is_compressed,
        compressed_bytes,
        limits,
        produced: 0,
        trailing_zeros: 0,
    }))
}

/// Joins the components of a safe relative path; a leading `./` is dropped.
pub(super) fn check_path(raw: &[u8]) -> Result<String, String> {
    if raw.len() > PATH_LIMIT {
        return Err(format!("a path of {} bytes", raw.len()));
    }
    let text = std::str::from_utf8(raw).map_err(|_| "other bytes".to_string())?;
    if text.starts_with('/') {
        return Err("an absolute path".to_string());
    }
    let trimmed = text.trim_end_matches('/');
    let trimmed = if trimmed == "." { "" } else { trimmed.strip_prefix("./").unwrap_or(trimmed) };
    if trimmed.is_empty() {
        return Ok(String::new());
    }
    for component in trimmed.split('/') {
        check_component(component)?;
    }
    Ok(trimmed.to_string())
}

pub(super) fn refused(path: &Path, inner: &str, expected: impl ToString, found: impl ToString) -> DataError {
    let file = if inner.is_empty() {
        path.display().to_string()
    } else {
        format!("{}!{}", path.display(), inner.escape_debug())
    };
    DataError::bad_file(file, expected, found, "pack the images again from a clean folder")
}

/// A failure while reading: the disk's if the system named one, the archive's otherwise.
pub(super) fn damaged(path: &Path, error: &io::Error) -> DataError {
    if error.raw_os_error().is_some() {
        return DataError::io("read", path)(io::Error::new(error.kind(), error.to_string()));
    }
    let found = match error.kind() {
        io::ErrorKind::UnexpectedEof => "its end in the middle of a file".to_owned(),
        _ => error.to_string(),
    };
    DataError::bad_file(path.display(), "a whole archive", found, "download or pack it again")
}
