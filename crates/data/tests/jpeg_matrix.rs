//! JPEGs of every structure are read as libjpeg-turbo reads them or refused, cut ones are refused, and pictures are turned as Pillow does
//! (`tests/fixtures/jpeg_matrix.py`).

use std::collections::BTreeMap;
use std::path::Path;

use allconv_data::import::decode::{Image, decode_as_stored};
use allconv_data::import::entry::EntryLimits;
use allconv_data::import::source::walk;

/// Largest difference in grey levels: both decoders round differently, and enlarge chroma by other weights between two rows.
const TOLERANCE: u8 = 7;

/// Files of the archive below a folder or, with `false`, elsewhere.
fn fixtures(orientation: bool) -> BTreeMap<String, Vec<u8>> {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/jpeg_matrix.tar.xz");
    let mut files = BTreeMap::new();
    walk(&archive, &EntryLimits::default(), &mut |entry| {
        if entry.path.starts_with("orientation/") == orientation {
            files.insert(entry.path, entry.bytes);
        }
        Ok(())
    })
    .expect("the fixtures");
    files
}

/// Returns the width, height and pixels of a PPM file.
fn ppm(bytes: &[u8]) -> (usize, usize, &[u8]) {
    let mut fields = bytes.splitn(4, |byte| byte.is_ascii_whitespace());
    let mut text = || std::str::from_utf8(fields.next().expect("a field")).expect("text");
    assert_eq!(text(), "P6");
    let (width, height) = (text().parse().expect("a width"), text().parse().expect("a height"));
    let rest = fields.next().expect("pixels");
    (width, height, rest.strip_prefix(b"255\n").expect("8 bits"))
}

fn assert_close(name: &str, image: &Image, expected: &[u8], tolerance: u8) {
    let (width, height, pixels) = ppm(expected);
    assert_eq!((image.shape.width, image.shape.height, image.shape.channels), (width, height, 3), "{name}");
    let largest = image.pixels.iter().zip(pixels).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(largest <= Some(tolerance), "{name} differs by {largest:?} grey levels");
}

#[test]
fn every_structure_is_read_as_libjpeg_turbo_reads_it_or_refused_by_name() {
    let files = fixtures(false);
    let (mut read, mut refused) = (0, 0);
    for (name, bytes) in files.iter().filter(|(name, _)| name.ends_with(".jpg")) {
        let (folder, file) = name.rsplit_once('/').expect("a folder");
        let expected = &files[&format!("{folder}/pixels.ppm")];
        let rare_factors = ["3x1", "four-two-one", "luma-below"]
            .iter()
            .any(|rare| folder.starts_with(&format!("{rare}/")) || folder.starts_with("luma-below-across/"));
        let rare_scans = file.starts_with("separate") || file.starts_with("luma-chroma");
        match decode_as_stored(bytes) {
            Ok(image) => {
                assert!(!rare_factors && !rare_scans, "{name} is read");
                assert_close(name, &image, expected, TOLERANCE);
                read += 1;
            }
            Err(found) => {
                let word = if rare_factors { "sampling factors" } else { "scans of their own" };
                assert!(rare_factors || rare_scans, "{name}: {found}");
                assert!(found.contains(word) && found.contains("save it again"), "{name}: {found}");
                refused += 1;
            }
        }
    }
    assert_eq!((read, refused), (275, 325));
}

#[test]
fn a_cut_file_is_refused_with_and_without_an_end_marker() {
    for (name, bytes) in
        fixtures(false).iter().filter(|(name, _)| name.contains("/9x9/") && name.ends_with(".jpg"))
    {
        if decode_as_stored(bytes).is_err() {
            continue;
        }
        for length in 3..bytes.len() - 2 {
            for end in [&b""[..], b"\xff", b"\xff\xd9"] {
                let found = decode_as_stored(&[&bytes[..length], end].concat());
                let found = found.expect_err(&format!("{name}, cut to {length} bytes, {} more", end.len()));
                assert!(found.starts_with("a JPEG "), "{name} of {length} bytes: {found}");
            }
        }
    }
}

#[test]
fn a_progressive_file_without_its_last_scans_is_refused() {
    let files = fixtures(false);
    let bytes = &files["420/37x26/progressive.jpg"];
    let scans: Vec<usize> =
        (0..bytes.len() - 1).filter(|&place| bytes[place..place + 2] == [0xff, 0xda]).collect();
    assert!(scans.len() > 5, "{scans:?}");
    // Tables of a scan may lie before it.
    for &end in &scans[1..] {
        let found = decode_as_stored(&[&bytes[..end], b"\xff\xd9"].concat()).expect_err("scans are missing");
        assert!(found.contains("last scans are missing"), "{found}");
    }
}

#[test]
fn what_lies_behind_the_end_and_stray_bytes_before_it_change_nothing() {
    for (name, bytes) in fixtures(false).iter().filter(|(name, _)| name.contains("420/37x26/")) {
        let Ok(image) = decode_as_stored(bytes) else { continue };
        let (data, end) = bytes.split_at(bytes.len() - 2);
        for changed in [
            [bytes.as_slice(), b"trailing bytes"].concat(),
            [bytes.as_slice(), bytes].concat(),
            [data, b"\0\0\0", end].concat(),
            [data, b"\xff\xff", end].concat(),
        ] {
            assert_eq!(decode_as_stored(&changed).as_ref(), Ok(&image), "{name}");
        }
    }
}

#[test]
fn restart_markers_out_of_order_are_refused() {
    let files = fixtures(false);
    let mut bytes = files["420/37x26/restarts.jpg"].clone();
    let place =
        (0..bytes.len() - 1).find(|&place| bytes[place..place + 2] == [0xff, 0xd0]).expect("a restart");
    bytes[place + 1] = 0xd3;
    let found = decode_as_stored(&bytes).expect_err("a wrong restart marker");
    assert!(found.contains("restart markers"), "{found}");
}

#[test]
fn a_file_without_huffman_tables_is_refused() {
    let files = fixtures(false);
    for kind in ["interleaved", "progressive"] {
        let mut bytes = files[&format!("420/37x26/{kind}.jpg")].clone();
        while let Some(place) = (0..bytes.len() - 1).find(|&place| bytes[place..place + 2] == [0xff, 0xc4]) {
            let length = usize::from(u16::from_be_bytes([bytes[place + 2], bytes[place + 3]]));
            bytes.drain(place..place + 2 + length);
        }
        let found = decode_as_stored(&bytes).expect_err(kind);
        assert!(found.contains("without the Huffman tables"), "{kind}: {found}");
    }
}

#[test]
fn pictures_are_turned_as_their_exif_block_says() {
    let files = fixtures(true);
    let mut turned = 0;
    for (name, bytes) in files.iter().filter(|(name, _)| !name.ends_with(".ppm")) {
        let (stem, extension) = name.rsplit_once('.').expect("an extension");
        let image = decode_as_stored(bytes).expect(name);
        let tolerance = if extension == "png" { 0 } else { TOLERANCE };
        assert_close(name, &image, &files[&format!("{stem}.ppm")], tolerance);
        turned += 1;
    }
    assert_eq!(turned, 16);
}
