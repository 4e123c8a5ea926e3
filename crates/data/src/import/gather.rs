//! The images of a source: where each belongs, whether it can be decoded, and its pixels as long as all have one size.

use std::collections::BTreeMap;

use glob::Pattern;
use rayon::prelude::*;

use super::decode::{self, Image};
use super::divide;
use super::entry::Entry;
use super::layout::{Layout, SplitName, is_image_name, is_system_folder};
use super::left_out::LeftOut;
use super::options::{ImportOptions, Storage};
use super::select;
use super::source::ImportSource;
use super::table::Table;
use crate::error::DataError;
use crate::image_shape::ImageShape;
use crate::shared::{SharedImages, of_files};

/// Files and bytes decoded together; bounds on memory, without influence on the result.
const CHUNK: usize = 1024;
const CHUNK_BYTES: usize = 32 << 20;

/// Most bytes of decoded pixels that are kept, 16 GiB; sets of more are kept encoded.
const PIXEL_LIMIT: u64 = 16 << 30;

/// One image of a source.
pub(super) struct Gathered {
    pub(super) split: SplitName,
    pub(super) class: String,
    /// Its file name, or the whole path where a table names the classes.
    pub(super) file: String,
    /// Rows and columns.
    pub(super) size: [u16; 2],
    /// BLAKE3 of the file.
    pub(super) content: [u8; 32],
    /// Its pixels; empty where images are kept encoded.
    pub(super) pixels: Vec<u8>,
}

impl Gathered {
    /// What images are sorted by: split, class, file.
    fn key(&self) -> (SplitName, &str, &str) {
        (self.split, &self.class, &self.file)
    }

    /// Its name in reports.
    pub(super) fn name(&self) -> String {
        match self.file.contains('/') {
            true => self.file.clone(),
            false => format!("{}/{}/{}", self.split.folder(), self.class, self.file),
        }
    }
}

/// All images of a source.
pub(super) struct Gathering {
    /// By their paths in the source.
    pub(super) images: BTreeMap<String, Gathered>,
    /// Rows and columns if all images have the same, and their pixels are kept.
    pub(super) size: Option<[usize; 2]>,
    pub(super) left_out: LeftOut,
    pub(super) tests_on_validation: bool,
}

impl Gathering {
    /// The images in the order of storage: by split, class and file.
    pub(super) fn sorted(&self) -> Vec<&Gathered> {
        let mut images: Vec<&Gathered> = self.images.values().collect();
        images.sort_by(|a, b| a.key().cmp(&b.key()));
        images
    }

    /// Files that lie in two splits.
    pub(super) fn shared(&self) -> Vec<SharedImages> {
        let file = |image: &&Gathered| (image.split, image.content, image.class.clone(), image.name());
        of_files(&self.sorted().iter().map(file).collect::<Vec<_>>())
    }
}

/// Gathers the files of a source and decodes them chunk by chunk.
pub(super) struct Gatherer<'a> {
    source: ImportSource<'a>,
    options: &'a ImportOptions,
    select: Option<Pattern>,
    table: Option<Table>,
    layout: Layout,
    pending: Vec<(String, Gathered, Vec<u8>)>,
    pending_bytes: usize,
    images: BTreeMap<String, Gathered>,
    shape: Option<ImageShape>,
    /// True if images are kept encoded: they differ in size, are many, or that is wanted.
    is_mixed: bool,
    left_out: LeftOut,
    /// Images at `CLASS/FILE`, where splits are looked for.
    undivided: usize,
}

impl<'a> Gatherer<'a> {
    pub(super) fn new(
        source: ImportSource<'a>,
        options: &'a ImportOptions,
    ) -> Result<Gatherer<'a>, DataError> {
        options.test_share.map_or(Ok(()), |share| share.check())?;
        let table = options.table.as_deref().map(Table::read).transpose()?;
        if let (Some(table), Some(path)) = (&table, &options.table) {
            let (has_splits, has_share) = (table.has_splits, options.test_share.is_some());
            let wrong = |found: &str, fix: &str| {
                let expected = "either a column split or --test-share";
                Err(DataError::bad_file(path.display(), expected, found, fix))
            };
            match (has_splits, has_share) {
                (true, true) => return wrong("both", "leave one of them out"),
                (false, false) => return wrong("neither", "add the column, or divide with --test-share 0.2"),
                _ => {}
            }
        }
        Ok(Gatherer {
            source,
            options,
            select: options.select.as_deref().map(select::pattern).transpose()?,
            table,
            layout: if options.test_share.is_some() { Layout::undivided() } else { Layout::default() },
            pending: Vec::new(),
            pending_bytes: 0,
            images: BTreeMap::new(),
            shape: None,
            is_mixed: options.storage == Storage::Encoded,
            left_out: LeftOut::default(),
            undivided: 0,
        })
    }

    fn name_of(&self, path: &str) -> String {
        format!("{}!{path}", self.source)
    }

    pub(super) fn add(&mut self, entry: Entry) -> Result<(), DataError> {
        if self.select.as_ref().is_some_and(|pattern| !pattern.matches(&entry.path)) {
            self.left_out.add_unwanted(entry.path);
            return Ok(());
        }
        let Some((split, class, file)) = self.place(&entry.path)? else {
            if self.table.is_some() {
                // The table says which files belong to the set.
                self.left_out.add_unwanted(entry.path);
                return Ok(());
            }
            if self.layout.would_fit_undivided(&entry.path) {
                self.undivided += 1;
            }
            self.left_out.add(entry.path);
            return Ok(());
        };
        let content = *blake3::hash(&entry.bytes).as_bytes();
        let image = Gathered { split, class, file, size: [0; 2], content, pixels: Vec::new() };
        self.pending_bytes += entry.bytes.len();
        self.pending.push((entry.path, image, entry.bytes));
        match self.pending.len() == CHUNK || self.pending_bytes >= CHUNK_BYTES {
            true => self.decode_pending(),
            false => Ok(()),
        }
    }

    /// Split, class and file name of a path, if it is that of an image which is wanted.
    fn place(&mut self, path: &str) -> Result<Option<(SplitName, String, String)>, DataError> {
        if let Some(table) = &mut self.table {
            let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
            let is_image = is_image_name(file) && !folder.split('/').any(is_system_folder);
            return Ok(if is_image { table.take(path) } else { None }
                .map(|(split, class)| (split, class, path.to_string())));
        }
        let place = self.layout.place(path).map_err(|found| {
            DataError::bad_file(
                self.name_of(path),
                "files at SPLIT/CLASS/FILE with at most one folder around all of them",
                found,
                "give every split the same depth",
            )
        })?;
        Ok(place.map(|place| (place.split, place.class, place.file)))
    }

    fn decode_pending(&mut self) -> Result<(), DataError> {
        let pending = std::mem::take(&mut self.pending);
        self.pending_bytes = 0;
        let background = self.options.background;
        // The first image says which size is kept; of others the pixels are dropped where they are decoded.
        if self.shape.is_none()
            && let Some((path, _, bytes)) = pending.first()
        {
            let first = decode::decode_rgb_over(bytes, background);
            self.shape = Some(first.map_err(|found| decode::refused(&self.name_of(path), found))?.shape);
        }
        let kept = self.shape.filter(|_| !self.is_mixed);
        let decode = |(path, place, bytes): (String, Gathered, Vec<u8>)| {
            let image =
                decode::decode_rgb_over(&bytes, background).map(|image| match kept == Some(image.shape) {
                    true => image,
                    false => Image { pixels: Vec::new(), ..image },
                });
            (path, place, image)
        };
        let decoded: Vec<_> = pending.into_par_iter().map(decode).collect();
        for (path, place, image) in decoded {
            let image = image.map_err(|found| decode::refused(&self.name_of(&path), found))?;
            self.is_mixed |= Some(image.shape) != self.shape;
            self.is_mixed |= (self.images.len() as u64 + 1) * image.shape.len() as u64 > PIXEL_LIMIT;
            let size = [image.shape.height, image.shape.width].map(|length| length as u16);
            let pixels = if self.is_mixed { Vec::new() } else { image.pixels };
            self.images.insert(path, Gathered { size, pixels, ..place });
        }
        if self.is_mixed {
            self.images.values_mut().for_each(|image| image.pixels = Vec::new());
        }
        Ok(())
    }

    /// The images, divided.
    pub(super) fn finish(mut self) -> Result<Gathering, DataError> {
        self.decode_pending()?;
        let source = self.source;
        if let (Some(table), Some(path)) = (&self.table, &self.options.table)
            && let Some((file, line)) = table.missing()
        {
            let found = format!("no image \"{file}\" in {source}");
            let fix = "correct the table or add the file; paths begin inside the source";
            return Err(DataError::bad_file(
                format!("{}, line {line}", path.display()),
                "a file of the source",
                found,
                fix,
            ));
        }
        if self.images.is_empty() {
            return Err(self.nothing());
        }
        self.left_out.check_folders(source, self.images.len())?;
        self.left_out.check_formats(source, self.images.len())?;
        let mut images = self.images;
        if let Some(share) = self.options.test_share {
            divide::divide(&source.to_string(), &mut images, share)?;
        }
        let holds = |split| images.values().any(|image| image.split == split);
        let tests_on_validation =
            !holds(SplitName::Test) && holds(SplitName::Validation) && holds(SplitName::Train);
        if tests_on_validation {
            let held_out = images.values_mut().filter(|image| image.split == SplitName::Validation);
            held_out.for_each(|image| image.split = SplitName::Test);
        }
        let size = self.shape.filter(|_| !self.is_mixed).map(|shape| [shape.height, shape.width]);
        Ok(Gathering { images, size, left_out: self.left_out, tests_on_validation })
    }

    /// The error for a source without any image that is wanted.
    fn nothing(&self) -> DataError {
        let source = self.source;
        if self.undivided > 0 {
            return DataError::bad_file(
                source,
                "images at SPLIT/CLASS/FILE (SPLIT is train, val or test)",
                format!("{} images at CLASS/FILE", self.undivided),
                "divide them with --test-share 0.2, or put the classes into folders train and test",
            );
        }
        let expected = match (&self.table, self.options.test_share) {
            (Some(_), _) => "the images that the table names",
            (None, Some(_)) => "images at CLASS/FILE",
            (None, None) => "images at SPLIT/CLASS/FILE (SPLIT is train, val or test)",
        };
        let mut found = format!("no image among {} files", self.left_out.files);
        let mut fix = "see `allconv data import --help`";
        if !self.left_out.unread.is_empty() {
            found += &format!(" ({}, which are not read)", self.left_out.unread_text());
            fix = "convert the images, e.g. to PNG";
        } else if self.left_out.examples.iter().any(|path| path.ends_with(".cls")) {
            fix = "a shard of WebDataset is imported with --layout shards";
        }
        DataError::bad_file(source, expected, found, fix)
    }
}
