//! Import of photographs, and of pictures with label maps, from a folder or an archive into one packed file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use glob::Pattern;

use super::background::Background;
use super::entry::{Entry, EntryLimits};
use super::labels::{check_class_count, check_lossless, class_numbers, found_labels};
use super::layout::{SplitName, is_image_name, is_system_folder};
use super::left_out::LeftOut;
use super::{select, source, taken};
use crate::directory::DataDirectory;
use crate::error::DataError;
use crate::picture::Picture;
use crate::pictures::pack::{self, PictureHeader};
use crate::pictures::{PictureExample, PictureSource};
use crate::registry;
use crate::shared::SharedImages;

/// How the files of a source are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureLayout {
    /// Only files whose path matches this pattern are read (`*`, `?`, `[…]`; `*` also matches `/`), e.g. `*/x2/*_HR.png`.
    pub select: Option<String>,
    /// What lies behind transparent pixels; without it they are refused.
    pub background: Option<Background>,
    /// What the pictures come with.
    pub kind: PictureKind,
}

impl PictureLayout {
    /// The layout in words that enter the hash of a source. What is not given is absent, so that sets imported before are recognised.
    fn text(&self) -> String {
        let PictureLayout { select, background, kind } = self;
        let background = background.map_or(String::new(), |background| format!(" over {background:?}"));
        format!("PictureLayout {{ select: {select:?}, kind: {kind:?} }}{background}")
    }
}

/// What pictures come with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PictureKind {
    /// Nothing.
    Photographs,
    /// A label map each: `image/N.png` and `label/N.png` (or `images`, `labels`, `masks`), paired by `N`.
    Segmentation {
        /// Name and grey value of each class; if empty, the values found are the classes, in rising order.
        labels: Vec<(String, u8)>,
    },
}

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
/// A folder `train`, `val` (or `validation`) or `test` anywhere above a file names its split; without one all pictures go into one
/// pool. Grey pictures among colour pictures become colour pictures with equal channels. The same content under the same name is recognised and not decoded again.
///
/// # Errors
/// As [`crate::import()`]; a picture without label map or the reverse, label maps of another size than their
/// picture, that are JPEGs, are not grey, or hold a value that is no class: always naming the file. Label maps of a single value.
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
    let left_out = std::mem::take(&mut collector.left_out);
    let set = collector.finish(left_out.files)?;
    let header = pack::write(&path, &set, &source_hash)?;
    let shared = set.shared_between_splits();
    Ok(PictureReport { pack: path, header, already_present: false, left_out, shared })
}

/// Which of a pair a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    Picture,
    LabelMap,
}

/// Where a file belongs: its split and the path that both files of a pair share.
type Key = (SplitName, String);

/// Decoded files by their place.
struct Collector<'a> {
    source: &'a Path,
    kind: &'a PictureKind,
    select: Option<Pattern>,
    background: Option<Background>,
    pictures: BTreeMap<Key, (String, Picture)>,
    label_maps: BTreeMap<Key, (String, Picture)>,
    left_out: LeftOut,
}

impl<'a> Collector<'a> {
    fn new(source: &'a Path, layout: &'a PictureLayout) -> Result<Collector<'a>, DataError> {
        Ok(Collector {
            source,
            kind: &layout.kind,
            select: layout.select.as_deref().map(select::pattern).transpose()?,
            background: layout.background,
            pictures: BTreeMap::new(),
            label_maps: BTreeMap::new(),
            left_out: LeftOut::default(),
        })
    }

    fn file(&self, path: &str) -> String {
        format!("{}!{path}", self.source.display())
    }

    fn add(&mut self, entry: Entry) -> Result<(), DataError> {
        if self.select.as_ref().is_some_and(|pattern| !pattern.matches(&entry.path)) {
            self.left_out.add_unwanted(entry.path);
            return Ok(());
        }
        let Some((key, role)) = place(&entry.path, self.kind) else {
            self.left_out.add(entry.path);
            return Ok(());
        };
        let file = self.file(&entry.path);
        if role == Role::LabelMap {
            check_lossless(&file, &entry.bytes)?;
        }
        let background = if role == Role::Picture { self.background } else { None };
        let mut picture = Picture::decode_over(&file, &entry.bytes, background)?;
        if role == Role::LabelMap {
            picture = picture.grey_if_equal();
        }
        let place = match role {
            Role::Picture => &mut self.pictures,
            Role::LabelMap => &mut self.label_maps,
        };
        if let Some((other, _)) = place.insert(key, (file.clone(), picture)) {
            let found = format!("{other} in the same place");
            let fix = "rename one of them, or choose among them with --select";
            return Err(DataError::bad_file(file, "one file of this name in a split", found, fix));
        }
        Ok(())
    }

    /// Gives label maps `N_mask` the name of their picture `N`, where no picture has theirs.
    fn pair_masks(&mut self) {
        let maps = std::mem::take(&mut self.label_maps);
        for ((split, name), map) in maps {
            let plain = name.strip_suffix("_mask").map(|plain| (split, plain.to_string()));
            let pair = plain
                .filter(|plain| self.pictures.contains_key(plain) && !self.label_maps.contains_key(plain));
            let key = (split, name);
            let key = if self.pictures.contains_key(&key) { key } else { pair.unwrap_or(key) };
            self.label_maps.insert(key, map);
        }
    }

    /// Makes grey pictures colour pictures with equal channels, where any picture is in colour; returns the number of channels.
    fn unite_channels(&mut self) -> usize {
        let channels = self.pictures.values().map(|(_, picture)| picture.shape().channels).max().unwrap_or(1);
        for (_, picture) in
            self.pictures.values_mut().filter(|(_, picture)| picture.shape().channels < channels)
        {
            *picture = picture.in_colour();
        }
        channels
    }

    fn finish(mut self, left_out: usize) -> Result<PictureSource, DataError> {
        self.pair_masks();
        let channels = self.unite_channels();
        if self.pictures.is_empty() {
            let found = format!("no picture among {left_out} files");
            let expected = match self.kind {
                PictureKind::Photographs => "JPEG or PNG files",
                PictureKind::Segmentation { .. } => "files image/N.png and label/N.png",
            };
            let fix = "see `allconv data import --help`";
            return Err(DataError::bad_file(self.source.display(), expected, found, fix));
        }
        let labels = match self.kind {
            PictureKind::Photographs => Vec::new(),
            PictureKind::Segmentation { labels } if labels.is_empty() => {
                found_labels(self.label_maps.values())?
            }
            PictureKind::Segmentation { labels } => labels.clone(),
        };
        let mut source = PictureSource {
            channels,
            classes: labels.iter().map(|(name, _)| name.clone()).collect(),
            train: Vec::new(),
            validation: Vec::new(),
            test: Vec::new(),
        };
        if let Some((key, (file, _))) =
            self.label_maps.iter().find(|(key, _)| !self.pictures.contains_key(key))
        {
            let expected = format!("a picture \"{}\" beside this label map", key.1);
            return Err(DataError::bad_file(file, expected, "none", "add the picture or remove this file"));
        }
        for (key, (file, picture)) in &self.pictures {
            let mask = match self.label_maps.get(key) {
                None if labels.is_empty() => None,
                None => {
                    let expected = format!("a label map \"{}\" beside this picture", key.1);
                    return Err(DataError::bad_file(
                        file,
                        expected,
                        "none",
                        "add the label map or remove this file",
                    ));
                }
                Some((map_file, map)) => {
                    Some(Arc::new(class_numbers(map_file, map, picture.shape(), &labels)?))
                }
            };
            let example = PictureExample { name: key.1.clone(), picture: picture.clone(), mask };
            match key.0 {
                SplitName::Train => source.train.push(example),
                SplitName::Validation => source.validation.push(example),
                SplitName::Test => source.test.push(example),
            }
        }
        if self.kind != &PictureKind::Photographs {
            check_class_count(&self.source.display().to_string(), &labels)?;
        }
        Ok(source)
    }
}

/// Where a path belongs, or `None` if it holds no picture.
fn place(path: &str, kind: &PictureKind) -> Option<(Key, Role)> {
    let components: Vec<&str> = path.split('/').collect();
    let (file, folders) = components.split_last()?;
    if !is_image_name(file) || folders.iter().any(|folder| is_system_folder(folder)) {
        return None;
    }
    let stem = file.rsplit_once('.').map_or(*file, |(stem, _)| stem);
    let split = folders.iter().find_map(|folder| SplitName::of_folder(folder)).unwrap_or(SplitName::Train);
    match kind {
        PictureKind::Photographs => Some(((split, stem.to_string()), Role::Picture)),
        PictureKind::Segmentation { .. } => {
            let role = match *folders.last()? {
                "image" | "images" => Role::Picture,
                "label" | "labels" | "mask" | "masks" => Role::LabelMap,
                _ => return None,
            };
            Some(((split, stem.to_string()), role))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_shape::ImageShape;
    use crate::import::labels::parse_labels;

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
        PictureLayout { select: None, background: None, kind: PictureKind::Segmentation { labels } }
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
