//! The pictures and label maps of a source: where each belongs, its pixels, and which of them are pairs.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use glob::Pattern;

use super::background::Background;
use super::entry::Entry;
use super::labels::{check_class_count, check_ignored, check_lossless, class_numbers, found_labels};
use super::layout::{SplitName, is_image_name, is_system_folder};
use super::left_out::LeftOut;
use super::picture_layout::{PictureKind, PictureLayout};
use super::{decode, select};
use crate::error::DataError;
use crate::picture::Picture;
use crate::pictures::{PictureExample, PictureSource};

/// Which of a pair a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    Picture,
    LabelMap,
}

/// Where a file belongs: its split, its name without ending, and the folders around it but for that which says what it is. Both files of a pair
/// usually share it.
type Key = (SplitName, String, String);

/// A decoded label map.
struct LabelMap {
    file: String,
    /// Its grey values, or its colours.
    values: Picture,
    /// The indices of its palette, if it has one.
    indices: Option<Picture>,
}

/// Decoded files by their place.
pub(super) struct Collector<'a> {
    source: &'a Path,
    kind: &'a PictureKind,
    select: Option<Pattern>,
    background: Option<Background>,
    pictures: BTreeMap<Key, (String, Picture)>,
    label_maps: BTreeMap<Key, LabelMap>,
    left_out: LeftOut,
}

impl<'a> Collector<'a> {
    pub(super) fn new(source: &'a Path, layout: &'a PictureLayout) -> Result<Collector<'a>, DataError> {
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

    /// Decodes a file that belongs to the set.
    ///
    /// # Errors
    /// A file that cannot be decoded, a label map as JPEG, a second file in the same place.
    pub(super) fn add(&mut self, entry: Entry) -> Result<(), DataError> {
        if self.select.as_ref().is_some_and(|pattern| !pattern.matches(&entry.path)) {
            self.left_out.add_unwanted(entry.path);
            return Ok(());
        }
        let Some((key, role)) = place(&entry.path, self.kind) else {
            self.left_out.add(entry.path);
            return Ok(());
        };
        let file = self.file(&entry.path);
        let other = match role {
            Role::Picture => {
                let picture = Picture::decode_over(&file, &entry.bytes, self.background)?;
                self.pictures.insert(key, (file.clone(), picture)).map(|(file, _)| file)
            }
            Role::LabelMap => {
                let map = label_map(file.clone(), &entry.bytes)?;
                self.label_maps.insert(key, map).map(|map| map.file)
            }
        };
        other.map_or(Ok(()), |other| Err(twice(file, &other)))
    }

    /// Gives each label map the place of its picture: the same, or that without `_mask`, or where these names stand once in the split.
    fn pair_label_maps(&mut self) -> Result<(), DataError> {
        for (key, map) in std::mem::take(&mut self.label_maps) {
            let (split, name, folders) = &key;
            let names = [Some(name.as_str()), name.strip_suffix("_mask")];
            let here = |name: &str| {
                let key = (*split, name.to_string(), folders.clone());
                self.pictures.contains_key(&key).then_some(key)
            };
            let paired = names.iter().flatten().find_map(|name| here(name));
            let elsewhere = || names.iter().flatten().find_map(|name| self.only_picture(*split, name));
            let paired = paired.or_else(elsewhere).unwrap_or_else(|| key.clone());
            let file = map.file.clone();
            if let Some(other) = self.label_maps.insert(paired, map) {
                return Err(twice(file, &other.file));
            }
        }
        Ok(())
    }

    /// The place of the only picture of this name in a split.
    fn only_picture(&self, split: SplitName, name: &str) -> Option<Key> {
        let start = (split, name.to_string(), String::new());
        let mut found = self
            .pictures
            .range(start..)
            .map(|(key, _)| key)
            .take_while(|key| key.0 == split && key.1 == name);
        let first = found.next().cloned();
        first.filter(|_| found.next().is_none())
    }

    /// What a picture is called: its file's name, with its folders where several in the split have that name.
    fn name(&self, key: &Key) -> String {
        let (split, name, folders) = key;
        if folders.is_empty() || self.only_picture(*split, name).is_some() {
            return name.clone();
        }
        let folders = folders.split('/').filter(|folder| SplitName::of_folder(folder).is_none());
        folders.chain([name.as_str()]).collect::<Vec<_>>().join("_")
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

    /// Reads palettes by their indices, where any label map is in colour, as in Pascal VOC.
    fn unite_label_maps(&mut self) {
        if self.label_maps.values().any(|map| map.values.shape().channels > 1) {
            for map in self.label_maps.values_mut() {
                map.values = map.indices.take().unwrap_or_else(|| map.values.clone());
            }
        }
    }

    /// The classes of the label maps with their values.
    fn labels(&self, ignore: Option<u8>) -> Result<Vec<(String, u8)>, DataError> {
        let PictureKind::Segmentation { labels, .. } = self.kind else { return Ok(Vec::new()) };
        check_ignored(labels, ignore)?;
        let maps = self.label_maps.values().map(|map| (map.file.as_str(), &map.values));
        if labels.is_empty() { found_labels(maps, ignore) } else { Ok(labels.clone()) }
    }

    /// The error for a source without any picture.
    fn nothing(&self) -> DataError {
        let unread = self.left_out.unread_text();
        let unread = if unread.is_empty() { unread } else { format!(" ({unread}, which are not read)") };
        let found = format!("no picture among {} files{unread}", self.left_out.files);
        let expected = match self.kind {
            PictureKind::Photographs => "JPEG or PNG files",
            PictureKind::Segmentation { .. } => "files image/N.png and label/N.png",
        };
        let fix = "see `allconv data import --help`";
        DataError::bad_file(self.source.display(), expected, found, fix)
    }

    /// The set, and what is not part of it.
    ///
    /// # Errors
    /// A picture without label map or the reverse, label maps that do not fit their pictures or the classes, no picture at all.
    pub(super) fn finish(mut self) -> Result<(PictureSource, LeftOut), DataError> {
        self.pair_label_maps()?;
        self.unite_label_maps();
        let channels = self.unite_channels();
        if self.pictures.is_empty() {
            return Err(self.nothing());
        }
        self.left_out.check_formats(self.source.display(), self.pictures.len())?;
        let ignore = match self.kind {
            PictureKind::Photographs => None,
            PictureKind::Segmentation { ignore, .. } => *ignore,
        };
        let labels = self.labels(ignore)?;
        let mut source = PictureSource {
            channels,
            classes: labels.iter().map(|(name, _)| name.clone()).collect(),
            train: Vec::new(),
            validation: Vec::new(),
            test: Vec::new(),
        };
        if let Some((key, map)) = self.label_maps.iter().find(|(key, _)| !self.pictures.contains_key(key)) {
            let expected = format!("a picture \"{}\" beside this label map", key.1);
            let fix = "add the picture or remove this file";
            return Err(DataError::bad_file(&map.file, expected, "none", fix));
        }
        let mut names = BTreeMap::new();
        for (key, (file, picture)) in &self.pictures {
            let name = self.name(key);
            if let Some(other) = names.insert((key.0, name.clone()), file) {
                return Err(twice(file.clone(), other));
            }
            let mask = match self.label_maps.get(key) {
                None if self.kind == &PictureKind::Photographs => None,
                None => {
                    let expected = format!("a label map \"{}\" beside this picture", key.1);
                    let fix = "add the label map or remove this file";
                    return Err(DataError::bad_file(file, expected, "none", fix));
                }
                Some(map) => {
                    let numbers = class_numbers((&map.file, &map.values), picture.shape(), &labels, ignore)?;
                    Some(Arc::new(numbers))
                }
            };
            let example = PictureExample { name, picture: picture.clone(), mask };
            match key.0 {
                SplitName::Train => source.train.push(example),
                SplitName::Validation => source.validation.push(example),
                SplitName::Test => source.test.push(example),
            }
        }
        if self.kind != &PictureKind::Photographs {
            check_class_count(&self.source.display().to_string(), &labels)?;
        }
        Ok((source, self.left_out))
    }
}

/// The error for two files that would have one name.
fn twice(file: String, other: &str) -> DataError {
    let found = format!("{other} in the same place");
    let fix = "rename one of them, or choose among them with --select";
    DataError::bad_file(file, "one file of this name in a split", found, fix)
}

/// Decodes a label map.
fn label_map(file: String, bytes: &[u8]) -> Result<LabelMap, DataError> {
    check_lossless(&file, bytes)?;
    let refused = |found| decode::refused(&file, found);
    // What transparent entries of a palette look like does not matter where the indices are the values.
    let indices = decode::decode_indices(bytes).map_err(refused)?;
    let values = match (Picture::decode(&file, bytes), &indices) {
        (Err(_), Some(image)) => Picture::new(image.shape, image.pixels.clone()),
        (decoded, _) => decoded?.grey_if_equal(),
    };
    let indices = indices.map(|image| Picture::new(image.shape, image.pixels));
    Ok(LabelMap { file, values, indices })
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
        PictureKind::Photographs => Some(((split, stem.to_string(), folders.join("/")), Role::Picture)),
        PictureKind::Segmentation { .. } => {
            let (role, around) = folders.split_last()?;
            let role = match *role {
                "image" | "images" => Role::Picture,
                "label" | "labels" | "mask" | "masks" => Role::LabelMap,
                _ => return None,
            };
            Some(((split, stem.to_string(), around.join("/")), role))
        }
    }
}
