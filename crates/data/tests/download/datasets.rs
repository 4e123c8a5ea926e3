//! Data sets that are fetched: checked before they get their name, and fetched once.

use std::fs;
use std::path::Path;

use allconv_data::dataset::cifar::{CIFAR10, CifarLayout};
use allconv_data::download::catalogue::OfficialArchive;
use allconv_data::download::fetch::fetch_archive;
use allconv_data::download::manifest::MANIFEST_NAME;
use allconv_data::{DataDirectory, DataError, fetch};

use crate::server::{Answer, Server};
use crate::{SHORT_LIMITS, digests_of};

const SMALL: CifarLayout = CifarLayout { train_records: 20, test_records: 10, ..CIFAR10 };

/// Returns a gzipped tar of the small layout, with labels `record % classes + offset` and extra entries.
fn small_archive(label_offset: u8, left_out: Option<&str>, extra: &[&str]) -> Vec<u8> {
    let encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut builder = tar::Builder::new(encoder);
    let mut append = |path: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, bytes).expect("an entry");
    };
    for file in SMALL.files().filter(|file| Some(*file) != left_out) {
        let records = if file == SMALL.test_file { 10 } else { 20 };
        let bytes: Vec<u8> = (0..records)
            .flat_map(|record| [&[record % 10 + label_offset][..], &[record; 3072][..]].concat())
            .collect();
        append(&format!("cifar-10-batches-bin/{file}"), &bytes);
    }
    for path in extra {
        append(path, b"canary");
    }
    builder.into_inner().expect("a tar").finish().expect("a gzip stream")
}

fn fetch_small(server: &Server, bytes: &[u8], root: &Path) -> Result<bool, DataError> {
    let archive = OfficialArchive { layout: SMALL, url: server.url(), digests: digests_of(bytes) };
    fetch_archive(&archive, &DataDirectory::new(root), SHORT_LIMITS, &mut |_| {})
        .map(|report| report.already_present)
}

#[test]
fn a_fetched_dataset_is_checked_hashed_and_fetched_once() {
    let bytes = small_archive(0, None, &["cifar-10-batches-bin/readme.html"]);
    let server = Server::start(bytes.clone(), [Answer::CutAfter(bytes.len() / 2), Answer::Honest]);
    let root = tempfile::tempdir().expect("a temporary folder");
    let directory = DataDirectory::new(root.path());
    assert!(!fetch_small(&server, &bytes, root.path()).expect("fetched"));
    assert_eq!(SMALL.read(&directory).expect("whole files").train.len(), 100);
    let folder = SMALL.path(&directory);
    assert!(folder.join(MANIFEST_NAME).exists() && !folder.join("readme.html").exists());
    assert_eq!(fs::read_dir(directory.downloads()).expect("a folder").count(), 0, "the archive is not kept");
    assert!(fetch_small(&server, &bytes, root.path()).expect("present"));
    assert_eq!(server.requests().len(), 2, "what is present is not downloaded");

    let file = folder.join("data_batch_4.bin");
    let mut broken = fs::read(&file).expect("a file");
    broken[77] ^= 4;
    fs::write(&file, broken).expect("a flipped bit");
    let message = fetch_small(&server, &bytes, root.path()).expect_err("a flipped bit").to_string();
    assert!(message.contains("data_batch_4.bin") && message.contains("delete the folder"), "{message}");
}

#[test]
fn an_archive_with_wrong_content_never_becomes_a_dataset() {
    let cases = [
        (small_archive(1, None, &[]), "label 10"),
        (small_archive(0, Some("data_batch_2.bin"), &[]), "data_batch_2.bin"),
        (small_archive(0, None, &["../canary"]), "..\""),
        (small_archive(0, None, &["/canary"]), "absolute"),
        (small_archive(0, None, &["cifar-10-batches-bin/test_batch.bin"]), "a second time"),
    ];
    for (bytes, expected) in cases {
        let server = Server::start(bytes.clone(), [Answer::Honest]);
        let outer = tempfile::tempdir().expect("a temporary folder");
        let root = outer.path().join("root");
        let message = fetch_small(&server, &bytes, &root).expect_err(expected).to_string();
        assert!(message.contains(expected), "{message}");
        let mut left: Vec<_> =
            fs::read_dir(&root).expect("a folder").map(|item| item.expect("an entry").file_name()).collect();
        left.sort();
        assert_eq!(left, ["downloads"], "{expected}");
        assert_eq!(fs::read_dir(outer.path()).expect("a folder").count(), 1, "nothing outside the root");
    }
}

#[test]
fn two_fetches_at_once_download_once() {
    let bytes = small_archive(0, None, &[]);
    let server = Server::start(bytes.clone(), [Answer::Honest]);
    let root = tempfile::tempdir().expect("a temporary folder");
    std::thread::scope(|scope| {
        let fetches: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| fetch_small(&server, &bytes, root.path()).expect("fetched")))
            .collect();
        let present: Vec<bool> = fetches.into_iter().map(|fetch| fetch.join().expect("no panic")).collect();
        assert_eq!(present.iter().filter(|present| !**present).count(), 1, "{present:?}");
    });
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn names_without_an_archive_are_refused() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let error = fetch("cifar01", &DataDirectory::new(root.path()), &mut |_| {}).expect_err("unknown");
    assert!(error.to_string().contains("did you mean"), "{error}");
}
