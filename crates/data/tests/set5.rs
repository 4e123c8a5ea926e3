//! Set5: its low-resolution images against the bicubic of this crate, and its import.

use std::path::PathBuf;

use allconv_data::import::entry::EntryLimits;
use allconv_data::import::source;
use allconv_data::{DataDirectory, Picture, PictureKind, PictureLayout, bicubic, import_pictures};

/// Set5's archive, or a printed line with the reason why not.
fn set5() -> Option<PathBuf> {
    let folder = std::env::var_os("ALLCONV_TEST_DATA");
    let path = folder.map(|folder| PathBuf::from(folder).join("set5.tar")).filter(|path| path.is_file());
    if path.is_none() {
        println!("skipped: ALLCONV_TEST_DATA names no folder with set5.tar");
    }
    path
}

#[test]
fn all_fifteen_low_resolution_images_of_set5_come_out_without_a_difference() {
    let Some(archive) = set5() else { return };
    let mut files = std::collections::BTreeMap::new();
    source::walk(&archive, &EntryLimits::default(), &mut |entry| {
        if entry.path.ends_with(".png") {
            files.insert(entry.path.clone(), Picture::decode(&entry.path, &entry.bytes)?);
        }
        Ok(())
    })
    .expect("an archive of PNG files");
    let mut compared = 0;
    for factor in [2, 3, 4] {
        let large = files.iter().filter(|(path, _)| path.ends_with(&format!("SRF_{factor}_HR.png")));
        for (path, picture) in large {
            let expected = &files[&path.replace("HR", "LR")];
            let found = bicubic::shrink(picture, factor);
            assert_eq!(found.shape(), expected.shape(), "{path}");
            let differences = found.pixels().iter().zip(expected.pixels()).filter(|(a, b)| a != b).count();
            assert_eq!(differences, 0, "{path}");
            compared += 1;
        }
    }
    assert_eq!(compared, 15);
}

#[test]
fn the_high_resolution_images_of_one_scale_are_selected_from_the_archive() {
    let Some(archive) = set5() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let layout = PictureLayout {
        select: Some("*/x3/*_HR.png".into()),
        background: None,
        kind: PictureKind::Photographs,
    };
    let directory = DataDirectory::new(folder.path());
    let header = import_pictures(&archive, "set5_x3", &layout, &directory).expect("Set5").header;
    let sizes: Vec<_> = header.pictures.iter().map(|entry| (entry.height, entry.width)).collect();
    assert_eq!(sizes, [(510, 510), (288, 288), (255, 255), (279, 279), (342, 228)]);
}
