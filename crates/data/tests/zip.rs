//! Zip archives that Python wrote (`fixtures/zip.py`): read as the same set of files in other containers is, and refused where they are damaged.

use std::fs;
use std::path::{Path, PathBuf};

use allconv_data::import::entry::EntryLimits;
use allconv_data::import::source;
use allconv_data::{DataDirectory, DataError, ImportOptions, import};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn paths(archive: &Path) -> Result<Vec<String>, DataError> {
    let mut paths = Vec::new();
    source::walk(archive, &EntryLimits::default(), &mut |entry| {
        paths.push(entry.path);
        Ok(())
    })?;
    Ok(paths)
}

#[test]
fn stored_and_deflated_files_are_read_with_and_without_zip64() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let directory = DataDirectory::new(folder.path());
    let hashes = ["pets", "pets_large"].map(|name| {
        let archive = fixture(&format!("{name}.zip"));
        assert_eq!(paths(&archive).expect("whole").len(), 6);
        let report = import(&archive, name, &directory, &ImportOptions::default()).expect("whole");
        assert_eq!((report.counts, report.size), ([4, 0, 2], Some([3, 4])));
        report.content_hash
    });
    assert_eq!(hashes[0], hashes[1]);
}

#[test]
fn every_cut_and_every_flipped_bit_of_content_is_refused_or_changes_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let whole = fs::read(fixture("pets.zip")).expect("an archive");
    let file = folder.path().join("cut.zip");
    let expected = paths(&fixture("pets.zip")).expect("whole");
    for length in (4..whole.len()).step_by(7) {
        fs::write(&file, &whole[..length]).expect("a cut archive");
        let error = paths(&file).expect_err("cut");
        assert!(error.to_string().contains("cut.zip"), "{error}");
    }
    let first = whole.windows(4).position(|bytes| bytes == b"PK\x01\x02").expect("a directory");
    for place in 0..first {
        let mut flipped = whole.clone();
        flipped[place] ^= 4;
        fs::write(&file, &flipped).expect("a flipped bit");
        // Times and versions in the headers of entries say nothing about their content.
        if let Ok(found) = paths(&file) {
            assert_eq!(found, expected, "flipped bit in byte {place}");
        }
    }
}

#[test]
fn encrypted_files_links_and_paths_that_leave_the_archive_are_refused() {
    let message = |archive: &Path| paths(archive).expect_err("refused").to_string();
    assert!(message(&fixture("encrypted.zip")).contains("1.png: expected a file that is not encrypted"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let whole = fs::read(fixture("pets.zip")).expect("an archive");
    for (from, to, told) in [
        ("pets/train/cat/1", "../s/train/cat/1", "\"..\""),
        ("pets/train/cat/1", "/ets/train/cat/1", "absolute"),
    ] {
        let changed: Vec<u8> = replaced(&whole, from.as_bytes(), to.as_bytes());
        let file = folder.path().join("changed.zip");
        fs::write(&file, changed).expect("an archive");
        assert!(message(&file).contains(told), "{told}: {}", message(&file));
    }
    let directory = whole.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").expect("a directory");
    let mut link = whole.clone();
    link[directory + 38..directory + 42].copy_from_slice(&(0o120_777u32 << 16).to_le_bytes());
    let file = folder.path().join("link.zip");
    fs::write(&file, link).expect("an archive");
    assert!(message(&file).contains("found a link"), "{}", message(&file));
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len(), "places must stay");
    let mut bytes = bytes.to_vec();
    let places: Vec<usize> =
        (0..bytes.len() - from.len()).filter(|place| bytes[*place..].starts_with(from)).collect();
    for place in places {
        bytes[place..place + to.len()].copy_from_slice(to);
    }
    bytes
}
