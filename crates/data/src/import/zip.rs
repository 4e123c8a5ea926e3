//! Walking over a zip archive by its central directory, without unpacking it.
//!
//! Stored and deflated files are read, of any number and size (Zip64); their checksums are compared. Everything is refused that is not a plain
//! file or folder with a plain relative path, is encrypted, or is compressed by another method.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::archive::{check_path, damaged, refused};
use super::entry::{Entry, EntryLimits, Visit};
use crate::error::DataError;

/// First bytes of the records of the format.
const LOCAL: [u8; 4] = *b"PK\x03\x04";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
const END_64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR_64: [u8; 4] = *b"PK\x06\x07";
/// Bytes of the end record, without its comment, and the longest comment.
const END_BYTES: u64 = 22;
const COMMENT_BYTES: u64 = 65_535;
/// Bytes of one entry of the directory, without name, extra fields and comment.
const CENTRAL_BYTES: usize = 46;
/// Most bytes of the directory.
const DIRECTORY_LIMIT: u64 = 1 << 30;

/// True for the first bytes of a zip archive; an empty one begins with its end.
pub(super) fn begins(start: &[u8]) -> bool {
    start.starts_with(&LOCAL) || start.starts_with(&END)
}

/// Visits every regular file of the archive in the order of its directory.
///
/// # Errors
/// A link, an encrypted file, another method of compression, an unsafe path, the same path twice, a wrong checksum, a damaged archive, a
/// broken limit.
pub(super) fn walk(path: &Path, limits: &EntryLimits, visit: &mut Visit) -> Result<(), DataError> {
    let file = File::open(path).map_err(DataError::io("read", path))?;
    let archive = Archive { path, bytes: file.metadata().map_err(DataError::io("read", path))?.len(), file };
    let (offset, length) = archive.directory()?;
    let directory = archive.read(offset, length)?;
    let mut rest = directory.as_slice();
    let (mut seen, mut total) = (HashSet::new(), 0u64);
    while rest.starts_with(&CENTRAL) {
        let (item, after) = Item::split(rest).ok_or_else(|| archive.broken("an entry that is cut off"))?;
        rest = after;
        let inner = check_path(item.name).map_err(|found| {
            refused(
                path,
                &String::from_utf8_lossy(item.name),
                "a relative path of plain names in UTF-8",
                found,
            )
        })?;
        if item.name.ends_with(b"/") {
            continue;
        }
        let wrong = |expected: &str, found: String| Err(refused(path, &inner, expected, found));
        if !seen.insert(inner.to_lowercase()) {
            return wrong("every path once, whatever its case", "it a second time".to_string());
        }
        if seen.len() as u64 > limits.entries {
            return Err(refused(path, "", format!("at most {} entries", limits.entries), "more"));
        }
        if item.is_link {
            return wrong("a regular file or a folder", "a link".to_string());
        }
        if item.is_encrypted {
            return wrong("a file that is not encrypted", "an encrypted one".to_string());
        }
        if item.size > limits.file_bytes {
            return wrong(&format!("at most {} bytes", limits.file_bytes), format!("{} bytes", item.size));
        }
        total = total.saturating_add(item.size);
        let bound = archive.bytes.saturating_mul(limits.ratio).max(limits.ratio_free_bytes);
        if total > limits.total_bytes.min(bound) {
            return wrong(
                &format!("at most {} bytes in all files", limits.total_bytes.min(bound)),
                "more".to_string(),
            );
        }
        let bytes = archive.content(&item, &inner)?;
        visit(Entry { path: inner, bytes })?;
    }
    if rest.is_empty() { Ok(()) } else { Err(archive.broken("other bytes in its directory")) }
}

struct Archive<'a> {
    path: &'a Path,
    file: File,
    bytes: u64,
}

impl Archive<'_> {
    fn broken(&self, found: &str) -> DataError {
        DataError::bad_file(self.path.display(), "a whole zip archive", found, "download or pack it again")
    }

    fn read(&self, offset: u64, length: u64) -> Result<Vec<u8>, DataError> {
        if offset.checked_add(length).is_none_or(|end| end > self.bytes) {
            return Err(self.broken("a place beyond its end"));
        }
        let mut bytes = vec![0; length as usize];
        self.file.read_exact_at(&mut bytes, offset).map_err(DataError::io("read", self.path))?;
        Ok(bytes)
    }

    /// Where the directory begins, and its length.
    fn directory(&self) -> Result<(u64, u64), DataError> {
        let tail_bytes = self.bytes.min(END_BYTES + COMMENT_BYTES);
        let tail_start = self.bytes - tail_bytes;
        let tail = self.read(tail_start, tail_bytes)?;
        let place = tail
            .windows(END_BYTES as usize)
            .enumerate()
            .rfind(|(place, window)| {
                // The comment behind the record ends with the file; fewer bytes are an archive that is cut off.
                window.starts_with(&END)
                    && place + window.len() + number(window, 20, 2) as usize == tail.len()
            })
            .map(|(place, _)| place)
            .ok_or_else(|| self.broken("no directory: the archive is cut off"))?;
        let (length, offset) = (number(&tail, place + 12, 4), number(&tail, place + 16, 4));
        let is_large = offset == u64::from(u32::MAX)
            || length == u64::from(u32::MAX)
            || number(&tail, place + 10, 2) == 0xffff;
        let (offset, length) =
            match place.checked_sub(20).filter(|locator| tail[*locator..].starts_with(&LOCATOR_64)) {
                Some(locator) if is_large => {
                    let end = self.read(number(&tail, locator + 8, 8), 56)?;
                    if !end.starts_with(&END_64) {
                        return Err(self.broken("a Zip64 end record that is none"));
                    }
                    (number(&end, 48, 8), number(&end, 40, 8))
                }
                _ => (offset, length),
            };
        match length <= DIRECTORY_LIMIT {
            true => Ok((offset, length)),
            false => {
                Err(refused(self.path, "", format!("a directory of at most {DIRECTORY_LIMIT} bytes"), length))
            }
        }
    }

    fn content(&self, item: &Item, inner: &str) -> Result<Vec<u8>, DataError> {
        let local = self.read(item.offset, 30)?;
        if !local.starts_with(&LOCAL) {
            return Err(self.broken("an entry that does not lie where the directory says"));
        }
        let start = item.offset + 30 + number(&local, 26, 2) + number(&local, 28, 2);
        let packed = self.read(start, item.packed)?;
        let bytes = match item.method {
            0 => packed,
            8 => {
                let mut bytes = Vec::new();
                let inflated = flate2::bufread::DeflateDecoder::new(packed.as_slice());
                inflated
                    .take(item.size + 1)
                    .read_to_end(&mut bytes)
                    .map_err(|error| damaged(self.path, &error))?;
                bytes
            }
            method => {
                let expected = "a file that is stored or deflated";
                return Err(refused(
                    self.path,
                    inner,
                    expected,
                    format!("one of compression method {method}"),
                ));
            }
        };
        let mut crc = flate2::Crc::new();
        crc.update(&bytes);
        if bytes.len() as u64 != item.size || crc.sum() != item.crc {
            let expected = format!("{} bytes of checksum {:08x}", item.size, item.crc);
            return Err(refused(self.path, inner, expected, format!("{} of {:08x}", bytes.len(), crc.sum())));
        }
        Ok(bytes)
    }
}

/// One entry of the directory.
struct Item<'a> {
    name: &'a [u8],
    method: u64,
    crc: u32,
    packed: u64,
    size: u64,
    offset: u64,
    is_encrypted: bool,
    is_link: bool,
}

impl<'a> Item<'a> {
    /// The first entry of a directory, and what lies behind it.
    fn split(directory: &'a [u8]) -> Option<(Item<'a>, &'a [u8])> {
        let fixed = directory.get(..CENTRAL_BYTES)?;
        let [name, extra, comment] = [28, 30, 32].map(|place| number(fixed, place, 2) as usize);
        let (name, rest) = directory[CENTRAL_BYTES..].split_at_checked(name)?;
        let (extra, rest) = rest.split_at_checked(extra)?;
        let rest = rest.get(comment..)?;
        let mut item = Item {
            name,
            method: number(fixed, 10, 2),
            crc: number(fixed, 16, 4) as u32,
            packed: number(fixed, 20, 4),
            size: number(fixed, 24, 4),
            offset: number(fixed, 42, 4),
            is_encrypted: number(fixed, 8, 2) & 1 == 1,
            // Systems of Unix keep the kind of a file in the upper half of its attributes; 0o12 is a symbolic link.
            is_link: number(fixed, 38, 4) >> 28 == 0o12,
        };
        item.enlarge(extra)?;
        Some((item, rest))
    }

    /// Takes the numbers that do not fit into 32 bits from the extra field of Zip64.
    fn enlarge(&mut self, mut extra: &[u8]) -> Option<()> {
        while extra.len() >= 4 {
            let (id, length) = (number(extra, 0, 2), number(extra, 2, 2) as usize);
            let (field, rest) = extra[4..].split_at_checked(length)?;
            extra = rest;
            if id != 1 {
                continue;
            }
            let mut values = field.chunks_exact(8).map(|value| number(value, 0, 8));
            for place in [&mut self.size, &mut self.packed, &mut self.offset] {
                if *place == u64::from(u32::MAX) {
                    *place = values.next()?;
                }
            }
        }
        Some(())
    }
}

/// A number of `length` bytes, little endian.
fn number(bytes: &[u8], place: usize, length: usize) -> u64 {
    bytes[place..place + length].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
