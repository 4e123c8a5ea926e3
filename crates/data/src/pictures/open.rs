//! Opening a set of pictures: what is tested on, what is held out, what is trained on.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::divide::{self, Fold};
use super::example::{PictureDataset, PictureExample, PictureSource};
use super::test_sets::TestSets;
use crate::dataset::SyntheticSettings;
use crate::directory::DataDirectory;
use crate::error::DataError;
use crate::registry;
use crate::shared::tested_on_training_pictures;

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
    let mut source = registry::read_pictures(name, directory, &options.synthetic)?;
    let mut content_hash = source.content_hash();
    let mut further_tests = Vec::new();
    let test = match (&options.test_dataset, options.fold) {
        (Some(_), Some(fold)) => {
            return refuse(fold_text(fold), "a test_dataset is named too", "leave one of them out");
        }
        (None, Some(fold)) if !source.test.is_empty() => {
            return refuse(
                fold_text(fold),
                &format!("{name} brings its own test pictures"),
                "leave fold out",
            );
        }
        (None, Some(fold)) => divide::take_fold(&mut source.train, fold)?,
        (Some(sets), None) => {
            let mut read = |other: &str, word: &str| {
                let tested = registry::read_pictures(other, directory, &options.synthetic)?;
                let hashes = format!("{content_hash} {word} on {}", tested.content_hash());
                content_hash = blake3::hash(hashes.as_bytes()).to_hex().to_string();
                test_pictures(name, &source, other, tested)
            };
            let test = read(sets.first(), "tested")?;
            for further in sets.further() {
                further_tests.push((further.clone(), Arc::new(read(further, "also tested")?)));
            }
            test
        }
        (None, None) if source.test.is_empty() => {
            let fix = "name a test_dataset, or a fold of it to test on";
            return refuse(("dataset", format!("\"{name}\"")), "it has no test pictures of its own", fix);
        }
        (None, None) => std::mem::take(&mut source.test),
    };
    let PictureSource { channels, classes, mut train, validation: own_validation, .. } = source;
    if !own_validation.is_empty() && options.validation > 0 {
        let limit = format!("{name} brings its own validation pictures");
        let value = ("validation", options.validation.to_string());
        return refuse(value, &limit, "set validation = 0 to use those");
    }
    let held_out = divide::hold_out(&mut train, options.validation, options.train_images)?;
    Ok(PictureDataset {
        name: name.to_string(),
        channels,
        classes,
        train: Arc::new(train),
        validation: Arc::new(if own_validation.is_empty() { held_out } else { own_validation }),
        test: Arc::new(test),
        further_tests,
        content_hash,
    })
}

/// The refusal of an option: its field and value, the limit, and what to do.
fn refuse<T>((field, value): (&'static str, String), limit: &str, fix: &str) -> Result<T, DataError> {
    Err(DataError::BadOption { field, value, limit: limit.to_string(), fix: fix.to_string() })
}

fn fold_text(fold: Fold) -> (&'static str, String) {
    ("fold", format!("{{ index = {}, of = {} }}", fold.index, fold.of))
}

/// The test pictures of the set called `other`, or all if it is not divided, for networks that are trained on the set called `name`.
///
/// # Errors
/// Pictures of another kind, other classes, or no picture that is not trained on.
fn test_pictures(
    name: &str,
    trained: &PictureSource,
    other: &str,
    tested: PictureSource,
) -> Result<Vec<PictureExample>, DataError> {
    let value = ("test_dataset", format!("\"{other}\""));
    if tested.channels != trained.channels {
        let (found, wanted) = (channel_words(tested.channels), channel_words(trained.channels));
        let limit = format!("its pictures have {found}, those of {name} have {wanted}");
        return refuse(value, &limit, "test on pictures of the same kind");
    }
    if tested.classes != trained.classes && !trained.classes.is_empty() {
        let limit = format!("its classes are {:?}, those of {name} {:?}", tested.classes, trained.classes);
        return refuse(value, &limit, "import both with the same --labels");
    }
    let test = if tested.test.is_empty() { tested.train } else { tested.test };
    if let Some(shared) = tested_on_training_pictures(&trained.train, &test)
        && shared.count == test.len()
    {
        let limit = format!(
            "each of its {} pictures is one of those that {name} trains on (the first: {} and {})",
            test.len(),
            shared.first[0],
            shared.first[1]
        );
        return refuse(value, &limit, "test on other pictures, or on a fold of the set");
    }
    Ok(test)
}

fn channel_words(channels: usize) -> String {
    if channels == 1 { "1 channel (grey)".to_string() } else { format!("{channels} channels (colour)") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_shape::ImageShape;
    use crate::picture::Picture;
    use crate::pictures::pack;

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
