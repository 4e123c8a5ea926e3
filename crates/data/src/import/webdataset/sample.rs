//! The samples of a shard: neighbouring files whose names are equal up to their first dot.

use serde_json::Value;

use crate::error::DataError;
use crate::import::entry::Entry;
use crate::import::layout::{IMAGE_ENDINGS, is_system_folder};
use crate::import::left_out::LeftOut;

/// Fields of a `KEY.json` in which a class is looked for, in this order.
const LABEL_FIELDS: [&str; 3] = ["label", "class", "cls"];

/// Most bytes of a class.
const CLASS_BYTES: usize = 255;

/// An encoded image with its class.
pub(super) struct Sample {
    /// Path of the image in the shard.
    pub(super) path: String,
    /// First byte of the image in the shard.
    pub(super) place: u64,
    pub(super) bytes: Vec<u8>,
    /// A number or a name.
    pub(super) class: String,
}

/// Puts the files of one shard together.
pub(super) struct Samples<'a> {
    /// The shard in messages.
    pub(super) shard: String,
    /// The field of a `KEY.json` that holds the class, if one is named.
    pub(super) label_field: Option<&'a str>,
    current: Option<Partial>,
}

/// The files of a sample so far.
struct Partial {
    key: String,
    image: Option<(String, u64, Vec<u8>)>,
    class: Option<String>,
    json: Option<Vec<u8>>,
}

impl<'a> Samples<'a> {
    pub(super) fn new(shard: String, label_field: Option<&'a str>) -> Samples<'a> {
        Samples { shard, label_field, current: None }
    }

    /// Takes the next file; returns the sample before it if that is complete.
    ///
    /// # Errors
    /// A sample without image or class, or with two images.
    pub(super) fn add(
        &mut self,
        entry: Entry,
        place: u64,
        left_out: &mut LeftOut,
    ) -> Result<Option<Sample>, DataError> {
        let (folder, file) = entry.path.rsplit_once('/').map_or(("", entry.path.as_str()), |parts| parts);
        let Some((stem, ending)) = file.split_once('.').filter(|(stem, _)| !stem.is_empty()) else {
            left_out.add_unwanted(entry.path);
            return Ok(None);
        };
        if folder.split('/').any(is_system_folder) {
            left_out.add_unwanted(entry.path);
            return Ok(None);
        }
        let key = if folder.is_empty() { stem.to_string() } else { format!("{folder}/{stem}") };
        let ending = ending.to_ascii_lowercase();
        let is_image = IMAGE_ENDINGS.contains(&ending.as_str());
        if !is_image && ending != "cls" && ending != "json" {
            left_out.add_unwanted(entry.path);
            return Ok(None);
        }
        let before = match &self.current {
            Some(current) if current.key == key => None,
            _ => self.finish()?,
        };
        let current = self.current.get_or_insert(Partial { key, image: None, class: None, json: None });
        match ending.as_str() {
            "cls" => current.class = Some(String::from_utf8_lossy(&entry.bytes).trim().to_string()),
            "json" => current.json = Some(entry.bytes),
            _ => {
                if let Some((other, ..)) = &current.image {
                    let file = format!("{}!{}", self.shard, entry.path);
                    let fix = "give them other names up to the first dot";
                    return Err(DataError::bad_file(file, "one image in each sample", other, fix));
                }
                current.image = Some((entry.path, place, entry.bytes));
            }
        }
        Ok(before)
    }

    /// Returns the last sample.
    ///
    /// # Errors
    /// As [`Samples::add`].
    pub(super) fn finish(&mut self) -> Result<Option<Sample>, DataError> {
        let Some(Partial { key, image, class, json }) = self.current.take() else { return Ok(None) };
        let name = |ending: &str| format!("{}!{key}{ending}", self.shard);
        let class = match (class, json, self.label_field) {
            (Some(class), _, None) => class,
            (_, Some(json), field) => class_of(&json, field).map_err(|(expected, found)| {
                let fix = "name the field that holds the class with --label-field";
                DataError::bad_file(name(".json"), expected, found, fix)
            })?,
            (_, None, _) => {
                let expected = format!("its class, as {key}.cls or in {key}.json");
                let fix = "add the class, or pack folders of classes with `allconv data pack`";
                return Err(DataError::bad_file(name(""), expected, "none", fix));
            }
        };
        let Some((path, place, bytes)) = image else {
            let expected =
                format!("an image beside the class, {key}.{}", IMAGE_ENDINGS.join(&format!(" or {key}.")));
            return Err(DataError::bad_file(name(""), expected, "none", "add the image or remove the class"));
        };
        let is_plain = !class.is_empty() && class.len() <= CLASS_BYTES && !class.contains(char::is_control);
        if !is_plain {
            let expected = format!("a class of 1 to {CLASS_BYTES} printable bytes");
            let found = format!("\"{}\"", class.chars().take(40).collect::<String>().escape_debug());
            return Err(DataError::bad_file(name(".cls"), expected, found, "write its number or its name"));
        }
        Ok(Some(Sample { path, place, bytes, class }))
    }
}

/// Returns the class in a `KEY.json`, or what was expected and what was found.
fn class_of(json: &[u8], field: Option<&str>) -> Result<String, (String, String)> {
    let fields = field.map_or(LABEL_FIELDS.to_vec(), |field| vec![field]);
    let expected = format!("an object with the field {}", fields.join(" or "));
    let value: Value = serde_json::from_slice(json).map_err(|error| (expected.clone(), error.to_string()))?;
    let Some((field, class)) = fields.iter().find_map(|field| Some((field, value.get(field)?))) else {
        let known = value
            .as_object()
            .map_or(String::new(), |object| object.keys().map(String::as_str).collect::<Vec<_>>().join(", "));
        return Err((expected, format!("the fields {known}")));
    };
    match class {
        Value::String(name) => Ok(name.clone()),
        Value::Number(number) if number.is_u64() => Ok(number.to_string()),
        other => Err((format!("a class number or name in the field {field}"), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_a_name_or_a_number_of_the_first_known_field() {
        assert_eq!(class_of(br#"{"cls": 3, "label": "cat"}"#, None), Ok("cat".to_string()));
        assert_eq!(class_of(br#"{"cls": 3, "label": "cat"}"#, Some("cls")), Ok("3".to_string()));
        for (json, told) in [
            (&br#"{"caption": 1}"#[..], "the fields caption"),
            (br#"{"label": -1}"#, "-1"),
            (b"nonsense", "expected"),
        ] {
            let (_, found) = class_of(json, None).expect_err("no class");
            assert!(found.contains(told), "{found}");
        }
    }
}
