//! The text of a study file, and errors with positions in it.

use std::ops::Range;

use crate::text::{is_hidden, visible};

/// An error in a study file, with its position.
///
/// Its `Display` is `file:line:column: message`, the line, a caret under the error, and the
/// nearest valid name if there is one.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}", self.rendered())]
pub struct StudyFileError {
    /// The file as the user named it.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Characters to underline, at least 1, never past the end of the line.
    pub width: u32,
    /// The offending line, without its end.
    pub source_line: String,
    /// The mistake, with the value, the limit or the choices.
    pub message: String,
    /// The nearest valid name, if the value looks like a misspelling.
    pub suggestion: Option<String>,
    /// Whether the cause is the data rather than the file (exit code 65).
    pub bad_data: bool,
}

impl StudyFileError {
    fn rendered(&self) -> String {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        let before: String = self
            .source_line
            .chars()
            .take(self.column as usize - 1)
            .map(|character| if character == '\t' { '\t' } else { ' ' })
            .collect();
        let mut text = format!(
            "{}:{}:{}: {}\n{margin} |\n{number} | {}\n{margin} | {before}{}",
            self.file,
            self.line,
            self.column,
            self.message,
            self.source_line,
            "^".repeat(self.width as usize)
        );
        if let Some(name) = &self.suggestion {
            text.push_str(&format!("\n{margin} = did you mean `{name}`?"));
        }
        text
    }

    /// The same error with a suggestion, if there is one.
    pub(crate) fn suggesting(mut self, suggestion: Option<String>) -> StudyFileError {
        self.suggestion = suggestion;
        self
    }
}

/// A text with the name under which errors mention it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Document {
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Document {
    /// An error about the bytes `span`; only the first line of the span is shown.
    pub(crate) fn error(&self, span: &Range<usize>, message: impl Into<String>) -> StudyFileError {
        let start = floor_boundary(&self.text, span.start);
        let end = floor_boundary(&self.text, span.end).max(start);
        let line_start = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = self.text[start..].find('\n').map_or(self.text.len(), |at| start + at);
        // One character for one, so that the caret stays under the error.
        let shown = |character: char| match character {
            '\t' => '\t',
            hidden if is_hidden(hidden) => '\u{fffd}',
            other => other,
        };
        let source_line = self.text[line_start..line_end].trim_end_matches('\r').chars().map(shown).collect();
        StudyFileError {
            file: self.name.clone(),
            line: count(self.text[..start].matches('\n')) + 1,
            column: count(self.text[line_start..start].chars()) + 1,
            width: count(self.text[start..end.min(line_end)].chars()).max(1),
            source_line,
            message: visible(&message.into()),
            suggestion: None,
            bad_data: false,
        }
    }
}

/// Converts a line or column number; beyond 2³² its exact value does not matter.
fn count(items: impl Iterator) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

fn floor_boundary(text: &str, index: usize) -> usize {
    let mut index = index.min(text.len());
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}

/// Bytes of a name above which no other is suggested for it.
const LONGEST_MISTAKE: usize = 200;

/// The candidate nearest to `name`, if it is near enough to be what was meant: at most a third of the letters differ,
/// at least two may.
pub(crate) fn nearest_name<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    // Such a long name is not a misspelling, and comparing it takes its length times that of every candidate.
    if name.len() > LONGEST_MISTAKE {
        return None;
    }
    let allowed = (name.chars().count() / 3).max(2);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.chars().count())
        .min()
        .map(|(_, candidate)| candidate.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document { name: "a.toml".into(), text: text.into() }
    }

    #[test]
    fn the_caret_is_under_the_error_and_columns_count_characters() {
        let document = document("x = 1\nλμ = bad # end\n");
        let start = document.text.find("bad").unwrap();
        let error = document.error(&(start..start + 3), "no").suggesting(Some("good".into()));
        assert_eq!((error.line, error.column, error.width), (2, 6, 3));
        let expected = "a.toml:2:6: no\n  |\n2 | λμ = bad # end\n  |      ^^^\n  = did you mean `good`?";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_span_over_several_lines_shows_the_first_and_one_past_the_end_is_safe() {
        let document = document("[a]\nb = 1\n");
        let error = document.error(&(0..9), "no");
        assert_eq!((error.line, error.width), (1, 3));
        let error = document.error(&(500..900), "no");
        assert_eq!((error.line, error.column, error.width), (3, 1, 1));
    }

    #[test]
    fn hidden_characters_are_shown_and_do_not_move_the_caret() {
        let document = document("a\u{202e}b\u{1b} = bad\n");
        let start = document.text.find("bad").unwrap();
        let error = document.error(&(start..start + 3), "name `a\u{202e}b`");
        assert_eq!((error.column, error.message.as_str()), (8, "name `a⟨U+202E⟩b`"));
        assert_eq!(error.source_line, "a\u{fffd}b\u{fffd} = bad");
    }

    #[test]
    fn only_near_names_are_suggested() {
        let names = ["alpha", "baseline", "correction", "test"];
        assert_eq!(nearest_name("corection", names), Some("correction".into()));
        assert_eq!(nearest_name("tset", names), Some("test".into()));
        assert_eq!(nearest_name("momentum", names), None);
        assert_eq!(nearest_name("x", ["ab"]), None);
    }
}
