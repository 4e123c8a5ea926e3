//! Image folders and archives that are refused, as a whole and before anything is written.

use std::fs;

use allconv_data::import::entry::EntryLimits;
use allconv_data::{DatasetOptions, ImportOptions, import, open};
use tar::EntryType;

use crate::{Place, append, gzip, pets, png, tar_of, xz};

fn assert_files_refused(files: &[(String, Vec<u8>)], expected: &str) {
    let bytes = tar_of(files).into_inner().expect("a tar");
    Place::new().assert_refused(&bytes, &EntryLimits::default(), expected);
}

#[test]
fn sources_without_classes_splits_or_images_are_refused() {
    let file = |path: &str| (path.to_string(), png(1));
    assert_files_refused(&[file("train/1.png"), file("test/1.png")], "no image among 2 files");
    assert_files_refused(&[file("train/cat/1.png")], "!test: expected at least one image");
    assert_files_refused(&[file("test/cat/1.png"), file("val/cat/1.png")], "cat: expected a class");
    assert_files_refused(&[file("train/cat/1.png"), file("test/dog/1.png")], "test/dog: expected a class");
    assert_files_refused(&[file("a/train/cat/1.png"), file("b/test/cat/1.png")], "\"b\" around this file");
    let place = Place::new();
    fs::create_dir(place.outer.path().join("empty")).expect("a folder");
    for (source, expected) in [("empty", "no image among 0 files"), ("absent", "found nothing")] {
        let error =
            import(&place.outer.path().join(source), "pets", &place.directory, &ImportOptions::default())
                .expect_err(expected);
        assert!(!error.is_io() && error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn a_bad_image_is_named() {
    let mut files = pets();
    files[4].1 = b"garbage".to_vec();
    assert_files_refused(&files, "pets/train/dog/2.jpg: expected a JPEG, PNG, WebP or BMP image");
    files[4].1 = png(1)[..60].to_vec();
    assert_files_refused(&files, "pets/train/dog/2.jpg: expected a JPEG, PNG, WebP or BMP image");
}

#[test]
fn special_entries_are_refused() {
    for (kind, name) in [
        (EntryType::Symlink, "Symlink"),
        (EntryType::Link, "Link"),
        (EntryType::Char, "Char"),
        (EntryType::Block, "Block"),
        (EntryType::Fifo, "Fifo"),
        (EntryType::Continuous, "Continuous"),
        (EntryType::GNUSparse, "GNUSparse"),
    ] {
        let mut builder = tar_of(&pets());
        append(&mut builder, kind, b"pets/train/cat/9.png", b"");
        let bytes = builder.into_inner().expect("a tar");
        Place::new().assert_refused(&bytes, &EntryLimits::default(), name);
    }
}

#[test]
fn paths_that_leave_the_root_or_hide_something_are_refused() {
    for (path, expected) in [
        (b"../canary.png".as_slice(), "\"..\""),
        (b"pets/train/../../../canary.png", "\"..\""),
        (b"/canary.png", "an absolute path"),
        (b"pets//cat.png", "the component \"\""),
        (b"pets/./cat.png", "the component \".\""),
        (b"pets\\..\\cat.png", "the component"),
        (b"pets/a\x07b.png", "the component"),
        (b"pets/\xff\xfe.png", "other bytes"),
        (b"pets/train/cat/1.png", "a second time"),
        (b"pets/train/CAT/1.png", "a second time"),
    ] {
        let mut builder = tar_of(&pets());
        append(&mut builder, EntryType::Regular, path, b"canary");
        let bytes = builder.into_inner().expect("a tar");
        Place::new().assert_refused(&bytes, &EntryLimits::default(), expected);
    }
}

#[test]
fn names_that_are_too_long_are_refused() {
    for (path, expected) in
        [("x/".repeat(2100) + "a.png", "a path of"), ("y".repeat(256) + ".png", "a component of")]
    {
        let mut builder = tar_of(&pets());
        let mut header = tar::Header::new_gnu();
        header.set_size(1);
        // Paths over 100 bytes go into an entry of their own.
        builder.append_data(&mut header, &path, b"x".as_slice()).expect("a long name");
        let bytes = builder.into_inner().expect("a tar");
        Place::new().assert_refused(&bytes, &EntryLimits::default(), expected);
    }
}

#[test]
fn too_many_and_too_large_entries_are_refused() {
    let bytes = tar_of(&pets()).into_inner().expect("a tar");
    let limits = EntryLimits::default();
    Place::new().assert_refused(&bytes, &EntryLimits { entries: 7, ..limits }, "at most 7 entries");
    Place::new().assert_refused(&bytes, &EntryLimits { file_bytes: 20, ..limits }, "at most 20 bytes");
    Place::new().assert_refused(
        &bytes,
        &EntryLimits { total_bytes: 3000, ..limits },
        "more than 3000 bytes in all",
    );
    Place::new().import_bytes(&bytes, &EntryLimits { entries: 8, ..limits }).expect("exactly at the limit");
}

#[test]
fn a_compressed_bomb_is_refused_long_before_it_is_unpacked() {
    let mut builder = tar_of(&pets());
    append(&mut builder, EntryType::Regular, b"pets/zeros", &vec![0; 8 << 20]);
    let tar = builder.into_inner().expect("a tar");
    let limits = EntryLimits { ratio_free_bytes: 1 << 20, ..EntryLimits::default() };
    for bytes in [gzip(&tar), xz(&tar)] {
        Place::new().assert_refused(&bytes, &limits, "more than 200 bytes for each compressed byte");
    }
    Place::new().import_bytes(&tar, &limits).expect("the same without compression is only large");
}

#[test]
fn damaged_archives_are_refused_wherever_they_end() {
    let tar = tar_of(&pets()).into_inner().expect("a tar");
    let limits = EntryLimits::default();
    for (kind, bytes) in [("tar", tar.clone()), ("gz", gzip(&tar)), ("xz", xz(&tar))] {
        // The end of a plain tar is a kilobyte of zeros, of which half is enough.
        let last = if kind == "tar" { bytes.len() - 1025 } else { bytes.len() - 1 };
        for length in [0, 1, 100, 512, 600, bytes.len() / 2, last] {
            let place = Place::new();
            let error = place.import_bytes(&bytes[..length], &limits).expect_err("a cut archive");
            assert!(!error.is_io(), "{kind} cut to {length}: {error}");
            assert!(!place.directory.root().exists(), "{kind} cut to {length}");
        }
    }
    for mut bytes in [gzip(&tar), xz(&tar)] {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x20;
        let error = Place::new().import_bytes(&bytes, &limits).expect_err("a flipped bit");
        assert!(!error.is_io(), "{error}");
    }
    Place::new().assert_refused(
        b"PK\x03\x04 a zip file",
        &limits,
        "expected a whole zip archive, found no directory",
    );
}

#[test]
fn one_class_is_refused() {
    let file = |path: &str, red| (path.to_string(), png(red));
    let files = [file("train/cat/1.png", 1), file("test/cat/1.png", 2)];
    assert_files_refused(&files, "at least two classes, found \"cat\" alone");
}

#[test]
fn a_size_that_lies_is_refused() {
    let mut builder = tar_of(&pets());
    append(&mut builder, EntryType::XHeader, b"pax", b"20 size=99999999999\n");
    append(&mut builder, EntryType::Regular, b"pets/train/cat/9.png", &png(9));
    let bytes = builder.into_inner().expect("a tar");
    Place::new().assert_refused(&bytes, &EntryLimits::default(), "99999999999 bytes");
}

#[test]
fn a_truncated_image_under_a_valid_archive_leaves_no_pack() {
    let place = Place::new();
    let mut files = pets();
    files[1].1.truncate(50);
    place
        .import_bytes(&tar_of(&files).into_inner().expect("a tar"), &EntryLimits::default())
        .expect_err("half");
    assert!(open("pets", &place.directory, &DatasetOptions::default()).is_err());
}
