//! Files of decoded data: a line that names the format, a header in JSON, the data.
//!
//! Layout: 16 bytes that end in a line feed, the header's length in bytes (`u32`, little endian), the header, the data.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use allconv_files::check_room;

use crate::error::DataError;
use crate::write_file::write_file;

/// What to do about a file of a later version, which is not damaged.
pub(crate) const LATER: &str = "use a newer allconv, and leave the file as it is";

/// Bytes before the header.
const START: usize = 20;

/// A format of such files.
pub(crate) struct PackedFile {
    /// The first bytes of every file; their number is the format's version.
    pub(crate) magic: &'static [u8; 16],
    /// Longest header accepted, in bytes.
    pub(crate) header_limit: usize,
    /// What to do about a damaged file.
    pub(crate) fix: &'static str,
}

impl PackedFile {
    /// Writes a file atomically: the header, then what `data` writes, which is `data_bytes` long.
    pub(crate) fn write<H: Serialize>(
        &self,
        path: &Path,
        header: &H,
        data_bytes: Option<usize>,
        data: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), DataError> {
        check_room(path, data_bytes.map_or(u64::MAX, |bytes| bytes as u64))?;
        write_file(path, |file| {
            let header = serde_json::to_vec(header)?;
            file.write_all(self.magic)?;
            file.write_all(&(header.len() as u32).to_le_bytes())?;
            file.write_all(&header)?;
            data(file)
        })
    }

    /// Reads the header alone.
    pub(crate) fn read_header<H: DeserializeOwned>(&self, path: &Path) -> Result<H, DataError> {
        let mut file = fs::File::open(path).map_err(DataError::io("read", path))?;
        let mut start = Vec::new();
        let whole = Read::by_ref(&mut file).take(START as u64).read_to_end(&mut start);
        whole.map_err(DataError::io("read", path))?;
        let length = self.header_length(path, &start)?;
        let mut header = Vec::new();
        file.take(length as u64).read_to_end(&mut header).map_err(DataError::io("read", path))?;
        self.parsed(path, &header)
    }

    /// Reads a file, as its header and its data, whose length must be `data_bytes`; `None` stands for an overflow.
    pub(crate) fn read<H: DeserializeOwned>(
        &self,
        path: &Path,
        data_bytes: impl Fn(&H) -> Option<usize>,
    ) -> Result<(H, Vec<u8>), DataError> {
        let mut bytes = fs::read(path).map_err(DataError::io("read", path))?;
        let data_start = START + self.header_length(path, &bytes)?;
        let header = self.parsed(path, bytes.get(START..data_start).unwrap_or(&bytes[START..]))?;
        let expected = data_bytes(&header).and_then(|data| data.checked_add(data_start));
        if expected != Some(bytes.len()) {
            let expected =
                expected.map_or("a size that fits in memory".to_string(), |bytes| format!("{bytes} bytes"));
            return Err(self.damaged(path, expected, format!("{} bytes", bytes.len())));
        }
        bytes.drain(..data_start);
        Ok((header, bytes))
    }

    /// Refuses data whose content does not have the hash of the header.
    pub(crate) fn check_content(&self, path: &Path, stated: &str, found: &str) -> Result<(), DataError> {
        match found == stated {
            true => Ok(()),
            false => {
                Err(self.damaged(path, format!("content hash {stated}"), format!("content hash {found}")))
            }
        }
    }

    fn header_length(&self, path: &Path, start: &[u8]) -> Result<usize, DataError> {
        let (Some(magic), Some(length)) = (start.get(..16), start.get(16..START)) else {
            return Err(self.damaged(path, "a header".to_owned(), format!("{} bytes", start.len())));
        };
        if magic != self.magic {
            let expected = format!("the first line \"{}\"", self.magic[..15].escape_ascii());
            let found = format!("\"{}\"", magic.trim_ascii_end().escape_ascii());
            let fix = if self.is_earlier_than(magic) { LATER } else { self.fix };
            return Err(DataError::bad_file(path.display(), expected, found, fix));
        }
        let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize;
        if length > self.header_limit {
            let expected = format!("a header of at most {} bytes", self.header_limit);
            return Err(self.damaged(path, expected, format!("{length} bytes")));
        }
        Ok(length)
    }

    /// Whether a first line is that of a later version: the same name with a larger number of two digits.
    fn is_earlier_than(&self, magic: &[u8]) -> bool {
        let ((name, version), (found_name, found)) = (self.magic.split_at(13), magic.split_at(13));
        name == found_name && found[..2].iter().all(u8::is_ascii_digit) && found[..2] > version[..2]
    }

    fn parsed<H: DeserializeOwned>(&self, path: &Path, header: &[u8]) -> Result<H, DataError> {
        serde_json::from_slice(header)
            .map_err(|error| self.damaged(path, "a header in JSON".to_owned(), error.to_string()))
    }

    fn damaged(&self, path: &Path, expected: String, found: String) -> DataError {
        DataError::bad_file(path.display(), expected, found, self.fix)
    }
}
