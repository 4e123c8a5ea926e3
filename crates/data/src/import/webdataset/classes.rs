//! The classes of shards: numbers or names in the samples, and the file that names the numbers.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::error::DataError;
use crate::import::labels::FEWEST_CLASSES;
use crate::shards::HEADER_FILE;

/// A file beside the shards with the name of a class in each line.
const NAMES_FILE: &str = "classes.txt";

/// The names of classes that stand beside the shards, by their numbers.
pub(super) struct Names {
    file: String,
    names: Vec<String>,
}

impl Names {
    /// Reads `classes.txt`, or the classes in the `set.json` that `allconv data pack` writes; none where neither is there.
    ///
    /// # Errors
    /// A file that cannot be read, is no text, or has an empty or a repeated name.
    pub(super) fn beside(shard: &Path) -> Result<Option<Names>, DataError> {
        let folder = shard.parent().unwrap_or(Path::new(""));
        let (text, header) = (folder.join(NAMES_FILE), folder.join(HEADER_FILE));
        let read = |path: &Path| fs::read_to_string(path).map_err(DataError::io("read", path));
        let (path, names): (_, Vec<String>) = if text.exists() {
            let names = read(&text)?;
            (text, names.trim_end().lines().map(|name| name.trim().to_string()).collect())
        } else if header.exists() {
            let value: Value = serde_json::from_str(&read(&header)?).unwrap_or_default();
            let listed = value.get("classes").and_then(Value::as_array).cloned().unwrap_or_default();
            (header, listed.iter().filter_map(|name| Some(name.as_str()?.to_string())).collect())
        } else {
            return Ok(None);
        };
        let file = path.display().to_string();
        let mut seen = BTreeMap::new();
        for (line, name) in names.iter().enumerate() {
            let other = seen.insert(name, line);
            if name.is_empty() || other.is_some() {
                let expected = "a name for each class, none twice";
                let found = format!("\"{}\" for class {line}", name.escape_debug());
                return Err(DataError::bad_file(file, expected, found, "correct the file"));
            }
        }
        Ok(Some(Names { file, names }))
    }
}

/// Orders the classes that samples name, given with their provisional numbers: by the list of names, else by number, else by name.
///
/// Returns the names, and the class number for each provisional number.
///
/// # Errors
/// [`DataError::BadFile`] for a class that is not in the list, or fewer than two or more than 65,535 classes.
pub(super) fn ordered(
    source: &str,
    found: &BTreeMap<String, u32>,
    names: Option<Names>,
) -> Result<(Vec<String>, Vec<u16>), DataError> {
    let number = |class: &String| class.parse::<usize>().ok().filter(|_| !class.starts_with('+'));
    let are_numbers = found.keys().all(|class| number(class).is_some());
    let mut listed: Vec<&String> = found.keys().collect();
    if are_numbers {
        listed.sort_by_key(|class| number(class));
    }
    let listed: Vec<String> = listed.into_iter().cloned().collect();
    let mut numbers = vec![0u16; found.len()];
    let classes = names.as_ref().map_or(&listed, |names| &names.names);
    if classes.len() < FEWEST_CLASSES || classes.len() > usize::from(u16::MAX) {
        let expected = format!("from {FEWEST_CLASSES} to {} classes", u16::MAX);
        return Err(DataError::bad_file(source, expected, classes.len(), "give the shards of more classes"));
    }
    for (class, provisional) in found {
        let place = match (&names, are_numbers) {
            (Some(_), true) => number(class).filter(|number| *number < classes.len()),
            _ => classes.iter().position(|name| name == class),
        };
        let Some(place) = place else {
            let file = names.as_ref().map_or(source, |names| &names.file);
            let found = format!("{} names without \"{class}\"", classes.len());
            let fix = "complete the file, or take it away to have the classes named by what the shards say";
            return Err(DataError::bad_file(file, "a line for each class of the shards", found, fix));
        };
        numbers[*provisional as usize] = place as u16;
    }
    Ok((classes.clone(), numbers))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(classes: &[&str]) -> BTreeMap<String, u32> {
        classes.iter().enumerate().map(|(number, class)| (class.to_string(), number as u32)).collect()
    }

    fn names(names: &[&str]) -> Option<Names> {
        Some(Names { file: "classes.txt".into(), names: names.iter().map(ToString::to_string).collect() })
    }

    #[test]
    fn numbers_are_ordered_as_numbers_and_names_as_names() {
        let (classes, numbers) = ordered("s", &found(&["10", "2", "7"]), None).expect("three classes");
        assert_eq!((classes, numbers), (vec!["2".into(), "7".into(), "10".into()], vec![2, 0, 1]));
        let (classes, numbers) = ordered("s", &found(&["dog", "cat"]), None).expect("two classes");
        assert_eq!((classes, numbers), (vec!["cat".into(), "dog".into()], vec![1, 0]));
    }

    #[test]
    fn a_list_of_names_gives_numbers_their_names_and_names_their_numbers() {
        let (_, numbers) = ordered("s", &found(&["1", "0"]), names(&["dog", "cat", "cow"])).expect("named");
        assert_eq!(numbers, [1, 0]);
        let (_, numbers) =
            ordered("s", &found(&["cow", "dog"]), names(&["dog", "cat", "cow"])).expect("named");
        assert_eq!(numbers, [2, 0]);
        let error = ordered("s", &found(&["3"]), names(&["dog", "cat"])).expect_err("no name").to_string();
        assert!(error.contains("classes.txt") && error.contains("2 names without \"3\""), "{error}");
    }
}
