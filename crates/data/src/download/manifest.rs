//! The hashes of a folder's files, recorded when their archive was verified.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::DataError;
use crate::write_file::write_file;

/// Name of the file inside the folder it describes.
pub const MANIFEST_NAME: &str = "allconv-hashes.json";

/// BLAKE3 hashes by file name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HashManifest {
    blake3: BTreeMap<String, String>,
}

impl HashManifest {
    /// Hashes the named files of a folder and writes the manifest into it.
    pub fn record<'a>(
        folder: &Path,
        files: impl Iterator<Item = &'a str>,
    ) -> Result<HashManifest, DataError> {
        let mut blake3 = BTreeMap::new();
        for file in files {
            let path = folder.join(file);
            let bytes = fs::read(&path).map_err(DataError::io("read", &path))?;
            blake3.insert(file.to_string(), blake3::hash(&bytes).to_hex().to_string());
        }
        let manifest = HashManifest { blake3 };
        write_file(&folder.join(MANIFEST_NAME), |file| {
            serde_json::to_writer_pretty(&mut *file, &manifest)?;
            file.write_all(b"\n")
        })?;
        Ok(manifest)
    }

    /// Reads the manifest of a folder, if it has one.
    pub fn read(folder: &Path) -> Result<Option<HashManifest>, DataError> {
        let path = folder.join(MANIFEST_NAME);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(DataError::io("read", &path)(error)),
        };
        serde_json::from_slice(&bytes).map(Some).map_err(|error| {
            DataError::bad_file(
                path.display(),
                "file names with BLAKE3 hashes",
                error,
                "delete this file or fetch again",
            )
        })
    }

    /// Compares a file's content with its recorded hash.
    pub fn check(&self, path: &Path, bytes: &[u8], fix: &str) -> Result<(), DataError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let found = blake3::hash(bytes).to_hex().to_string();
        match self.blake3.get(name.as_ref()) {
            Some(expected) if *expected == found => Ok(()),
            Some(expected) => Err(DataError::bad_file(
                path.display(),
                format!("BLAKE3 {expected}"),
                format!("BLAKE3 {found}"),
                fix,
            )),
            None => {
                Err(DataError::bad_file(path.display(), format!("a hash in {MANIFEST_NAME}"), "none", fix))
            }
        }
    }
}
