//! A table of images: which class, and perhaps which split, each file belongs to.

use std::collections::BTreeMap;
use std::path::Path;

use super::layout::SplitName;
use crate::error::DataError;

/// Most bytes of a table.
const TABLE_BYTES: u64 = 1 << 30;

/// Names of the columns, in any case.
const FILE: [&str; 5] = ["file", "filename", "path", "image", "id"];
const LABEL: [&str; 4] = ["label", "class", "category", "target"];

/// The rows of a table by the path of their file.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    /// True if a column names the split.
    pub(super) has_splits: bool,
    rows: BTreeMap<String, Row>,
}

#[derive(Clone, Debug)]
struct Row {
    class: String,
    split: SplitName,
    line: usize,
    found: bool,
}

impl Table {
    /// Reads a CSV with a header line; fields may stand in double quotes.
    ///
    /// # Errors
    /// [`DataError::BadFile`] with the line: columns that are missing, a row of another length, an empty field, a file that stands there twice, or
    /// an unknown split.
    pub(super) fn read(path: &Path) -> Result<Table, DataError> {
        let bytes = std::fs::metadata(path).map_err(DataError::io("read", path))?.len();
        let wrong = |line: usize, expected: &str, found: String| {
            let file = format!("{}, line {line}", path.display());
            DataError::bad_file(file, expected, found, "correct the table")
        };
        if bytes > TABLE_BYTES {
            return Err(wrong(1, "a table of at most 1 GiB", format!("{bytes} bytes")));
        }
        let text = std::fs::read(path).map_err(DataError::io("read", path))?;
        let text =
            String::from_utf8(text).map_err(|_| wrong(1, "text in UTF-8", "other bytes".to_string()))?;
        let mut lines = records(text.trim_start_matches('\u{feff}'))
            .map_err(|line| wrong(line, "a field that ends with a quote", "the end of the file".to_string()))?
            .into_iter();
        let Some((_, header)) = lines.next() else {
            return Err(wrong(1, "a header such as file,label", "an empty table".to_string()));
        };
        let column = |names: &[&str]| {
            header.iter().position(|name| names.iter().any(|known| name.trim().eq_ignore_ascii_case(known)))
        };
        let (Some(file), Some(label)) = (column(&FILE), column(&LABEL)) else {
            return Err(wrong(1, "the columns file and label", format!("\"{}\"", header.join(","))));
        };
        let split = column(&["split"]);
        let mut table = Table { has_splits: split.is_some(), rows: BTreeMap::new() };
        for (line, fields) in lines {
            if fields.len() != header.len() {
                let expected = format!("{} fields", header.len());
                return Err(wrong(line, &expected, fields.len().to_string()));
            }
            let split = match split.map(|column| fields[column].trim()) {
                None => SplitName::Train,
                Some(name) => SplitName::of_folder(name)
                    .ok_or_else(|| wrong(line, "the split train, val or test", format!("\"{name}\"")))?,
            };
            let [name, class] = [file, label].map(|column| fields[column].trim().to_string());
            if name.is_empty() || class.is_empty() {
                return Err(wrong(line, "a file and its label", "an empty field".to_string()));
            }
            let name = name.trim_start_matches("./").replace('\\', "/");
            let row = Row { class, split, line, found: false };
            if let Some(other) = table.rows.insert(name.clone(), row) {
                return Err(wrong(line, "every file once", format!("{name}, as in line {}", other.line)));
            }
        }
        Ok(table)
    }

    /// The split and class of a file; it counts as found.
    pub(super) fn take(&mut self, path: &str) -> Option<(SplitName, String)> {
        let row = self.rows.get_mut(path)?;
        row.found = true;
        Some((row.split, row.class.clone()))
    }

    /// The first file that was not found, with its line.
    pub(super) fn missing(&self) -> Option<(&str, usize)> {
        self.rows.iter().find(|(_, row)| !row.found).map(|(name, row)| (name.as_str(), row.line))
    }
}

/// The records of a CSV (RFC 4180) with the number of their first line; empty lines are left out. The error is the line in which a quoted field
/// begins that never ends.
fn records(text: &str) -> Result<Vec<(usize, Vec<String>)>, usize> {
    let (mut records, mut fields, mut field) = (Vec::new(), Vec::new(), String::new());
    let (mut line, mut first_line) = (1, 1);
    let mut quoted_since = None;
    let mut letters = text.chars().peekable();
    loop {
        let letter = letters.next();
        if letter == Some('\n') {
            line += 1;
        }
        match letter {
            None if quoted_since.is_some() => return Err(quoted_since.unwrap_or(line)),
            Some('"') if quoted_since.is_some() && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            Some('"') if quoted_since.is_some() => quoted_since = None,
            Some(letter) if quoted_since.is_some() => field.push(letter),
            Some('"') if field.is_empty() => quoted_since = Some(line),
            Some(',') => fields.push(std::mem::take(&mut field)),
            Some('\n') | None => {
                let end = field.trim_end_matches('\r').len();
                field.truncate(end);
                fields.push(std::mem::take(&mut field));
                let record = std::mem::take(&mut fields);
                if record.len() > 1 || !record[0].is_empty() {
                    records.push((first_line, record));
                }
                first_line = line;
                if letter.is_none() {
                    return Ok(records);
                }
            }
            Some(letter) => field.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_commas_and_line_ends_of_every_system_are_read() {
        let text = "file,label\r\n\"a,b.png\",\"say \"\"cat\"\"\"\n\nc.png,dog";
        let expected =
            [(1, vec!["file", "label"]), (2, vec!["a,b.png", "say \"cat\""]), (4, vec!["c.png", "dog"])];
        let found = records(text).expect("whole");
        let found: Vec<(usize, Vec<&str>)> =
            found.iter().map(|(line, fields)| (*line, fields.iter().map(String::as_str).collect())).collect();
        assert_eq!(found, expected);
        assert_eq!(records("a,b\n\"c,d\n"), Err(2));
    }

    #[test]
    fn faults_of_a_table_are_named_with_their_line() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("labels.csv");
        for (text, expected) in [
            ("", "line 1: expected a header"),
            ("name,number\na,b\n", "line 1: expected the columns file and label, found \"name,number\""),
            ("file,label\na.png\n", "line 2: expected 2 fields, found 1"),
            ("file,label\na.png,\n", "line 2: expected a file and its label"),
            (
                "file,label\na.png,cat\n./a.png,dog\n",
                "line 3: expected every file once, found a.png, as in line 2",
            ),
            (
                "file,label,split\na.png,cat,dev\n",
                "line 2: expected the split train, val or test, found \"dev\"",
            ),
            ("file,label\n\"a.png,cat\n", "line 2: expected a field that ends"),
        ] {
            std::fs::write(&path, text).expect("a table");
            let error = Table::read(&path).expect_err(expected).to_string();
            assert!(error.contains(expected) && error.contains("labels.csv"), "{error}");
        }
        std::fs::write(&path, b"file,label\n\xff,cat\n").expect("a table");
        assert!(Table::read(&path).expect_err("bytes").to_string().contains("text in UTF-8"));
    }
}
