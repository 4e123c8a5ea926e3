//! Pictures of different sizes, with or without label maps: what super-resolution, restoration and segmentation learn from.

mod divide;
pub mod pack;
mod test_sets;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::augment::ImageShape;
use crate::dataset::{Source, Split, SyntheticSettings, synthetic};
use crate::directory::DataDirectory;
use crate::error::DataError;
use crate::picture::Picture;
use crate::registry;
use crate::shared::tested_on_training_pictures;
pub use divide::Fold;
pub use test_sets::TestSets;

/// One picture and, where the set has them, the class of each of its pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureExample {
    /// The file's name without folder and extension; what records and reports call it.
    pub name: String,
    /// The picture.
    pub picture: Picture,
    /// Class numbers `[height, width]`.
    pub mask: Option<Arc<Vec<u8>>>,
}

/// Everything a set of pictures holds, before anything is held out.
#[derive(Clone, Debug)]
pub struct PictureSource {
    /// Channels of every picture, 1 or 3.
    pub channels: usize,
    /// Names of the classes in the label maps; empty where there are none.
    pub classes: Vec<String>,
    /// Pictures to train on, or all of them where the set is not divided.
    pub train: Vec<PictureExample>,
    /// The set's own validation pictures; may be empty.
    pub validation: Vec<PictureExample>,
    /// The set's own test pictures; may be empty.
    pub test: Vec<PictureExample>,
}

/// An opened set of pictures. Cloning shares them.
#[derive(Clone, Debug)]
pub struct PictureDataset {
    /// Registry name.
    pub name: String,
    /// Channels of every picture.
    pub channels: usize,
    /// Names of the classes in the label maps; empty where there are none.
    pub classes: Vec<String>,
    /// Pictures to train on.
    pub train: Arc<Vec<PictureExample>>,
    /// Pictures for curves and selection; empty if nothing is held out.
    pub validation: Arc<Vec<PictureExample>>,
    /// Pictures for the one final evaluation.
    pub test: Arc<Vec<PictureExample>>,
    /// Pictures of further sets that are evaluated then too, by the name of the set.
    pub further_tests: Vec<(String, Arc<Vec<PictureExample>>)>,
    /// BLAKE3 of everything that the sets hold, before anything is held out, in hex.
    pub content_hash: String,
}

/// What to take of a set of pictures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PictureOptions {
    /// Training pictures held out for validation, those with the smallest hashes; 0 holds out none.
    pub validation: usize,
    /// Use only this many of the remaining training pictures.
    pub train_images: Option<usize>,
    /// Test on this fold of the training pictures and train on the others.
    pub fold: Option<Fold>,
    /// Test on these other sets: on the test pictures of each, or on all if it is not divided.
    pub test_dataset: Option<TestSets>,
    /// What to draw if the set is `synthetic`; other sets ignore it.
    pub synthetic: SyntheticSettings,
}

/// Opens a set of pictures by name, checks it, and divides it.
///
/// Sets that were imported for classification serve too: their classes are left aside. The `synthetic` set comes with label maps.
///
/// # Errors
/// An unknown name, broken files, a set without test pictures where the options name none, a test set of training pictures alone, grey pictures to be tested on colour ones
/// (or the reverse), impossible numbers.
pub fn open_pictures(
    name: &str,
    directory: &DataDirectory,
    options: &PictureOptions,
) -> Result<PictureDataset, DataError> {
    let source = registry::read_pictures(name, directory, &options.synthetic)?;
    let mut content_hash = source.content_hash();
    let mut train = source.train;
    let mut further_tests = Vec::new();
    let test = match (&options.test_dataset, options.fold) {
        (Some(_), Some(fold)) => {
            return Err(DataError::BadOption {
                field: "fold",
                value: format!("{{ index = {}, of = {} }}", fold.index, fold.of),
                limit: "a test_dataset is named too".to_string(),
                fix: "leave one of them out".to_string(),
            });
        }
        (None, Some(fold)) => {
            if !source.test.is_empty() {
                return Err(DataError::BadOption {
                    field: "fold",
                    value: format!("{{ index = {}, of = {} }}", fold.index, fold.of),
                    limit: format!("{name} brings its own test pictures"),
                    fix: "leave fold out".to_string(),
                });
            }
            divide::take_fold(&mut train, fold)?
        }
        (Some(sets), None) => {
            let trained =
                Trained { name, channels: source.channels, classes: &source.classes, train: &train };
            let mut open = |other: &str, word: &str| {
                let tested = registry::read_pictures(other, directory, &options.synthetic)?;
                let hashes = format!("{content_hash} {word} on {}", tested.content_hash());
                content_hash = blake3::hash(hashes.as_bytes()).to_hex().to_string();
                trained.test_pictures(other, tested)
            };
            let test = open(sets.first(), "tested")?;
            for further in sets.further() {
                further_tests.push((further.clone(), Arc::new(open(further, "also tested")?)));
            }
            test
        }
        (None, None) if source.test.is_empty() => {
            return Err(DataError::BadOption {
                field: "dataset",
                value: format!("\"{name}\""),
                limit: "it has no test pictures of its own".to_string(),
                fix: "name a test_dataset, or a fold of it to test on".to_string(),
            });
        }
        (None, None) => source.test,
    };
    let own_validation = source.validation;
    if !own_validation.is_empty() && options.validation > 0 {
        return Err(DataError::BadOption {
            field: "validation",
            value: options.validation.to_string(),
            limit: format!("{name} brings its own validation pictures"),
            fix: "set validation = 0 to use those".to_string(),
        });
    }
    let held_out = divide::hold_out(&mut train, options.validation, options.train_images)?;
    Ok(PictureDataset {
        name: name.to_string(),
        channels: source.channels,
        classes: source.classes,
        train: Arc::new(train),
        validation: Arc::new(if own_validation.is_empty() { held_out } else { own_validation }),
        test: Arc::new(test),
        further_tests,
        content_hash,
    })
}

impl PictureDataset {
    /// The pictures of all sets that are tested on, those of the test split first.
    pub fn tested(&self) -> impl Iterator<Item = &PictureExample> {
        let further = self.further_tests.iter().flat_map(|(_, examples)| examples.iter());
        self.test.iter().chain(further)
    }
}

/// What sets to test on are held against.
struct Trained<'a> {
    name: &'a str,
    channels: usize,
    classes: &'a [String],
    train: &'a [PictureExample],
}

impl Trained<'_> {
    /// The test pictures of the set called `other`, or all if it is not divided.
    ///
    /// # Errors
    /// Pictures of another kind, other classes, or no picture that is not trained on.
    fn test_pictures(&self, other: &str, tested: PictureSource) -> Result<Vec<PictureExample>, DataError> {
        let refuse = |limit: String, fix: &str| {
            let value = format!("\"{other}\"");
            Err(DataError::BadOption { field: "test_dataset", value, limit, fix: fix.to_string() })
        };
        let name = self.name;
        if tested.channels != self.channels {
            let (found, wanted) = (channel_words(tested.channels), channel_words(self.channels));
            let limit = format!("its pictures have {found}, those of {name} have {wanted}");
            return refuse(limit, "test on pictures of the same kind");
        }
        if tested.classes != self.classes && !self.classes.is_empty() {
            let limit = format!("its classes are {:?}, those of {name} {:?}", tested.classes, self.classes);
            return refuse(limit, "import both with the same --labels");
        }
        let test = if tested.test.is_empty() { tested.train } else { tested.test };
        if let Some(shared) = tested_on_training_pictures(self.train, &test)
            && shared.count == test.len()
        {
            let limit = format!(
                "each of its {} pictures is one of those that {name} trains on (the first: {} and {})",
                test.len(),
                shared.first[0],
                shared.first[1]
            );
            return refuse(limit, "test on other pictures, or on a fold of the set");
        }
        Ok(test)
    }
}

fn channel_words(channels: usize) -> String {
    if channels == 1 { "1 channel (grey)".to_string() } else { format!("{channels} channels (colour)") }
}

impl PictureSource {
    /// The pictures of a classification set; their classes are left aside.
    pub(crate) fn of_classified(source: &Source) -> PictureSource {
        let examples = |split: &Split, word: &str| -> Vec<PictureExample> {
            (0..split.len())
                .map(|sample| PictureExample {
                    name: format!("{word}_{sample:05}"),
                    picture: Picture::new(source.shape, split.image(sample).to_vec()),
                    mask: None,
                })
                .collect()
        };
        PictureSource {
            channels: source.shape.channels,
            classes: Vec::new(),
            train: examples(&source.train, "train"),
            validation: source.validation.as_ref().map_or_else(Vec::new, |split| examples(split, "val")),
            test: examples(&source.test, "test"),
        }
    }

    /// The drawn set with its label maps.
    pub(crate) fn drawn(settings: &SyntheticSettings) -> Result<PictureSource, DataError> {
        let source = synthetic::draw(settings)?;
        let mut pictures = PictureSource::of_classified(&source);
        pictures.classes = synthetic::MASK_CLASSES.iter().map(ToString::to_string).collect();
        for (examples, is_test) in [(&mut pictures.train, false), (&mut pictures.test, true)] {
            for (example, mask) in examples.iter_mut().zip(synthetic::draw_masks(settings, is_test)) {
                example.mask = Some(Arc::new(mask));
            }
        }
        Ok(pictures)
    }

    /// Hashes kind, classes, names, sizes, pixels and label maps; equal hashes mean equal data.
    pub fn content_hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"allconv-data pictures 1\n");
        hasher.update(&(self.channels as u64).to_le_bytes());
        let text = |hasher: &mut blake3::Hasher, text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        };
        hasher.update(&(self.classes.len() as u64).to_le_bytes());
        self.classes.iter().for_each(|class| text(&mut hasher, class));
        for examples in [&self.train, &self.validation, &self.test] {
            hasher.update(&(examples.len() as u64).to_le_bytes());
            for example in examples {
                text(&mut hasher, &example.name);
                let ImageShape { height, width, .. } = example.picture.shape();
                hasher.update(&(height as u64).to_le_bytes()).update(&(width as u64).to_le_bytes());
                hasher.update(&example.hash());
            }
        }
        hasher.finalize().to_hex().to_string()
    }
}

impl PictureExample {
    /// BLAKE3 of pixels and label map.
    fn hash(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.picture.pixels());
        if let Some(mask) = &self.mask {
            hasher.update(mask);
        }
        *hasher.finalize().as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open_synthetic(options: PictureOptions) -> Result<PictureDataset, DataError> {
        let synthetic = SyntheticSettings { seed: 0, size: 16, train: 40, test: 10 };
        let directory = DataDirectory::new("no/such/folder");
        open_pictures("synthetic", &directory, &PictureOptions { synthetic, ..options })
    }

    #[test]
    fn the_drawn_set_has_a_label_for_every_pixel_and_shows_every_class() {
        let set =
            open_synthetic(PictureOptions { validation: 4, ..PictureOptions::default() }).expect("drawn");
        assert_eq!((set.train.len(), set.validation.len(), set.test.len()), (36, 4, 10));
        let mut seen = vec![false; set.classes.len()];
        for example in set.train.iter() {
            let mask = example.mask.as_ref().expect("a label map");
            assert_eq!(mask.len(), 16 * 16);
            mask.iter().for_each(|class| seen[usize::from(*class)] = true);
        }
        assert!(seen.iter().all(|seen| *seen), "{seen:?}");
    }

    #[test]
    fn a_test_set_of_training_pictures_alone_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let directory = DataDirectory::new(folder.path());
        let example = |value: u8| PictureExample {
            name: format!("picture_{value}"),
            picture: Picture::new(ImageShape { height: 1, width: 1, channels: 1 }, vec![value]),
            mask: None,
        };
        let write = |name: &str, train: &[u8], test: &[u8]| {
            let examples = |values: &[u8]| values.iter().copied().map(example).collect();
            let source = PictureSource {
                channels: 1,
                classes: Vec::new(),
                train: examples(train),
                validation: Vec::new(),
                test: examples(test),
            };
            pack::write(&directory.pictures(name), &source, name).expect("a written file");
        };
        write("all", &[1, 2, 3, 4], &[]);
        write("renamed_part", &[3, 2], &[]);
        write("overlapping", &[4, 5], &[]);
        write("divided", &[1, 2, 3], &[9]);
        let test_on = |name: &str, other: &str| {
            let test_dataset = Some(TestSets::new(vec![other.to_string()]).unwrap());
            open_pictures(name, &directory, &PictureOptions { test_dataset, ..PictureOptions::default() })
        };
        for other in ["all", "renamed_part"] {
            let error = test_on("all", other).expect_err("what is trained on").to_string();
            assert!(error.starts_with(&format!("test_dataset = \"{other}\"")), "{error}");
            assert!(error.contains("pictures is one of those that all trains on"), "{error}");
        }
        let set = test_on("all", "overlapping").expect("one picture of two is new");
        assert_eq!(set.shared_between_splits()[0].count, 1);
        test_on("divided", "divided").expect("tested on its own test pictures");

        let both = TestSets::new(vec!["overlapping".to_string(), "divided".to_string()]).unwrap();
        let options = PictureOptions { test_dataset: Some(both), ..PictureOptions::default() };
        let two = open_pictures("all", &directory, &options).expect("two sets to test on");
        assert_eq!((two.test.len(), two.further_tests.len()), (2, 1));
        assert_eq!(
            (two.further_tests[0].0.as_str(), two.further_tests[0].1[0].name.as_str()),
            ("divided", "picture_9")
        );
        assert_ne!(two.content_hash, set.content_hash);
        let refused = TestSets::new(vec!["overlapping".to_string(), "renamed_part".to_string()]).unwrap();
        let options = PictureOptions { test_dataset: Some(refused), ..PictureOptions::default() };
        let error = open_pictures("all", &directory, &options).expect_err("trained on").to_string();
        assert!(error.starts_with("test_dataset = \"renamed_part\""), "{error}");
    }

    #[test]
    fn a_set_with_its_own_test_pictures_has_no_folds_and_a_test_set_must_be_known() {
        let fold = Some(Fold { index: 0, of: 5 });
        let error =
            open_synthetic(PictureOptions { fold, ..PictureOptions::default() }).expect_err("divided");
        assert!(error.to_string().contains("its own test pictures"), "{error}");
        let test_dataset = Some(TestSets::new(vec!["set6".to_string()]).unwrap());
        let error = open_synthetic(PictureOptions { test_dataset, ..PictureOptions::default() })
            .expect_err("unknown");
        assert!(error.to_string().contains("no dataset named \"set6\""), "{error}");
    }
}
