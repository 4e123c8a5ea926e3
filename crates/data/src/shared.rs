//! Images that are in two splits at once, as a test image must not be a training image.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;

use rayon::prelude::*;

use crate::dataset::{Dataset, Images, Source, Split};
use crate::error::DataError;
use crate::import::layout::SplitName;
use crate::pictures::{PictureDataset, PictureExample, PictureSource};

/// Images of one split whose pixels are those of an image of another split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedImages {
    /// The split of the copies: the later of both splits, by the order train, validation, test.
    pub of: SplitName,
    /// The split of the images that they repeat.
    pub with: SplitName,
    /// Number of copies.
    pub count: usize,
    /// How many of them have another label, or another label map, than the image they repeat.
    pub labelled_otherwise: usize,
    /// Names of the first copy and of the image that it repeats.
    pub first: [String; 2],
}

/// What is compared of an image: a value that equal images have in common, and one that equal labels have in common.
type Known = ([u8; 32], [u8; 32]);

/// One split as it is compared. Of encoded images nothing is held in memory.
struct Compared<'a, E> {
    split: SplitName,
    count: usize,
    known: Box<dyn Fn(usize) -> Result<Known, E> + Sync + 'a>,
    name: Box<dyn Fn(usize) -> String + 'a>,
}

/// Images of a split that are looked at together.
const CHUNK: usize = 1 << 16;

impl<'a, E: Send> Compared<'a, E> {
    /// A split of which everything that is compared lies in memory.
    fn in_memory(
        split: SplitName,
        images: Vec<Known>,
        name: impl Fn(usize) -> String + 'a,
    ) -> Compared<'a, E> {
        let count = images.len();
        Compared { split, count, known: Box::new(move |place| Ok(images[place])), name: Box::new(name) }
    }

    /// Visits all images in order.
    fn visit(&self, visit: &mut dyn FnMut(usize, Known)) -> Result<(), E> {
        for first in (0..self.count).step_by(CHUNK) {
            let places = first..(first + CHUNK).min(self.count);
            let known: Vec<Known> = places.into_par_iter().map(&self.known).collect::<Result<_, E>>()?;
            known.into_iter().enumerate().for_each(|(place, known)| visit(first + place, known));
        }
        Ok(())
    }
}

/// The result of a comparison that reads nothing.
fn sure<T>(result: Result<T, Infallible>) -> T {
    let Ok(value) = result;
    value
}

impl Dataset {
    /// Returns the images that are in two splits at once, for each pair of splits that shares any. Real data sets hold a few.
    ///
    /// # Errors
    /// [`DataError`] when an index cannot be read.
    pub fn shared_between_splits(&self) -> Result<Vec<SharedImages>, DataError> {
        let splits = [
            Some((SplitName::Train, &self.train)),
            self.validation.as_ref().map(|images| (SplitName::Validation, images)),
            Some((SplitName::Test, &self.test)),
        ];
        let compared = |(split, images)| of_images(split, images);
        between(&splits.into_iter().flatten().map(compared).collect::<Vec<_>>())
    }
}

impl Source {
    /// As [`Dataset::shared_between_splits`], before anything is held out; `name` names an image by its split and its number there.
    pub fn shared_between_splits(&self, name: &dyn Fn(SplitName, usize) -> String) -> Vec<SharedImages> {
        let splits = [
            Some(of_split(SplitName::Train, &self.train, name)),
            self.validation.as_ref().map(|split| of_split(SplitName::Validation, split, name)),
            Some(of_split(SplitName::Test, &self.test, name)),
        ];
        sure(between(&splits.into_iter().flatten().collect::<Vec<_>>()))
    }
}

/// Returns the name of an image of which no file is known.
fn numbered(split: SplitName, sample: usize) -> String {
    format!("{} image {sample}", split.folder())
}

impl PictureDataset {
    /// Returns the pictures that are in two splits at once, for each pair of splits that shares any; the test pictures of other sets count
    /// too.
    pub fn shared_between_splits(&self) -> Vec<SharedImages> {
        sure(between(&[
            of_pictures(SplitName::Train, self.train.iter()),
            of_pictures(SplitName::Validation, self.validation.iter()),
            of_pictures(SplitName::Test, self.tested()),
        ]))
    }
}

impl PictureSource {
    /// As [`PictureDataset::shared_between_splits`], before anything is held out.
    pub fn shared_between_splits(&self) -> Vec<SharedImages> {
        sure(between(&[
            of_pictures(SplitName::Train, &self.train),
            of_pictures(SplitName::Validation, &self.validation),
            of_pictures(SplitName::Test, &self.test),
        ]))
    }
}

/// Returns the pictures of `test` that are in `train` too.
pub(crate) fn tested_on_training_pictures(
    train: &[PictureExample],
    test: &[PictureExample],
) -> Option<SharedImages> {
    sure(compare(&of_pictures(SplitName::Train, train), &of_pictures(SplitName::Test, test)))
}

fn between<E: Send>(splits: &[Compared<'_, E>]) -> Result<Vec<SharedImages>, E> {
    let pairs = (0..splits.len()).flat_map(|later| (0..later).map(move |earlier| (earlier, later)));
    let shared = pairs.map(|(earlier, later)| compare(&splits[earlier], &splits[later]));
    shared.filter_map(Result::transpose).collect()
}

/// An image of the later split that the earlier one holds too.
struct Copy {
    /// Place of the first original.
    original: usize,
    is_labelled_otherwise: bool,
}

/// Holds the later split in memory, which is a test or validation split, and visits the images of the earlier one.
fn compare<E: Send>(earlier: &Compared<'_, E>, later: &Compared<'_, E>) -> Result<Option<SharedImages>, E> {
    let mut places: HashMap<[u8; 32], Vec<(usize, [u8; 32])>> = HashMap::new();
    later.visit(&mut |place, (pixels, label)| places.entry(pixels).or_default().push((place, label)))?;
    let mut copies: BTreeMap<usize, Copy> = BTreeMap::new();
    earlier.visit(&mut |original, (pixels, original_label)| {
        for (place, label) in places.get(&pixels).into_iter().flatten() {
            let copy = copies.entry(*place).or_insert(Copy { original, is_labelled_otherwise: false });
            copy.is_labelled_otherwise |= original_label != *label;
        }
    })?;
    Ok(copies.first_key_value().map(|(place, first)| SharedImages {
        of: later.split,
        with: earlier.split,
        count: copies.len(),
        labelled_otherwise: copies.values().filter(|copy| copy.is_labelled_otherwise).count(),
        first: [(later.name)(*place), (earlier.name)(first.original)],
    }))
}

fn of_images(split: SplitName, images: &Images) -> Compared<'_, DataError> {
    Compared {
        split,
        count: images.len(),
        known: Box::new(move |sample| Ok((images.content(sample)?, label_bytes(images.label(sample)?)))),
        name: Box::new(move |sample| numbered(split, sample)),
    }
}

/// Files that lie in two splits, given the split, content, class and name of each.
pub(crate) fn of_files(files: &[(SplitName, [u8; 32], String, String)]) -> Vec<SharedImages> {
    let of = |split| {
        let files: Vec<_> = files.iter().filter(|(of, ..)| *of == split).collect();
        let known = |(_, content, class, _): &&(SplitName, [u8; 32], String, String)| {
            (*content, *blake3::hash(class.as_bytes()).as_bytes())
        };
        let images = files.iter().map(known).collect();
        Compared::in_memory(split, images, move |place| files[place].3.clone())
    };
    sure(between(&[SplitName::Train, SplitName::Validation, SplitName::Test].map(of)))
}

fn label_bytes(label: u16) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..2].copy_from_slice(&label.to_le_bytes());
    bytes
}

fn of_split<'a>(
    split: SplitName,
    images: &'a Split,
    name: &'a dyn Fn(SplitName, usize) -> String,
) -> Compared<'a, Infallible> {
    let hash =
        |sample| (*blake3::hash(images.image(sample)).as_bytes(), label_bytes(images.labels()[sample]));
    let known = (0..images.len()).into_par_iter().map(hash).collect();
    Compared::in_memory(split, known, move |sample| name(split, sample))
}

fn of_pictures<'a>(
    split: SplitName,
    pictures: impl IntoIterator<Item = &'a PictureExample>,
) -> Compared<'a, Infallible> {
    let pictures: Vec<&PictureExample> = pictures.into_iter().collect();
    let hash = |example: &&PictureExample| {
        let mut hasher = blake3::Hasher::new();
        let shape = example.picture.shape();
        for extent in [shape.height, shape.width, shape.channels] {
            hasher.update(&(extent as u64).to_le_bytes());
        }
        hasher.update(example.picture.pixels());
        let mask = example.mask.as_ref().map_or([0; 32], |mask| *blake3::hash(mask).as_bytes());
        (*hasher.finalize().as_bytes(), mask)
    };
    let known = pictures.par_iter().map(hash).collect();
    Compared::in_memory(split, known, move |place| pictures[place].name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{DatasetOptions, SyntheticSettings, synthetic};
    use crate::image_shape::ImageShape;
    use crate::picture::Picture;

    const SHAPE: ImageShape = ImageShape { height: 1, width: 1, channels: 1 };

    fn source(train: &[(u8, u16)], validation: &[(u8, u16)], test: &[(u8, u16)]) -> Source {
        let split = |images: &[(u8, u16)]| {
            let (pixels, labels) = images.iter().copied().unzip();
            Split::new(pixels, labels, SHAPE)
        };
        Source {
            classes: vec!["a".to_string(), "b".to_string()],
            shape: SHAPE,
            train: split(train),
            validation: (!validation.is_empty()).then(|| split(validation)),
            test: split(test),
        }
    }

    #[test]
    fn copies_are_counted_for_each_pair_of_splits_and_named() {
        let source =
            source(&[(1, 0), (2, 1), (3, 0)], &[(9, 0), (3, 0)], &[(7, 0), (2, 0), (1, 0), (9, 1), (2, 1)]);
        let shared = source.shared_between_splits(&numbered);
        let counts: Vec<_> = shared
            .iter()
            .map(|shared| (shared.with, shared.of, shared.count, shared.labelled_otherwise))
            .collect();
        use SplitName::{Test, Train, Validation};
        assert_eq!(counts, [(Train, Validation, 1, 0), (Train, Test, 3, 1), (Validation, Test, 1, 1)]);
        assert_eq!(shared[1].first, ["test image 1", "train image 1"]);
        let options = DatasetOptions { validation: 0, ..DatasetOptions::default() };
        let dataset = source.into_dataset("x", &options).expect("a set");
        assert_eq!(dataset.shared_between_splits().expect("in memory"), shared);
    }

    #[test]
    fn pictures_of_one_content_are_equal_whatever_their_names() {
        let example = |name: &str, height, value, mask: u8| PictureExample {
            name: name.to_string(),
            picture: Picture::new(ImageShape { height, width: 6 / height, channels: 1 }, vec![value; 6]),
            mask: Some(std::sync::Arc::new(vec![mask; 6])),
        };
        let train = [example("a", 2, 5, 0), example("b", 3, 6, 0)];
        // The second has the same pixels in another shape.
        let test = [example("x", 2, 5, 1), example("y", 2, 6, 0)];
        let shared = tested_on_training_pictures(&train, &test).expect("one of them");
        assert_eq!((shared.count, shared.labelled_otherwise), (1, 1));
        assert_eq!(shared.first, ["x", "a"]);
        assert_eq!(tested_on_training_pictures(&train[..1], &test[1..]), None);
    }

    #[test]
    fn a_drawn_set_shares_nothing() {
        let settings = SyntheticSettings { size: 8, train: 200, test: 100, ..SyntheticSettings::default() };
        assert!(synthetic::draw(&settings).expect("drawn").shared_between_splits(&numbered).is_empty());
    }
}
