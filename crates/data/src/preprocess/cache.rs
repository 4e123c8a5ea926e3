//! Cache files of `f32` arrays: derived data that may be deleted at any time.
//!
//! Layout: the line [`MAGIC`], the number of values (`u64`), the BLAKE3 hash of the values' bytes, the values (`f32`);
//! all little endian. A file whose length or hash is wrong is treated as absent and written again.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use crate::directory::DataDirectory;
use crate::error::DataError;
use crate::write_file::write_file;

/// First bytes of every array file; the number is the format's version.
pub const MAGIC: &[u8; 16] = b"allconv array 1\n";
const HEADER_BYTES: u64 = 16 + 8 + 32;
/// Bytes converted at a time.
const BLOCK: usize = 1 << 20;

/// An array file that is being read.
#[derive(Debug)]
pub struct ArrayFile {
    reader: BufReader<File>,
    left: u64,
    hasher: blake3::Hasher,
    expected_hash: [u8; 32],
}

impl ArrayFile {
    /// Opens a file; `None` if it is absent or its length is wrong.
    pub fn open(path: &Path) -> Result<Option<ArrayFile>, DataError> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(DataError::io("read", path)(error)),
        };
        let bytes = file.metadata().map_err(DataError::io("read", path))?.len();
        let mut reader = BufReader::with_capacity(BLOCK, file);
        let mut header = [0u8; HEADER_BYTES as usize];
        if bytes < HEADER_BYTES || reader.read_exact(&mut header).is_err() || header[..16] != *MAGIC {
            return Ok(None);
        }
        let (mut count, mut expected_hash) = ([0u8; 8], [0u8; 32]);
        count.copy_from_slice(&header[16..24]);
        expected_hash.copy_from_slice(&header[24..]);
        let left = u64::from_le_bytes(count);
        if left.checked_mul(4).and_then(|payload| payload.checked_add(HEADER_BYTES)) != Some(bytes) {
            return Ok(None);
        }
        Ok(Some(ArrayFile { reader, left, hasher: blake3::Hasher::new(), expected_hash }))
    }

    /// Reads the next values; `None` if the file holds fewer or cannot be read.
    pub fn take(&mut self, count: usize) -> Option<Vec<f32>> {
        self.left = self.left.checked_sub(count as u64)?;
        let mut values = Vec::with_capacity(count);
        let mut block = vec![0u8; BLOCK];
        while values.len() < count {
            let bytes = &mut block[..BLOCK.min((count - values.len()) * 4)];
            self.reader.read_exact(bytes).ok()?;
            self.hasher.update(bytes);
            values.extend(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])));
        }
        Some(values)
    }

    /// Returns whether all values were taken and their hash is the recorded one.
    pub fn is_used_up(&self) -> bool {
        self.left == 0 && *self.hasher.finalize().as_bytes() == self.expected_hash
    }
}

/// Writes arrays one after the other, atomically.
pub fn write_arrays(path: &Path, arrays: &[&[f32]]) -> Result<(), DataError> {
    let mut hasher = blake3::Hasher::new();
    for_each_block(arrays, |bytes| {
        hasher.update(bytes);
        Ok(())
    })
    .map_err(DataError::io("write", path))?;
    let count: usize = arrays.iter().map(|array| array.len()).sum();
    write_file(path, |file| {
        file.write_all(MAGIC)?;
        file.write_all(&(count as u64).to_le_bytes())?;
        file.write_all(hasher.finalize().as_bytes())?;
        for_each_block(arrays, |bytes| file.write_all(bytes))
    })
}

/// Calls `use_bytes` with the bytes of all values, a block at a time.
fn for_each_block(arrays: &[&[f32]], mut use_bytes: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(BLOCK);
    for values in arrays.iter().flat_map(|array| array.chunks(BLOCK / 4)) {
        bytes.clear();
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        use_bytes(&bytes)?;
    }
    Ok(())
}

/// A lock that keeps others from computing the same entry; released when dropped.
#[derive(Debug)]
pub struct CacheLock {
    _file: File,
}

impl CacheLock {
    /// Waits until no other thread or process works on `key`.
    pub fn acquire(directory: &DataDirectory, key: &str) -> Result<CacheLock, DataError> {
        let folder = directory.cache();
        fs::create_dir_all(&folder).map_err(DataError::io("create the folder", &folder))?;
        let path = folder.join(format!("{key}.lock"));
        let file = File::create(&path).map_err(DataError::io("create", &path))?;
        file.lock().map_err(DataError::io("lock", &path))?;
        Ok(CacheLock { _file: file })
    }
}

/// Returns the path of a cache file.
pub fn cache_path(directory: &DataDirectory, kind: &str, key: &str) -> PathBuf {
    directory.cache().join(format!("{kind}-{key}.f32"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_read_in_pieces_of_any_size() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.f32");
        let long: Vec<f32> = (0..BLOCK / 4 + 5).map(|value| value as f32).collect();
        write_arrays(&path, &[&[1.5, -0.0], &[], &long]).expect("a written file");
        let mut file = ArrayFile::open(&path).expect("readable").expect("present");
        assert_eq!(file.take(1), Some(vec![1.5]));
        assert!(!file.is_used_up());
        assert_eq!(file.take(1).map(|values| values[0].to_bits()), Some((-0.0f32).to_bits()));
        assert_eq!(file.take(long.len()), Some(long));
        assert!(file.is_used_up());
        assert_eq!(file.take(1), None);
    }

    #[test]
    fn damaged_files_count_as_absent() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.f32");
        assert!(ArrayFile::open(&path).expect("absent is no error").is_none());
        write_arrays(&path, &[&[1.0, 2.0, 3.0]]).expect("a written file");
        let whole = fs::read(&path).expect("a file");
        for length in [0, 1, 20, HEADER_BYTES as usize, whole.len() - 1] {
            fs::write(&path, &whole[..length]).expect("a cut file");
            assert!(ArrayFile::open(&path).expect("readable").is_none(), "cut to {length} bytes");
        }
        let mut flipped = whole;
        let last = flipped.len() - 1;
        flipped[last] ^= 1;
        fs::write(&path, flipped).expect("a flipped bit");
        let mut file = ArrayFile::open(&path).expect("readable").expect("the right length");
        assert!(file.take(3).is_some() && !file.is_used_up());
    }
}
