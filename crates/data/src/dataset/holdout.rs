//! The choice of the validation images and of the training images among the rest.
//!
//! Within each class the images are ranked by the BLAKE3 hash of their pixels, so that the choice depends on
//! content alone: neither on the order of files nor on a seed. The first ranks become the validation split, the
//! next ones the training images when fewer than all are wanted.

use rayon::prelude::*;

use super::Images;
use crate::error::DataError;

/// The two parts of a training split.
#[derive(Debug)]
pub struct Divided {
    /// Images to train on, in stored order.
    pub train: Images,
    /// Images held out, in stored order; `None` if none were requested.
    pub validation: Option<Images>,
}

/// Divides a training split with the names of its classes; `train_images = None` keeps all that is not held out.
///
/// Counts are balanced over the classes: each gets the same number, and the first classes one more where the
/// number does not divide.
///
/// # Errors
/// If a class has too few images, or a number is 0 where that leaves nothing to train on.
pub fn divide(
    train: &Images,
    classes: &[String],
    validation: usize,
    train_images: Option<usize>,
) -> Result<Divided, DataError> {
    if validation == 0 && train_images.is_none() {
        return Ok(Divided { train: train.clone(), validation: None });
    }
    let classed = samples_of_classes(train, classes.len())?;
    let mut held_out = Vec::with_capacity(validation.min(train.len()));
    let mut kept = train_images.map(|_| Vec::new());
    for (class, samples) in classed.iter().enumerate() {
        let held = balanced_count(validation, classes.len(), class);
        let wanted = train_images.map(|number| balanced_count(number, classes.len(), class));
        if held > samples.len() || (validation > 0 && held == samples.len() && !samples.is_empty()) {
            let fewest = classed.iter().map(Vec::len).filter(|&images| images > 0).min().unwrap_or(0);
            let most = classes.len() * fewest.saturating_sub(1);
            let fix = format!("lower validation to {most} or less");
            let numbers = (held.saturating_add(1), samples.len());
            return Err(too_few(("validation", validation), &classes[class], numbers, fix));
        }
        let used = wanted.unwrap_or(0);
        if used > samples.len() - held {
            let asked = ("train_images", train_images.unwrap_or(0));
            let numbers = (held.saturating_add(used), samples.len());
            return Err(too_few(asked, &classes[class], numbers, "lower train_images".to_owned()));
        }
        let ranked = rank_by_content(train, samples)?;
        held_out.extend_from_slice(&ranked[..held]);
        if let Some(kept) = &mut kept {
            kept.extend_from_slice(&ranked[held..][..used]);
        }
    }
    let left = kept.as_ref().map_or(train.len() - held_out.len(), Vec::len);
    if left == 0 {
        return Err(DataError::BadOption {
            field: "train_images",
            value: train_images.unwrap_or(0).to_string(),
            limit: "at least one image is needed to train on".to_string(),
            fix: "raise train_images or leave it out".to_string(),
        });
    }
    held_out.sort_unstable();
    let validation = (validation > 0).then(|| train.select(&held_out));
    let train = match kept {
        Some(mut kept) => {
            kept.sort_unstable();
            train.select(&kept)
        }
        None => train.without(&held_out),
    };
    Ok(Divided { train, validation })
}

/// Returns the number of images of one class in a balanced total.
fn balanced_count(total: usize, classes: usize, class: usize) -> usize {
    total / classes + usize::from(class < total % classes)
}

/// Returns the sample numbers of each class in stored order.
fn samples_of_classes(images: &Images, classes: usize) -> Result<Vec<Vec<u32>>, DataError> {
    let labels = (0..images.len()).into_par_iter().map(|sample| images.label(sample));
    let labels: Vec<u16> = labels.collect::<Result<_, DataError>>()?;
    let mut classed = vec![Vec::new(); classes];
    for (sample, label) in labels.iter().enumerate() {
        classed[usize::from(*label)].push(sample as u32);
    }
    Ok(classed)
}

/// Returns these samples, smallest content hash first; equal images keep their stored order.
fn rank_by_content(images: &Images, samples: &[u32]) -> Result<Vec<usize>, DataError> {
    let known = |sample: &u32| Ok((images.content(*sample as usize)?, *sample as usize));
    let mut ranked: Vec<([u8; 32], usize)> =
        samples.par_iter().map(known).collect::<Result<_, DataError>>()?;
    ranked.par_sort_unstable();
    Ok(ranked.into_iter().map(|(_, sample)| sample).collect())
}

fn too_few(
    (field, value): (&'static str, usize),
    class: &str,
    (needed, present): (usize, usize),
    fix: String,
) -> DataError {
    DataError::BadOption {
        field,
        value: value.to_string(),
        limit: format!("the class `{class}` has {present} training images, and {needed} are needed"),
        fix,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(classes: usize) -> Vec<String> {
        (0..classes).map(|class| format!("kind {class}")).collect()
    }

    #[test]
    fn numbers_beyond_any_memory_are_refused_by_field() {
        let train = split(0..30);
        for number in [1_000_000_000_000, usize::MAX / 2, usize::MAX] {
            for classes in [1, 3] {
                let train = if classes == 1 {
                    Images::Stored(Split::new(vec![0; 20], vec![0; 10], SHAPE))
                } else {
                    train.clone()
                };
                let message =
                    |outcome: Result<Divided, DataError>| outcome.expect_err("too many").to_string();
                let held_out = message(divide(&train, &named(classes), number, None));
                assert!(
                    held_out.starts_with(&format!("validation = {number} is not possible")),
                    "{held_out}"
                );
                let used = message(divide(&train, &named(classes), 3, Some(number)));
                assert!(used.starts_with(&format!("train_images = {number} is not possible")), "{used}");
            }
        }
    }
    use crate::dataset::Split;
    use crate::image_shape::ImageShape;

    const SHAPE: ImageShape = ImageShape { height: 1, width: 1, channels: 2 };

    fn split(order: impl Iterator<Item = u16>) -> Images {
        let mut pixels = Vec::new();
        let mut labels = Vec::new();
        for number in order {
            pixels.extend_from_slice(&number.to_le_bytes());
            labels.push(number % 3);
        }
        Images::Stored(Split::new(pixels, labels, SHAPE))
    }

    fn stored(images: &Images) -> &Split {
        images.stored().expect("in memory")
    }

    fn contents(images: &Images) -> Vec<(u16, Vec<u8>)> {
        let split = stored(images);
        let mut all: Vec<_> =
            (0..split.len()).map(|sample| (split.labels()[sample], split.image(sample).to_vec())).collect();
        all.sort();
        all
    }

    #[test]
    fn the_choice_does_not_depend_on_the_order_of_the_images() {
        let forwards = divide(&split(0..300), &named(3), 30, Some(60)).expect("enough images");
        let backwards = divide(&split((0..300).rev()), &named(3), 30, Some(60)).expect("enough images");
        assert_eq!(contents(&forwards.train), contents(&backwards.train));
        let (first, second) =
            (forwards.validation.expect("held out"), backwards.validation.expect("held out"));
        assert_eq!(contents(&first), contents(&second));
    }

    #[test]
    fn held_out_images_are_the_smallest_hashes_and_never_trained_on() {
        let all = split(0..300);
        let divided = divide(&all, &named(3), 31, None).expect("enough images");
        let validation = divided.validation.expect("held out");
        assert_eq!(stored(&validation).class_counts(3), [11, 10, 10]);
        assert_eq!(stored(&divided.train).class_counts(3), [89, 90, 90]);
        let smallest_kept = (0..divided.train.len())
            .filter(|&sample| stored(&divided.train).labels()[sample] == 0)
            .map(|sample| *blake3::hash(stored(&divided.train).image(sample)).as_bytes())
            .min();
        let largest_held = (0..validation.len())
            .filter(|&sample| stored(&validation).labels()[sample] == 0)
            .map(|sample| *blake3::hash(stored(&validation).image(sample)).as_bytes())
            .max();
        assert!(largest_held < smallest_kept);
    }

    #[test]
    fn fewer_training_images_are_a_subset_with_the_same_validation_split() {
        let all = split(0..300);
        let whole = divide(&all, &named(3), 30, None).expect("enough images");
        let part = divide(&all, &named(3), 30, Some(90)).expect("enough images");
        assert_eq!(stored(&part.train).class_counts(3), [30, 30, 30]);
        assert_eq!(
            contents(&whole.validation.expect("held out")),
            contents(&part.validation.expect("held out"))
        );
        let whole = contents(&whole.train);
        assert!(contents(&part.train).iter().all(|image| whole.contains(image)));
    }

    #[test]
    fn impossible_numbers_are_refused_with_the_class_and_the_limit() {
        let all = split(0..300);
        let message = divide(&all, &named(3), 300, None).expect_err("nothing left").to_string();
        assert!(
            message.contains("validation = 300")
                && message.contains("`kind 0` has 100 training images")
                && message.contains("lower validation to 297 or less"),
            "{message}"
        );
        let message = divide(&all, &named(3), 30, Some(271)).expect_err("too many").to_string();
        assert!(message.contains("train_images = 271"), "{message}");
        assert!(divide(&all, &named(3), 30, Some(0)).is_err());
    }

    #[test]
    fn holding_out_nothing_shares_the_split() {
        let all = split(0..9);
        let divided = divide(&all, &named(3), 0, None).expect("nothing to do");
        assert!(divided.validation.is_none());
        assert_eq!(stored(&divided.train).pixels().as_ptr(), stored(&all).pixels().as_ptr());
    }
}
