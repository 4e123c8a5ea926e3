//! The official files of ImageNet (ILSVRC 2012): training images in a tar of tars, validation images without labels, and the development kit with
//! the labels and the names of classes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::archive;
use super::entry::{Entry, EntryLimits, Visit};
use super::matlab::{self, Value};
use crate::error::DataError;

/// Most bytes of the archive of one class.
const CLASS_BYTES: u64 = 2 << 30;

/// Endings of the paths of the two files that are read of the development kit.
const META: &str = "data/meta.mat";
const LABELS: &str = "data/ILSVRC2012_validation_ground_truth.txt";

/// The three official files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageNetFiles {
    /// `ILSVRC2012_img_train.tar`: an archive `nXXXXXXXX.tar` for each class.
    pub train: PathBuf,
    /// `ILSVRC2012_img_val.tar`: images `ILSVRC2012_val_NNNNNNNN.JPEG`.
    pub validation: PathBuf,
    /// `ILSVRC2012_devkit_t12.tar.gz`: classes and the labels of the validation images.
    pub devkit: PathBuf,
}

impl ImageNetFiles {
    /// Visits all images at `train/CLASS/FILE` and `val/CLASS/FILE`; a class is its WordNet id and the first of its words.
    ///
    /// # Errors
    /// As [`archive::walk`]; a class or an image that the development kit does not know, and a number of validation images that differs from
    /// that of their labels.
    pub(super) fn walk(&self, limits: &EntryLimits, visit: &mut Visit) -> Result<(), DataError> {
        let kit = Devkit::read(&self.devkit, limits)?;
        let outer = EntryLimits { file_bytes: CLASS_BYTES, ..*limits };
        archive::walk(&self.train, &outer, &mut |class| {
            let name = format!("{}!{}", self.train.display(), class.path);
            let known = class.path.strip_suffix(".tar").and_then(|wnid| kit.classes.get(wnid));
            let Some(folder) = known else {
                let fix = "give the official ILSVRC2012_img_train.tar as --train";
                return Err(DataError::bad_file(
                    name,
                    "an archive nXXXXXXXX.tar of a class",
                    "another file",
                    fix,
                ));
            };
            archive::walk_bytes(Path::new(&name), class.bytes, limits, &mut |image| {
                visit(Entry { path: format!("train/{folder}/{}", image.path), bytes: image.bytes })
            })
        })?;
        let mut count = 0;
        archive::walk(&self.validation, limits, &mut |image| {
            count += 1;
            let folder = kit.of_validation(&image.path).map_err(|found| {
                let name = format!("{}!{}", self.validation.display(), image.path);
                let fix =
                    "give the official ILSVRC2012_img_val.tar as --val, and its development kit as --devkit";
                DataError::bad_file(name, "an image ILSVRC2012_val_NNNNNNNN.JPEG with a label", found, fix)
            })?;
            visit(Entry { path: format!("val/{folder}/{}", image.path), bytes: image.bytes })
        })?;
        if count != kit.labels.len() {
            let expected = format!("{} images, one for each label of the development kit", kit.labels.len());
            let fix = "download the archive again";
            return Err(DataError::bad_file(self.validation.display(), expected, format!("{count}"), fix));
        }
        Ok(())
    }
}

/// What the development kit says.
struct Devkit {
    /// Names of the classes by their WordNet ids.
    classes: BTreeMap<String, String>,
    /// Names of the classes by their numbers in the labels.
    numbered: BTreeMap<u32, String>,
    /// Class numbers of the validation images in order.
    labels: Vec<u32>,
}

impl Devkit {
    fn read(path: &Path, limits: &EntryLimits) -> Result<Devkit, DataError> {
        let wrong = |file: &str, found: String| {
            let fix = "give the official ILSVRC2012_devkit_t12.tar.gz as --devkit";
            DataError::bad_file(
                format!("{}!{file}", path.display()),
                "a file of the development kit",
                found,
                fix,
            )
        };
        let (mut meta, mut truth) = (None, None);
        archive::walk(path, limits, &mut |entry| {
            if entry.path.ends_with(META) {
                meta = Some(entry.bytes);
            } else if entry.path.ends_with(LABELS) {
                truth = Some(String::from_utf8_lossy(&entry.bytes).into_owned());
            }
            Ok(())
        })?;
        let absent = |file| wrong(file, "none".to_string());
        let (meta, truth) = (meta.ok_or_else(|| absent(META))?, truth.ok_or_else(|| absent(LABELS))?);
        let (mut classes, mut numbered) = (BTreeMap::new(), BTreeMap::new());
        for synset in matlab::structures(&meta).map_err(|found| wrong(META, found))? {
            let (Some(Value::Numbers(number)), Some(Value::Text(wnid)), Some(Value::Text(words)), children) = (
                synset.get("ILSVRC2012_ID"),
                synset.get("WNID"),
                synset.get("words"),
                synset.get("num_children"),
            ) else {
                return Err(wrong(META, "a synset without number, WordNet id and words".to_string()));
            };
            // Synsets with children are above the classes.
            if children != Some(&Value::Numbers(vec![0.0])) {
                continue;
            }
            let first = words.split(',').next().unwrap_or_default().trim().replace('/', " ");
            let name = format!("{wnid} {first}");
            classes.insert(wnid.clone(), name.clone());
            numbered.insert(number.first().map_or(0, |number| *number as u32), name);
        }
        let label = |(line, text): (usize, &str)| {
            let label = text.trim().parse().ok().filter(|label| numbered.contains_key(label));
            label.ok_or_else(|| wrong(LABELS, format!("\"{}\" in line {}", text.escape_debug(), line + 1)))
        };
        let labels = truth.lines().enumerate().map(label).collect::<Result<_, _>>()?;
        Ok(Devkit { classes, numbered, labels })
    }

    /// Returns the class of a validation image by its file name, which ends with its number from 1 on.
    fn of_validation(&self, file: &str) -> Result<&str, String> {
        let number = file.strip_prefix("ILSVRC2012_val_").and_then(|rest| rest.split_once('.'));
        let number: Option<usize> = number.and_then(|(digits, _)| digits.parse().ok());
        let label = number.and_then(|number| self.labels.get(number.checked_sub(1)?));
        let name = label.and_then(|label| self.numbered.get(label)).map(String::as_str);
        name.ok_or_else(|| match number {
            Some(number) => format!("number {number} of {} labels", self.labels.len()),
            None => "another name".to_string(),
        })
    }
}
