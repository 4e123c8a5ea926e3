//! The data directory: official archives, imported sets and caches.

use std::path::{Path, PathBuf};

/// A folder that holds datasets. It is created only when something is written into it.
///
/// | path in it | what |
/// |---|---|
/// | `cifar-10-batches-bin/`, `cifar-100-binary/` | the official binaries, as their archives unpack |
/// | `imported/NAME.pack` | image folders, decoded once by [`crate::import()`] |
/// | `imported/NAME.pictures` | photographs, and pictures with label maps, decoded once by [`crate::import_pictures()`] |
/// | `imported/NAME.shards/` | images of different sizes as they came, in tar shards with an index, by [`crate::import()`] |
/// | `downloads/` | archives and their unfinished parts |
/// | `cache/` | fitted preprocessing and its results; may be deleted at any time |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDirectory {
    root: PathBuf,
}

impl DataDirectory {
    /// Returns the directory at this path, which need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> DataDirectory {
        DataDirectory { root: root.into() }
    }

    /// Returns the folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the folder of packed imported sets.
    pub fn imported(&self) -> PathBuf {
        self.root.join("imported")
    }

    /// Returns the packed file of one imported set.
    pub fn pack(&self, name: &str) -> PathBuf {
        self.imported().join(format!("{name}.pack"))
    }

    /// Returns the folder of one imported set of encoded images.
    pub fn shards(&self, name: &str) -> PathBuf {
        self.imported().join(format!("{name}.shards"))
    }

    /// Returns the packed file of one imported set of pictures.
    pub fn pictures(&self, name: &str) -> PathBuf {
        self.imported().join(format!("{name}.pictures"))
    }

    /// Returns the folder of downloaded archives.
    pub fn downloads(&self) -> PathBuf {
        self.root.join("downloads")
    }

    /// Returns the folder of derived files.
    pub fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }
}
