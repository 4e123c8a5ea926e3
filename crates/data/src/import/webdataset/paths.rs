//! Which tar files are the shards of a set, from a folder, or a path with braces and wildcards; and which split each of them holds.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::DataError;
use crate::import::layout::SplitName;
use crate::shards::ShardFile;

/// Most paths that the braces of one pattern may stand for.
const MOST_PATHS: usize = 1 << 20;

/// Returns the shards that a source names, in order, or none if it is a folder of images or an archive.
///
/// A folder of tar files without other folders is a set of shards; a path that does not exist may hold braces (`train-{0000..0011}.tar`,
/// `{train,val}-000.tar`) and wildcards (`*`, `?`, `[…]`).
///
/// # Errors
/// A pattern that cannot be read, or one of whose paths does not exist.
pub fn find_shards(source: &Path) -> Result<Option<Vec<PathBuf>>, DataError> {
    if source.is_dir() {
        return in_folder(source);
    }
    let Some(text) = source.to_str().filter(|text| text.contains(['{', '*', '?', '['])) else {
        return Ok(None);
    };
    if source.exists() {
        return Ok(None);
    }
    let mut shards = Vec::new();
    for pattern in expanded(text)? {
        let matches = glob::glob(&pattern).map_err(|error| wrong(text, error.to_string()))?;
        let mut found = matches.filter_map(Result::ok).collect::<Vec<_>>();
        if found.is_empty() {
            return Err(wrong(text, format!("no file is named {pattern}")));
        }
        shards.append(&mut found);
    }
    Ok(Some(shards))
}

fn in_folder(folder: &Path) -> Result<Option<Vec<PathBuf>>, DataError> {
    let mut shards = Vec::new();
    for item in fs::read_dir(folder).map_err(DataError::io("list", folder))? {
        let path = item.map_err(DataError::io("list", folder))?.path();
        if path.is_dir() {
            return Ok(None);
        }
        if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("tar")) {
            shards.push(path);
        }
    }
    shards.sort();
    Ok((!shards.is_empty()).then_some(shards))
}

/// Returns the paths that braces stand for, as a shell has them.
fn expanded(text: &str) -> Result<Vec<String>, DataError> {
    let Some((before, rest)) = text.split_once('{') else { return Ok(vec![text.to_string()]) };
    let (inside, after) =
        rest.split_once('}').ok_or_else(|| wrong(text, "a brace without its end".to_string()))?;
    let choices = match inside.split_once("..") {
        Some((first, last)) => numbers(first, last)
            .ok_or_else(|| wrong(text, format!("\"{{{inside}}}\" is no range such as {{0000..0011}}")))?,
        None => inside.split(',').map(str::to_string).collect(),
    };
    let mut paths = Vec::new();
    let rest = expanded(after)?;
    if choices.len().saturating_mul(rest.len()) > MOST_PATHS {
        return Err(wrong(text, format!("it stands for more than {MOST_PATHS} paths")));
    }
    for choice in choices {
        paths.extend(rest.iter().map(|rest| format!("{before}{choice}{rest}")));
    }
    Ok(paths)
}

/// Returns the numbers of a range, with as many digits as its first number has.
fn numbers(first: &str, last: &str) -> Option<Vec<String>> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(first) || !digits(last) {
        return None;
    }
    let (from, to): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
    if to < from || to - from >= MOST_PATHS {
        return None;
    }
    let width = first.len();
    Some((from..=to).map(|number| format!("{number:0width$}")).collect())
}

fn wrong(pattern: &str, limit: String) -> DataError {
    DataError::BadOption {
        field: "source",
        value: format!("\"{pattern}\""),
        limit,
        fix: "write the shards' paths such as 'shards/train-{0000..0011}.tar' or 'shards/*.tar'".to_string(),
    }
}

/// Returns the split whose name is a word of the shard's file name, or of its folder's.
pub(super) fn split_of(shard: &Path) -> Option<SplitName> {
    let words = |name: &std::ffi::OsStr| -> Option<SplitName> {
        let name = name.to_str()?;
        name.split(|letter: char| !letter.is_ascii_alphabetic()).find_map(SplitName::of_folder)
    };
    let folder = shard.parent().and_then(Path::file_name);
    shard.file_stem().and_then(words).or_else(|| folder.and_then(words))
}

/// The shards in messages.
pub(super) fn described(shards: &[PathBuf]) -> String {
    let first = shards.first().map_or(String::new(), |shard| shard.display().to_string());
    match shards.len() {
        0 | 1 => first,
        count => format!("{first} and {} more shards", count - 1),
    }
}

/// The names of links to shards, which may have equal names in different folders, and their sizes.
pub(super) fn linked(shards: &[PathBuf]) -> Result<Vec<ShardFile>, DataError> {
    let link = |(number, shard): (usize, &PathBuf)| {
        let file = shard.file_name().unwrap_or_default().to_string_lossy();
        let bytes = fs::metadata(shard).map_err(DataError::io("read", shard))?.len();
        Ok(ShardFile { file: format!("{number:06}-{file}"), bytes })
    };
    shards.iter().enumerate().map(link).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_stand_for_numbers_and_words() {
        let paths = expanded("{train,val}-{08..10}.tar").expect("braces");
        assert_eq!(
            paths,
            ["train-08.tar", "train-09.tar", "train-10.tar", "val-08.tar", "val-09.tar", "val-10.tar"]
        );
        for (text, told) in [("a{0..2", "without its end"), ("{3..1}", "no range"), ("{a..b}", "no range")] {
            let error = expanded(text).expect_err(text).to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn the_split_is_a_word_of_the_file_or_of_its_folder() {
        for (path, split) in [
            ("x/imagenet-train-000.tar", Some(SplitName::Train)),
            ("x/validation_3.tar", Some(SplitName::Validation)),
            ("test/0001.tar", Some(SplitName::Test)),
            ("x/trained.tar", None),
        ] {
            assert_eq!(split_of(Path::new(path)), split, "{path}");
        }
    }

    #[test]
    fn folders_of_tars_and_wildcards_are_found_in_order() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for file in ["b.tar", "a.tar", "notes.txt"] {
            fs::write(folder.path().join(file), b"x").expect("a file");
        }
        let expected: Vec<PathBuf> = ["a.tar", "b.tar"].map(|file| folder.path().join(file)).into();
        assert_eq!(find_shards(folder.path()).expect("a folder"), Some(expected.clone()));
        assert_eq!(find_shards(&folder.path().join("*.tar")).expect("a pattern"), Some(expected));
        let error = find_shards(&folder.path().join("{a,c}.tar")).expect_err("no c").to_string();
        assert!(error.contains("no file is named") && error.contains("c.tar"), "{error}");
        assert_eq!(find_shards(&folder.path().join("a.tar")).expect("an archive"), None);
        fs::create_dir(folder.path().join("train")).expect("a folder");
        assert_eq!(find_shards(folder.path()).expect("a folder"), None);
    }
}
