//! Label maps: which grey values are which classes.

use std::collections::BTreeSet;

use crate::error::DataError;
use crate::image_shape::ImageShape;
use crate::picture::Picture;
use crate::pictures::IGNORED;

/// Most grey values that label maps may hold when nobody says which are meant.
const MOST_UNNAMED_LABELS: usize = 32;

/// Fewest classes of a set: with one, whatever a network says is right.
pub(super) const FEWEST_CLASSES: usize = 2;

/// Refuses a label map in a format that changes grey values.
///
/// # Errors
/// [`DataError::BadFile`] for a JPEG, whatever its name.
pub(super) fn check_lossless(file: &str, bytes: &[u8]) -> Result<(), DataError> {
    if bytes.starts_with(&[0xff, 0xd8]) {
        let expected = "a label map as PNG, which keeps every grey value";
        let fix =
            "save the label maps as PNG from where they were drawn; what a JPEG has changed cannot be undone";
        return Err(DataError::bad_file(file, expected, "a JPEG, which changes them", fix));
    }
    Ok(())
}

/// Reads `membrane=0,cell=255` or `0,255`: the classes of label maps with their grey values.
///
/// # Errors
/// [`DataError::BadOption`] for a value above 255, or a name or value given twice.
pub fn parse_labels(text: &str) -> Result<Vec<(String, u8)>, DataError> {
    let refuse = |limit: String| DataError::BadOption {
        field: "labels",
        value: format!("\"{text}\""),
        limit,
        fix: "write for example membrane=0,cell=255".to_string(),
    };
    let mut labels: Vec<(String, u8)> = Vec::new();
    for item in text.split(',').map(str::trim) {
        let (name, value) = match item.split_once('=') {
            Some((name, value)) => (name.to_string(), value),
            None => (format!("value_{item}"), item),
        };
        let value: u8 =
            value.parse().map_err(|_| refuse(format!("{value:?} is no grey value from 0 to 255")))?;
        if name.is_empty() || !name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_') {
            return Err(refuse(format!(
                "the class name {name:?} has other characters than a-z, A-Z, 0-9 and _"
            )));
        }
        if labels.iter().any(|(other, known)| *other == name || *known == value) {
            return Err(refuse(format!("{item} repeats a name or a value")));
        }
        labels.push((name, value));
    }
    if labels.len() < FEWEST_CLASSES {
        return Err(refuse("two classes at least are needed to tell anything apart".to_string()));
    }
    Ok(labels)
}

/// Returns the classes that a label map can hold: those named, or all values but the ignored one.
///
/// # Errors
/// [`DataError::BadOption`] if the ignored value is one of the named classes.
pub(super) fn check_ignored(labels: &[(String, u8)], ignore: Option<u8>) -> Result<(), DataError> {
    let Some((name, value)) = labels.iter().find(|(_, value)| Some(*value) == ignore) else { return Ok(()) };
    Err(DataError::BadOption {
        field: "ignore",
        value: value.to_string(),
        limit: format!("it is the value of the class {name}"),
        fix: "leave it out of --labels, or out of --ignore".to_string(),
    })
}

/// The grey values of label maps as classes, in rising order, without the ignored one; `maps` are files and what they hold.
///
/// # Errors
/// [`DataError::BadFile`] for a colour picture, or more values than anybody meant as classes.
pub(super) fn found_labels<'a>(
    maps: impl Iterator<Item = (&'a str, &'a Picture)>,
    ignore: Option<u8>,
) -> Result<Vec<(String, u8)>, DataError> {
    let mut found = BTreeSet::new();
    for (file, map) in maps {
        check_grey(file, map)?;
        found.extend(map.pixels().iter().copied().filter(|value| Some(*value) != ignore));
        if found.len() > MOST_UNNAMED_LABELS {
            return Err(DataError::bad_file(
                file,
                format!("at most {MOST_UNNAMED_LABELS} different grey values in all label maps up to here"),
                format!("{}", found.len()),
                "say which values are classes with --labels, or save label maps without lossy compression",
            ));
        }
    }
    Ok(found.into_iter().map(|value| (format!("value_{value}"), value)).collect())
}

/// Refuses classes of which there is one, or none.
///
/// # Errors
/// [`DataError::BadFile`] that names `source`.
pub(super) fn check_class_count(source: &str, labels: &[(String, u8)]) -> Result<(), DataError> {
    if labels.len() >= FEWEST_CLASSES {
        return Ok(());
    }
    Err(DataError::bad_file(
        source,
        "at least two different grey values in all label maps, one for each class",
        labels.first().map_or("none".to_string(), |(_, value)| format!("{value} alone")),
        "add pictures that show the other classes, or name all classes with --labels",
    ))
}

/// The class of each pixel of a label map, or [`IGNORED`].
///
/// # Errors
/// [`DataError::BadFile`] for a map in colour, of another size than its picture, with a value that is no class, or without any class.
pub(super) fn class_numbers(
    (file, map): (&str, &Picture),
    picture: ImageShape,
    labels: &[(String, u8)],
    ignore: Option<u8>,
) -> Result<Vec<u8>, DataError> {
    check_grey(file, map)?;
    if map.pixels().iter().all(|value| Some(*value) == ignore) {
        let found = "ignored ones alone";
        return Err(DataError::bad_file(file, "a pixel with a class", found, "leave this picture out"));
    }
    let ImageShape { height, width, .. } = map.shape();
    if (height, width) != (picture.height, picture.width) {
        return Err(DataError::bad_file(
            file,
            format!("{}×{} pixels (width × height) like its picture", picture.width, picture.height),
            format!("{width}×{height}"),
            "label every pixel of the picture",
        ));
    }
    let class_of = |(place, value): (usize, &u8)| {
        if Some(*value) == ignore {
            return Ok(IGNORED);
        }
        labels.iter().position(|(_, known)| known == value).map(|class| class as u8).ok_or_else(|| {
            let known: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
            DataError::bad_file(
                file,
                format!("only the label values {}", known.join(", ")),
                format!("{value} at row {}, column {}", place / width, place % width),
                "correct the label map, name the value with --labels, or leave its pixels out with --ignore",
            )
        })
    };
    map.pixels().iter().enumerate().map(class_of).collect()
}

fn check_grey(file: &str, map: &Picture) -> Result<(), DataError> {
    if map.shape().channels == 1 {
        return Ok(());
    }
    let fix = "save the label map with one grey value for each class, or as PNG with a palette";
    Err(DataError::bad_file(file, "a grey label map", "a colour picture", fix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_with_and_without_names() {
        let named = parse_labels("membrane=0, cell=255").expect("two classes");
        assert_eq!(named, [("membrane".to_string(), 0), ("cell".to_string(), 255)]);
        assert_eq!(parse_labels("0,1").expect("two classes")[1], ("value_1".to_string(), 1));
        for wrong in ["", "1", "a=256,b=0", "a=1,a=2", "a=1,b=1", "a b=1,c=2", "=1,c=2"] {
            assert!(parse_labels(wrong).is_err(), "{wrong}");
        }
    }
}
