//! Import of image folders: `SPLIT/CLASS/*` from a directory or a tar archive into one packed file.

pub mod archive;
pub mod decode;
pub mod entry;
pub mod folder;
mod jpeg;
pub mod labels;
pub mod layout;
pub mod left_out;
mod orientation;
pub mod pictures;
mod png;

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::augment::ImageShape;
use crate::dataset::{Source, Split, pack};
use crate::directory::DataDirectory;
use crate::error::DataError;
use crate::registry;
use crate::shared::SharedImages;
use entry::{Entry, EntryLimits};
use labels::FEWEST_CLASSES;
use layout::{Layout, Place, SplitName};
use left_out::LeftOut;

/// What an import did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportReport {
    /// The dataset's new name.
    pub name: String,
    /// The packed file.
    pub pack: PathBuf,
    /// Header of the packed file: classes, shape, number of images, hashes.
    pub header: pack::PackHeader,
    /// True if the same content had been imported under this name before, so that nothing was written.
    pub already_present: bool,
    /// Files that are no images of a split (read-me files, hidden files, folders beside the splits); nothing is known of them when the set
    /// was already present.
    pub left_out: LeftOut,
    /// Images that lie in two splits; nothing is known of them when the set was already present.
    pub shared: Vec<SharedImages>,
}

/// How many ignored files a report names.
pub const IGNORED_NAMED: usize = 16;

/// Files decoded together; a bound on memory, without influence on the result.
const CHUNK: usize = 1024;

/// Most bytes of decoded pixels one import may hold, 16 GiB.
const PIXEL_LIMIT: u64 = 16 << 30;

/// Imports a folder or a `.tar`, `.tar.gz` or `.tar.xz` (told apart by content) as the dataset `name`.
///
/// The source holds `SPLIT/CLASS/FILE`, with at most one folder around it; splits are `train`, `test` and, if
/// present, `val` or `validation`. JPEG and PNG files are recognised by their content. Images of 8 bits, grey or
/// colour, become RGB; all must have the same size. Classes are numbered in the order of their names, samples in the
/// order of their paths. Nothing is unpacked to disk: the decoded pixels are written to one file in `directory`,
/// atomically. The same content under the same name is recognised and not decoded again.
///
/// # Errors
/// An invalid or taken name; a link, device or path that leaves the root; a limit of [`EntryLimits`]; a file that is
/// no valid image; images of different sizes; fewer than two classes, an empty split, or no `train` or `test` split.
pub fn import(source: &Path, name: &str, directory: &DataDirectory) -> Result<ImportReport, DataError> {
    import_within(source, name, directory, &EntryLimits::default())
}

/// [`import`] with other limits.
pub fn import_within(
    source: &Path,
    name: &str,
    directory: &DataDirectory,
    limits: &EntryLimits,
) -> Result<ImportReport, DataError> {
    registry::check_importable(name)?;
    let path = directory.pack(name);
    if directory.pictures(name).exists() {
        return Err(DataError::bad_file(
            directory.pictures(name).display(),
            format!("to be free for {}", source.display()),
            "an import of pictures under this name",
            "choose another name, or delete this file first",
        ));
    }
    let source_hash = entry::hash_source(source, limits)?;
    let present = if path.exists() { Some(pack::read_header(&path)?) } else { None };
    if let Some(header) = present {
        if header.source_hash != source_hash {
            return Err(DataError::bad_file(
                path.display(),
                format!("to be free for {}", source.display()),
                "another import under this name",
                "choose another name, or delete this file first",
            ));
        }
        return Ok(ImportReport {
            name: name.to_string(),
            pack: path,
            header,
            already_present: true,
            left_out: LeftOut::default(),
            shared: Vec::new(),
        });
    }

    let mut collector = Collector::new(source);
    entry::walk(source, limits, &mut |entry| collector.add(entry))?;
    collector.decode_pending()?;
    let left_out = std::mem::take(&mut collector.left_out);
    let (packed, names) = collector.finish(left_out.files)?;
    let header = pack::write(&path, &packed, &source_hash)?;
    Ok(ImportReport {
        name: name.to_string(),
        pack: path,
        header,
        already_present: false,
        left_out,
        shared: packed.shared_between_splits(&|split, sample| names[split as usize][sample].clone()),
    })
}

/// One decoded image, still in the order of the source.
struct Decoded {
    split: SplitName,
    class: String,
    file: String,
    pixels: Vec<u8>,
}

/// Gathers the files of a source and decodes them chunk by chunk.
struct Collector<'a> {
    source: &'a Path,
    layout: Layout,
    pending: Vec<(Place, String, Vec<u8>)>,
    decoded: Vec<Decoded>,
    shape: Option<(ImageShape, String)>,
    left_out: LeftOut,
}

impl<'a> Collector<'a> {
    fn new(source: &'a Path) -> Collector<'a> {
        Collector {
            source,
            layout: Layout::default(),
            pending: Vec::with_capacity(CHUNK),
            decoded: Vec::new(),
            shape: None,
            left_out: LeftOut::default(),
        }
    }

    fn name_of(&self, path: &str) -> String {
        format!("{}!{path}", self.source.display())
    }

    fn add(&mut self, entry: Entry) -> Result<(), DataError> {
        let place = self.layout.place(&entry.path).map_err(|found| {
            DataError::bad_file(
                self.name_of(&entry.path),
                "files at SPLIT/CLASS/FILE with at most one folder around all of them",
                found,
                "give every split the same depth",
            )
        })?;
        match place {
            None => self.left_out.add(entry.path),
            Some(place) => {
                self.pending.push((place, entry.path, entry.bytes));
                if self.pending.len() == CHUNK {
                    self.decode_pending()?;
                }
            }
        }
        Ok(())
    }

    fn decode_pending(&mut self) -> Result<(), DataError> {
        let pending = std::mem::take(&mut self.pending);
        let images: Vec<_> = pending
            .into_par_iter()
            .map(|(place, path, bytes)| (place, path, decode::decode_rgb(&bytes)))
            .collect();
        for (place, path, image) in images {
            let image = image.map_err(|found| decode::refused(&self.name_of(&path), found))?;
            let (shape, first) = self.shape.get_or_insert_with(|| (image.shape, path.clone()));
            if image.shape != *shape {
                return Err(DataError::bad_file(
                    format!("{}!{path}", self.source.display()),
                    format!("{}×{} pixels (width × height) like {first}", shape.width, shape.height),
                    format!("{}×{}", image.shape.width, image.shape.height),
                    "resize all images to one size before importing",
                ));
            }
            let total = (self.decoded.len() as u64 + 1) * shape.len() as u64;
            if total > PIXEL_LIMIT {
                return Err(DataError::bad_file(
                    self.source.display(),
                    format!("at most {PIXEL_LIMIT} bytes of decoded pixels"),
                    "more",
                    "import fewer or smaller images",
                ));
            }
            self.decoded.push(Decoded {
                split: place.split,
                class: place.class,
                file: place.file,
                pixels: image.pixels,
            });
        }
        Ok(())
    }

    /// The set, and the names of its images by split.
    fn finish(mut self, left_out: usize) -> Result<(Source, [Vec<String>; 3]), DataError> {
        let source = self.source.display();
        let Some((shape, _)) = self.shape else {
            let expected = "images at SPLIT/CLASS/FILE (SPLIT is train, val or test)";
            let found = format!("no image among {left_out} files");
            return Err(DataError::bad_file(source, expected, found, "see `allconv data import --help`"));
        };
        self.decoded.sort_by(|a, b| (a.split, &a.class, &a.file).cmp(&(b.split, &b.class, &b.file)));
        let mut classes: Vec<String> = self
            .decoded
            .iter()
            .filter(|image| image.split == SplitName::Train)
            .map(|image| image.class.clone())
            .collect();
        classes.dedup();
        if classes.len() > usize::from(u16::MAX) {
            let expected = format!("at most {} classes", u16::MAX);
            return Err(DataError::bad_file(source, expected, classes.len(), "import fewer classes"));
        }
        let mut names = [Vec::new(), Vec::new(), Vec::new()];
        let mut splits =
            [SplitName::Train, SplitName::Validation, SplitName::Test].map(|_| (Vec::new(), Vec::new()));
        for image in &self.decoded {
            let Ok(label) = classes.binary_search(&image.class) else {
                return Err(DataError::bad_file(
                    format!("{source}!{}/{}", image.split.folder(), image.class),
                    "a class that the train split holds images of",
                    "images of a class without any there",
                    "add training images of it or remove the folder",
                ));
            };
            let (pixels, labels): &mut (Vec<u8>, Vec<u16>) = &mut splits[image.split as usize];
            pixels.extend_from_slice(&image.pixels);
            labels.push(label as u16);
            names[image.split as usize].push(format!(
                "{}/{}/{}",
                image.split.folder(),
                image.class,
                image.file
            ));
        }
        let [train, validation, test] = splits.map(|(pixels, labels)| Split::new(pixels, labels, shape));
        for (split, name) in [(&train, SplitName::Train), (&test, SplitName::Test)] {
            if split.is_empty() {
                return Err(DataError::bad_file(
                    format!("{source}!{}", name.folder()),
                    "at least one image",
                    "none",
                    "a dataset needs the splits train and test; rename a folder or add images",
                ));
            }
        }
        if classes.len() < FEWEST_CLASSES {
            return Err(DataError::bad_file(
                format!("{source}!train"),
                "a folder for each of at least two classes",
                format!("\"{}\" alone", classes.join(", ")),
                "add the images of another class: with one, whatever a network says is right",
            ));
        }
        let validation = (!validation.is_empty()).then_some(validation);
        Ok((Source { classes, shape, train, validation, test }, names))
    }
}
