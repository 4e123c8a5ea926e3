//! Storing gathered images: pixels in one packed file, or files as they came in shards.

use std::path::Path;

use super::decode;
use super::gather::{Gathered, Gathering};
use super::labels::FEWEST_CLASSES;
use super::layout::SplitName;
use super::options::ImportOptions;
use super::source::ImportSource;
use crate::dataset::pack::{self, PackHeader};
use crate::dataset::{Source, Split};
use crate::error::DataError;
use crate::image_shape::ImageShape;
use crate::picture::Picture;
use crate::shards::{NewSample, SetHeader, SetWriter};
use crate::shared::SharedImages;

/// What is stored, and how it was read.
pub(super) struct Storing<'a> {
    pub(super) source: ImportSource<'a>,
    pub(super) options: &'a ImportOptions,
    pub(super) source_hash: &'a str,
}

impl Storing<'_> {
    /// Writes decoded images of one size into a packed file.
    pub(super) fn pack(
        &mut self,
        path: &Path,
        gathering: &Gathering,
        [height, width]: [usize; 2],
    ) -> Result<(PackHeader, Vec<SharedImages>), DataError> {
        let images = gathering.sorted();
        let classes = self.classes(&images)?;
        let shape = ImageShape { height, width, channels: 3 };
        let mut splits =
            [SplitName::Train, SplitName::Validation, SplitName::Test].map(|_| (Vec::new(), Vec::new()));
        let mut names = [Vec::new(), Vec::new(), Vec::new()];
        for image in images {
            let (pixels, labels): &mut (Vec<u8>, Vec<u16>) = &mut splits[image.split as usize];
            pixels.extend_from_slice(&image.pixels);
            labels.push(self.label(&classes, image)?);
            names[image.split as usize].push(image.name());
        }
        let [train, validation, test] = splits.map(|(pixels, labels)| Split::new(pixels, labels, shape));
        let validation = (!validation.is_empty()).then_some(validation);
        let packed = Source { classes, shape, train, validation, test };
        let header = pack::write(path, &packed, self.source_hash)?;
        let shared = packed.shared_between_splits(&|split, sample| names[split as usize][sample].clone());
        Ok((header, shared))
    }

    /// Reads the source again and writes its images into shards.
    pub(super) fn shards(&mut self, path: &Path, gathering: &Gathering) -> Result<SetHeader, DataError> {
        let classes = self.classes(&gathering.sorted())?;
        let mut writer = SetWriter::new(path, 0)?;
        self.source.walk(&self.options.limits, &mut |entry| {
            let Some(image) = gathering.images.get(&entry.path) else { return Ok(()) };
            let file = format!("{}!{}", self.source, entry.path);
            if *blake3::hash(&entry.bytes).as_bytes() != image.content {
                let fix = "import it again when nobody writes to it";
                return Err(DataError::bad_file(file, "the image that was read before", "other bytes", fix));
            }
            let base = image.file.rsplit_once('/').map_or(image.file.as_str(), |(_, base)| base);
            writer.add(NewSample {
                split: image.split,
                label: self.label(&classes, image)?,
                key: format!("{}/{}", image.class, image.file),
                stem: base.rsplit_once('.').map_or(base, |(stem, _)| stem),
                bytes: &self.opaque(&file, entry.bytes)?,
                size: image.size,
            })
        })?;
        writer.finish(classes, self.source_hash)
    }

    /// The file as it came, or composited over the background where it has transparent pixels.
    fn opaque(&self, file: &str, bytes: Vec<u8>) -> Result<Vec<u8>, DataError> {
        if self.options.background.is_none() || decode::decode_rgb(&bytes).is_ok() {
            return Ok(bytes);
        }
        let image = decode::decode_rgb_over(&bytes, self.options.background);
        let image = image.map_err(|found| decode::refused(file, found))?;
        Picture::new(image.shape, image.pixels).png()
    }

    /// The classes: those of the training images, in the order of their names.
    fn classes(&self, images: &[&Gathered]) -> Result<Vec<String>, DataError> {
        let source = self.source;
        let of = |split| images.iter().filter(move |image| image.split == split);
        let mut classes: Vec<String> = of(SplitName::Train).map(|image| image.class.clone()).collect();
        classes.dedup();
        if classes.len() > usize::from(u16::MAX) {
            let expected = format!("at most {} classes", u16::MAX);
            return Err(DataError::bad_file(source, expected, classes.len(), "import fewer classes"));
        }
        for image in images {
            self.label(&classes, image)?;
        }
        for split in [SplitName::Train, SplitName::Test] {
            if of(split).next().is_none() {
                return Err(DataError::bad_file(
                    format!("{source}!{}", split.folder()),
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
        Ok(classes)
    }

    fn label(&self, classes: &[String], image: &Gathered) -> Result<u16, DataError> {
        classes.binary_search(&image.class).map(|label| label as u16).map_err(|_| {
            DataError::bad_file(
                format!("{}!{}/{}", self.source, image.split.folder(), image.class),
                "a class that the train split holds images of",
                "images of a class without any there",
                "add training images of it or remove the folder",
            )
        })
    }
}
