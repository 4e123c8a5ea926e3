//! Which pictures are tested on, which are held out, and which are trained on: by content, not by order or seed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::example::PictureExample;
use crate::error::DataError;

/// One of several parts of a small set, each of which is the test set once.
///
/// The pictures are ranked by the hash of their content; picture `r` of that ranking belongs to fold `r mod of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fold {
    /// Which fold is tested on, below `of`.
    pub index: usize,
    /// Number of folds, at least 2.
    pub of: usize,
}

/// Takes the pictures of a fold out of `train`; both keep the stored order.
///
/// # Errors
/// A number of folds below 2 or above that of the pictures, or an index beyond it.
pub(super) fn take_fold(
    train: &mut Vec<PictureExample>,
    fold: Fold,
) -> Result<Vec<PictureExample>, DataError> {
    if fold.of < 2 || fold.of > train.len() {
        return Err(bad(
            "fold.of",
            fold.of,
            format!("{} pictures have 2 to {} folds", train.len(), train.len()),
        ));
    }
    if fold.index >= fold.of {
        return Err(bad("fold.index", fold.index, format!("{} folds are counted from 0", fold.of)));
    }
    let chosen = ranked(train).into_iter().skip(fold.index).step_by(fold.of).collect();
    Ok(take(train, &chosen))
}

/// Takes the `validation` pictures with the smallest hashes out of `train`, and of the others keeps the next `train_images`.
///
/// # Errors
/// Numbers that leave nothing to train on, or ask for more pictures than there are.
pub(super) fn hold_out(
    train: &mut Vec<PictureExample>,
    validation: usize,
    train_images: Option<usize>,
) -> Result<Vec<PictureExample>, DataError> {
    let count = train.len();
    if validation >= count {
        return Err(bad("validation", validation, format!("{count} pictures are there to train on")));
    }
    let ranked = ranked(train);
    if let Some(wanted) = train_images {
        if wanted == 0 || wanted > count - validation {
            let limit = format!("{} pictures are left to train on", count - validation);
            return Err(bad("train_images", wanted, limit));
        }
        let unused = ranked[validation + wanted..].iter().copied().collect();
        let held_out = ranked[..validation].iter().copied().collect();
        let all = std::mem::take(train);
        let mut validation = Vec::new();
        for (index, example) in all.into_iter().enumerate() {
            if BTreeSet::contains(&held_out, &index) {
                validation.push(example);
            } else if !BTreeSet::contains(&unused, &index) {
                train.push(example);
            }
        }
        return Ok(validation);
    }
    Ok(take(train, &ranked[..validation].iter().copied().collect()))
}

/// Takes the pictures at `chosen` out of `train`.
fn take(train: &mut Vec<PictureExample>, chosen: &BTreeSet<usize>) -> Vec<PictureExample> {
    let (mut taken, mut kept) = (Vec::with_capacity(chosen.len()), Vec::new());
    for (index, example) in std::mem::take(train).into_iter().enumerate() {
        if chosen.contains(&index) { taken.push(example) } else { kept.push(example) }
    }
    *train = kept;
    taken
}

/// Indices of the pictures, smallest content hash first; equal pictures keep their order.
fn ranked(examples: &[PictureExample]) -> Vec<usize> {
    let hashes: Vec<[u8; 32]> = examples.iter().map(PictureExample::hash).collect();
    let mut indices: Vec<usize> = (0..examples.len()).collect();
    indices.sort_by_key(|&index| (hashes[index], index));
    indices
}

fn bad(field: &'static str, value: usize, limit: String) -> DataError {
    DataError::BadOption { field, value: value.to_string(), limit, fix: "choose another number".to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image_shape::ImageShape;
    use crate::picture::Picture;

    fn set(count: u8) -> Vec<PictureExample> {
        let shape = ImageShape { height: 1, width: 1, channels: 1 };
        (0..count)
            .map(|value| PictureExample {
                name: value.to_string(),
                picture: Picture::new(shape, vec![value]),
                mask: None,
            })
            .collect()
    }

    fn names(examples: &[PictureExample]) -> BTreeSet<String> {
        examples.iter().map(|example| example.name.clone()).collect()
    }

    #[test]
    fn every_picture_is_tested_on_in_exactly_one_fold_whatever_the_order_of_files() {
        let mut tested = BTreeSet::new();
        for index in 0..5 {
            let fold = Fold { index, of: 5 };
            let mut train = set(13);
            let test = take_fold(&mut train, fold).expect("five folds");
            assert_eq!(train.len() + test.len(), 13);
            let mut reversed: Vec<_> = set(13).into_iter().rev().collect();
            assert_eq!(names(&take_fold(&mut reversed, fold).expect("five folds")), names(&test));
            for name in names(&test) {
                assert!(tested.insert(name));
            }
        }
        assert_eq!(tested.len(), 13);
    }

    #[test]
    fn fewer_training_pictures_leave_the_validation_pictures_as_they_are() {
        let (mut all, mut few) = (set(20), set(20));
        let first = hold_out(&mut all, 4, None).expect("enough");
        let second = hold_out(&mut few, 4, Some(5)).expect("enough");
        assert_eq!(first, second);
        assert_eq!((all.len(), few.len()), (16, 5));
        assert!(names(&few).is_subset(&names(&all)));
        assert!(names(&few).is_disjoint(&names(&first)));
    }

    #[test]
    fn impossible_numbers_are_refused_by_field() {
        let message =
            |outcome: Result<Vec<PictureExample>, DataError>| outcome.expect_err("refused").to_string();
        assert!(message(take_fold(&mut set(4), Fold { index: 0, of: 5 })).contains("fold.of = 5"));
        assert!(message(take_fold(&mut set(4), Fold { index: 0, of: 1 })).contains("fold.of = 1"));
        assert!(message(take_fold(&mut set(4), Fold { index: 2, of: 2 })).contains("fold.index = 2"));
        assert!(message(hold_out(&mut set(4), 4, None)).contains("validation = 4"));
        assert!(message(hold_out(&mut set(4), 1, Some(4))).contains("train_images = 4"));
        assert!(message(hold_out(&mut set(4), 0, Some(0))).contains("train_images = 0"));
    }
}
