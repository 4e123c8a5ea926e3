//! Published digests of a file, computed as it is read.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use md5::{Digest, Md5};
use sha2::Sha256;

use allconv_files::hex;

use crate::error::DataError;

/// The digests that the publisher, or several independent users, state for a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    /// MD5 in lower-case hex.
    pub md5: String,
    /// SHA-256 in lower-case hex.
    pub sha256: String,
}

impl Digests {
    /// Computes both digests of a file.
    pub fn of_file(path: &Path) -> Result<Digests, DataError> {
        let mut file = File::open(path).map_err(DataError::io("read", path))?;
        let (mut md5, mut sha256) = (Md5::new(), Sha256::new());
        let mut block = vec![0u8; 1 << 20];
        loop {
            match file.read(&mut block).map_err(DataError::io("read", path))? {
                0 => break,
                read => {
                    md5.update(&block[..read]);
                    sha256.update(&block[..read]);
                }
            }
        }
        Ok(Digests { md5: hex(&md5.finalize()), sha256: hex(&sha256.finalize()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_file_and_abc_have_their_published_digests() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("x");
        std::fs::write(&path, b"").expect("a file");
        let empty = Digests::of_file(&path).expect("readable");
        assert_eq!(empty.md5, "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(empty.sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        std::fs::write(&path, b"abc").expect("a file");
        let abc = Digests::of_file(&path).expect("readable");
        assert_eq!(abc.md5, "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(abc.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
