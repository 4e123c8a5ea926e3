//! Import of photographs, and of pictures with label maps, from a folder or an archive into one packed file.

use std::path::{Path, PathBuf};

use super::collector::Collector;
use super::entry::EntryLimits;
use super::left_out::LeftOut;
pub use super::picture_layout::{PictureKind, PictureLayout};
use super::report::taken;
use super::source;
use crate::directory::DataDirectory;
use crate::error::DataError;
use crate::pictures::pack::{self, PictureHeader};
use crate::registry;
use crate::shared::SharedImages;

/// What an import of pictures did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureReport {
    /// The packed file.
    pub pack: PathBuf,
    /// Header of the packed file.
    pub header: PictureHeader,
    /// True if the same content had been imported under this name before, so that nothing was written.
    pub already_present: bool,
    /// What was not read; nothing is known of it when the set was already present.
    pub left_out: LeftOut,
    /// Pictures that lie in two splits; nothing is known of them when the set was already present.
    pub shared: Vec<SharedImages>,
}

/// Imports pictures of any size from a folder or a `.tar`, `.tar.gz` or `.tar.xz` as the set `name`.
///
/// Label maps are grey, have three equal channels, or are PNGs with a palette: where any map of a set is in colour, the indices of palettes are
/// the values, as in Pascal VOC.
///
/// A folder `train`, `val` (or `validation`) or `test` anywhere above a file names its split; without one all pictures go into one
/// pool. Grey pictures among colour pictures become colour pictures with equal channels. The same content under the same name is recognised and not decoded again.
///
/// # Errors
/// As [`crate::import()`]; a picture without label map or the reverse, label maps of another size than their
/// picture, that are JPEGs, are not grey, or hold a value that is no class, or only the ignored one: always naming the file. Label maps of a
/// single value.
pub fn import_pictures(
    source: &Path,
    name: &str,
    layout: &PictureLayout,
    directory: &DataDirectory,
) -> Result<PictureReport, DataError> {
    registry::check_importable(name)?;
    let limits = EntryLimits::default();
    let path = directory.pictures(name);
    for other in [directory.pack(name), directory.shards(name)] {
        if other.exists() {
            return Err(taken(&other, source.display()));
        }
    }
    // How the files are read decides what comes of them.
    let source_hash = format!("{} {}", source::hash_source(source, &limits)?, layout.text());
    let source_hash = blake3::hash(source_hash.as_bytes()).to_hex().to_string();
    if path.exists() {
        let header = pack::read_header(&path)?;
        if header.source_hash != source_hash {
            return Err(taken(&path, source.display()));
        }
        let (left_out, shared) = (LeftOut::default(), Vec::new());
        return Ok(PictureReport { pack: path, header, already_present: true, left_out, shared });
    }
    let mut collector = Collector::new(source, layout)?;
    source::walk(source, &limits, &mut |entry| collector.add(entry))?;
    let (set, left_out) = collector.finish()?;
    let header = pack::write(&path, &set, &source_hash)?;
    let shared = set.shared_between_splits();
    Ok(PictureReport { pack: path, header, already_present: false, left_out, shared })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_shape::ImageShape;
    use crate::import::labels::parse_labels;
    use crate::import::layout::SplitName;
    use crate::picture::Picture;
    use crate::pictures::IGNORED;

    fn grey(height: usize, width: usize, value: u8) -> Picture {
        Picture::new(ImageShape { height, width, channels: 1 }, vec![value; height * width])
    }

    fn colour(height: usize, width: usize) -> Picture {
        Picture::new(ImageShape { height, width, channels: 3 }, vec![9; 3 * height * width])
    }

    /// A folder with these files, and the data directory beside it.
    fn folder(files: &[(&str, Picture)]) -> (tempfile::TempDir, PathBuf, DataDirectory) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let source = folder.path().join("source");
        for (path, picture) in files {
            let path = source.join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, picture.png().expect("a PNG")).expect("a file");
        }
        let directory = DataDirectory::new(folder.path().join("data"));
        (folder, source, directory)
    }

    const PHOTOGRAPHS: PictureLayout =
        PictureLayout { select: None, background: None, kind: PictureKind::Photographs };

    fn segmentation(labels: &str) -> PictureLayout {
        let labels = if labels.is_empty() { Vec::new() } else { parse_labels(labels).expect("labels") };
        PictureLayout {
            select: None,
            background: None,
            kind: PictureKind::Segmentation { labels, ignore: None },
        }
    }

    #[test]
    fn photographs_of_different_sizes_come_back_by_name_and_a_second_import_writes_nothing() {
        let files =
            [("all/b.png", colour(3, 5)), ("all/a.png", colour(4, 2)), ("all/test/c.png", colour(1, 1))];
        let (_folder, source, directory) = folder(&files);
        let report = import_pictures(&source, "photos", &PHOTOGRAPHS, &directory).expect("photographs");
        assert_eq!(report.header.count(SplitName::Train), 2);
        let read = registry::read_pictures("photos", &directory, &Default::default()).expect("a pack");
        let names: Vec<&str> = read.train.iter().map(|example| example.name.as_str()).collect();
        assert_eq!((names, read.test.len()), (vec!["a", "b"], 1));
        assert_eq!(read.train[1].picture, colour(3, 5));
        let again = import_pictures(&source, "photos", &PHOTOGRAPHS, &directory).expect("the same");
        assert!(again.already_present);
        let other = PictureLayout { select: Some("*a.png".into()), ..PHOTOGRAPHS };
        let error = import_pictures(&source, "photos", &other, &directory).expect_err("the name is taken");
        assert!(error.to_string().contains("another import under this name"), "{error}");
    }

    #[test]
    fn a_pattern_selects_the_files_of_one_scale() {
        let files = [
            ("Set5/x2/img_001_SRF_2_HR.png", colour(4, 4)),
            ("Set5/x2/img_001_SRF_2_LR.png", colour(2, 2)),
            ("Set5/x3/img_001_SRF_3_HR.png", colour(3, 3)),
        ];
        let (_folder, source, directory) = folder(&files);
        let layout = PictureLayout { select: Some("*x2/*_HR.png".into()), ..PHOTOGRAPHS };
        let report = import_pictures(&source, "set5_x2", &layout, &directory).expect("one file");
        assert_eq!((report.header.pictures.len(), report.left_out.files), (1, 2));
        assert_eq!(report.left_out.image_count(), 0, "what a pattern excludes is not missed");
        assert_eq!(report.header.pictures[0].height, 4);
    }

    #[test]
    fn label_values_become_class_numbers_in_the_order_given() {
        let map = Picture::new(ImageShape { height: 2, width: 2, channels: 1 }, vec![255, 255, 255, 7]);
        let files = [("x/image/1.png", grey(2, 2, 7)), ("x/label/1.png", map)];
        for (labels, numbers, names) in [
            ("", [1, 1, 1, 0], vec!["value_7", "value_255"]),
            ("cell=255,membrane=7", [0, 0, 0, 1], vec!["cell", "membrane"]),
        ] {
            let (_folder, source, directory) = folder(&files);
            import_pictures(&source, "cells", &segmentation(labels), &directory).expect("a pair");
            let read = registry::read_pictures("cells", &directory, &Default::default()).expect("a pack");
            assert_eq!(read.classes, names);
            assert_eq!(**read.train[0].mask.as_ref().expect("a label map"), numbers);
        }
    }

    #[test]
    fn whatever_does_not_fit_together_is_refused_by_the_name_of_the_file() {
        let message = |files: &[(&str, Picture)], layout: &PictureLayout| {
            let (_folder, source, directory) = folder(files);
            import_pictures(&source, "set", layout, &directory).expect_err("refused").to_string()
        };
        let pair = |map: Picture| [("image/1.png", grey(2, 3, 0)), ("label/1.png", map)];
        let sizes = message(&pair(grey(3, 2, 0)), &segmentation("0,255"));
        assert!(sizes.contains("label/1.png: expected 3×2") && sizes.contains("found 2×3"), "{sizes}");
        let value = message(&pair(grey(2, 3, 9)), &segmentation("0,255"));
        assert!(value.contains("label/1.png") && value.contains("9 at row 0, column 0"), "{value}");
        let coloured = Picture::new(ImageShape { height: 2, width: 3, channels: 3 }, (0..18).collect());
        let kind = message(&pair(coloured), &segmentation(""));
        assert!(kind.contains("label/1.png: expected a grey label map"), "{kind}");
        let alone = message(&[("image/1.png", grey(2, 3, 0))], &segmentation("0,255"));
        assert!(alone.contains("image/1.png: expected a label map \"1\""), "{alone}");
        let orphan = message(
            &[("image/1.png", grey(1, 1, 0)), ("label/1.png", grey(1, 1, 0)), ("label/2.png", grey(1, 1, 0))],
            &segmentation("0,255"),
        );
        assert!(orphan.contains("label/2.png: expected a picture \"2\""), "{orphan}");
        let nothing = message(&[("x/1.png", grey(1, 1, 0))], &segmentation(""));
        assert!(nothing.contains("no picture among 1 files"), "{nothing}");
    }

    #[test]
    fn grey_pictures_among_colour_ones_get_equal_channels() {
        let (_folder, source, directory) = folder(&[("a.png", colour(2, 2)), ("b.png", grey(1, 2, 7))]);
        import_pictures(&source, "photos", &PHOTOGRAPHS, &directory).expect("photographs");
        let read = registry::read_pictures("photos", &directory, &Default::default()).expect("a pack");
        assert_eq!((read.channels, read.train[1].picture.pixels()), (3, [7; 6].as_slice()));
    }

    #[test]
    fn names_that_repeat_in_different_folders_are_told_apart_by_these() {
        let files = [("b/1.png", colour(2, 2)), ("a/1.png", colour(3, 2)), ("a/2.png", colour(1, 1))];
        let (_first, source, directory) = folder(&files);
        import_pictures(&source, "photos", &PHOTOGRAPHS, &directory).expect("photographs");
        let read = registry::read_pictures("photos", &directory, &Default::default()).expect("a pack");
        let names: Vec<&str> = read.train.iter().map(|example| example.name.as_str()).collect();
        assert_eq!(names, ["a_1", "b_1", "2"]);

        let map = |value| {
            let shape = ImageShape { height: 1, width: 2, channels: 1 };
            Picture::new(shape, vec![0, value])
        };
        let files = [
            ("x/train/image/1.png", grey(1, 2, 7)),
            ("x/train/label/1.png", map(0)),
            ("y/train/image/1.png", grey(1, 2, 8)),
            ("y/train/label/1_mask.png", map(9)),
            ("image/3.png", grey(1, 2, 9)),
            ("z/label/3.png", map(9)),
        ];
        let (_second, source, directory) = folder(&files);
        import_pictures(&source, "cells", &segmentation(""), &directory).expect("three pairs");
        let read = registry::read_pictures("cells", &directory, &Default::default()).expect("a pack");
        let pairs: Vec<(&str, u8)> = read
            .train
            .iter()
            .map(|example| (example.name.as_str(), example.mask.as_ref().expect("a map")[1]))
            .collect();
        assert_eq!(pairs, [("x_1", 0), ("y_1", 1), ("3", 1)]);
        // Two label maps for one picture are one too many.
        let files = [("image/1.png", grey(1, 2, 9)), ("a/label/1.png", map(0)), ("b/label/1.png", map(9))];
        let (_third, source, directory) = folder(&files);
        let error = import_pictures(&source, "cells", &segmentation(""), &directory).expect_err("two maps");
        assert!(error.to_string().contains("b/label/1.png: expected one file of this name"), "{error}");
    }

    #[test]
    fn masks_are_paired_by_suffix_and_may_have_equal_channels() {
        let map = |values: [u8; 2]| {
            let pixels = values.into_iter().flat_map(|value| [value; 3]).collect();
            Picture::new(ImageShape { height: 1, width: 2, channels: 3 }, pixels)
        };
        let files = [
            ("images/a.png", grey(1, 2, 7)),
            ("masks/a_mask.png", map([0, 255])),
            ("images/b_mask.png", grey(1, 2, 8)),
            ("masks/b_mask.png", map([255, 0])),
        ];
        let (_folder, source, directory) = folder(&files);
        import_pictures(&source, "masked", &segmentation(""), &directory).expect("two pairs");
        let read = registry::read_pictures("masked", &directory, &Default::default()).expect("a pack");
        let masks: Vec<&[u8]> =
            read.train.iter().map(|example| example.mask.as_ref().expect("a map").as_slice()).collect();
        assert_eq!(masks, [[0, 1], [1, 0]]);
    }

    #[test]
    fn ignored_values_are_no_class_and_a_set_without_them_is_as_before() {
        let map = Picture::new(ImageShape { height: 2, width: 2, channels: 1 }, vec![0, 255, 3, 255]);
        let files = [("image/1.png", grey(2, 2, 7)), ("label/1.png", map)];
        let (_folder, source, directory) = folder(&files);
        let ignoring = |labels: &str, ignore| {
            let mut layout = segmentation(labels);
            layout.kind = match layout.kind {
                PictureKind::Segmentation { labels, .. } => PictureKind::Segmentation { labels, ignore },
                PictureKind::Photographs => PictureKind::Photographs,
            };
            layout
        };
        let import = |name: &str, labels: &str, ignore| {
            import_pictures(&source, name, &ignoring(labels, ignore), &directory)
        };
        for (name, labels) in [("found", ""), ("named", "value_0=0,value_3=3")] {
            import(name, labels, Some(255)).expect("two classes");
            let read = registry::read_pictures(name, &directory, &Default::default()).expect("a pack");
            assert_eq!(read.classes, ["value_0", "value_3"]);
            assert_eq!(**read.train[0].mask.as_ref().expect("a map"), [0, IGNORED, 1, IGNORED]);
        }
        let error = import("both", "a=0,b=3,c=255", Some(255)).expect_err("a class").to_string();
        assert!(error.contains("ignore = 255") && error.contains("the class c"), "{error}");
        let error = import("one", "", Some(3)).and_then(|_| import("one", "", None)).expect_err("taken");
        assert!(error.to_string().contains("another import under this name"), "{error}");
        // Sets that were imported before are recognised by these words.
        let text = |layout: &PictureLayout| layout.text();
        assert_eq!(
            text(&ignoring("0,255", None)),
            "PictureLayout { select: None, kind: Segmentation { labels: [(\"value_0\", 0), (\"value_255\", 255)] } }"
        );
        assert_eq!(text(&PHOTOGRAPHS), "PictureLayout { select: None, kind: Photographs }");
    }

    #[test]
    fn label_maps_of_one_value_and_lossy_ones_are_refused() {
        let (_folder, source, directory) =
            folder(&[("image/1.png", grey(2, 2, 7)), ("label/1.png", grey(2, 2, 0))]);
        let error = import_pictures(&source, "cells", &segmentation(""), &directory).expect_err("one class");
        assert!(error.to_string().contains("found 0 alone; add pictures"), "{error}");
        // The classes are named, and this picture shows one of them.
        import_pictures(&source, "named", &segmentation("0,255"), &directory).expect("two classes");
        let map = source.join("label/1.png");
        let lossy = image::GrayImage::new(2, 2);
        lossy.save_with_format(&map, image::ImageFormat::Jpeg).expect("a JPEG under a PNG's name");
        for labels in ["", "0,255"] {
            let error =
                import_pictures(&source, "lossy", &segmentation(labels), &directory).expect_err("a JPEG");
            assert!(error.to_string().contains("label/1.png: expected a label map as PNG"), "{error}");
        }
    }

    #[test]
    fn pictures_in_two_splits_and_pictures_left_out_are_told() {
        let files = [
            ("train/image/1.png", grey(2, 2, 7)),
            ("train/label/1.png", grey(2, 2, 0)),
            ("test/image/2.png", grey(2, 2, 7)),
            ("test/label/2.png", grey(2, 2, 255)),
            ("test/images_raw/3.png", grey(2, 2, 9)),
        ];
        let (_folder, source, directory) = folder(&files);
        let report = import_pictures(&source, "cells", &segmentation(""), &directory).expect("two pairs");
        assert_eq!(report.shared.len(), 1);
        assert_eq!((report.shared[0].count, report.shared[0].labelled_otherwise), (1, 1));
        assert_eq!(report.shared[0].first, ["2", "1"]);
        assert_eq!(report.left_out.images.get("test/images_raw"), Some(&1));
    }
}
