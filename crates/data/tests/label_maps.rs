//! Label maps that Pillow wrote (`fixtures/label_maps.py`): palettes, greys, equal channels, ignored pixels.

use std::path::Path;

use allconv_data::pictures::pack;
use allconv_data::{DataDirectory, IGNORED, PictureKind, PictureLayout, import_pictures};

/// Imports one set of the fixture, and returns its classes and the class numbers of each of its pictures.
fn imported(set: &str, ignore: Option<u8>) -> (Vec<String>, Vec<Vec<u8>>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let directory = DataDirectory::new(folder.path());
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/label_maps.zip");
    let layout = PictureLayout {
        select: Some(format!("{set}/*")),
        background: None,
        kind: PictureKind::Segmentation { labels: Vec::new(), ignore },
    };
    import_pictures(&source, set, &layout, &directory).expect("pairs");
    let read = pack::read(&directory.pictures(set)).expect("a set");
    let masks = read.train.iter().map(|picture| picture.mask.as_ref().expect("a map").to_vec());
    (read.classes.clone(), masks.collect())
}

#[test]
fn palettes_of_pascal_voc_are_read_by_their_indices_and_255_is_ignored() {
    let (classes, masks) = imported("voc", Some(255));
    assert_eq!(classes, ["value_0", "value_7", "value_15"]);
    // The second class has a grey colour in the palette, the third map has 4 bits a pixel.
    assert_eq!(masks[0], [0, 1, 1, 0, 0, 1]);
    assert_eq!(masks[1], [2, IGNORED, 0, IGNORED, 2, 0]);
    assert_eq!(masks[2], [0, 2, 1, 1, 1, 0]);
    let (classes, masks) = imported("voc", None);
    assert_eq!(classes.last().map(String::as_str), Some("value_255"));
    assert_eq!(masks[1], [2, 3, 0, 3, 2, 0]);
}

#[test]
fn a_palette_of_greys_is_read_by_its_greys_as_it_always_was() {
    let (classes, masks) = imported("greys", None);
    assert_eq!(classes, ["value_0", "value_2", "value_254"]);
    assert_eq!(masks[0], [0, 0, 1, 1, 2, 2]);
}

#[test]
fn equal_channels_and_the_suffix_mask_are_understood() {
    let (classes, masks) = imported("masks", Some(255));
    assert_eq!(classes, ["value_0", "value_9"]);
    assert_eq!(masks[0], [0, 1, 1, IGNORED, 0, 1]);
}
