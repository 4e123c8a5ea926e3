//! LaTeX sources: which files a paper consists of, which commands they use, and their text without comments.

use std::collections::BTreeSet;
use std::path::Path;

use crate::error::{PaperError, TextProblem};

/// One source file.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Path relative to the paper's folder, with `/`.
    pub(crate) file: String,
    /// Its text, in which every comment is replaced by spaces, so that places stay the same.
    pub(crate) text: String,
}

/// A command with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    /// Its name without the backslash.
    pub(crate) name: String,
    /// Byte offset of the backslash.
    pub(crate) start: usize,
    /// Byte offset behind its last argument.
    pub(crate) end: usize,
    /// Its arguments in braces, without those in brackets.
    pub(crate) arguments: Vec<String>,
}

impl Source {
    /// Makes a source from its text.
    pub(crate) fn new(file: impl Into<String>, text: &str) -> Source {
        Source { file: file.into(), text: without_comments(text) }
    }

    /// All commands, those within arguments of others included, in the order of the text.
    pub(crate) fn commands(&self) -> Vec<Command> {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(offset) = self.text[at..].find('\\') {
            let start = at + offset;
            let command = command_at(&self.text, start);
            at = start + 1 + command.name.len().max(1);
            while !self.text.is_char_boundary(at) {
                at += 1;
            }
            found.push(command);
        }
        found
    }

    /// A problem at a byte offset.
    pub(crate) fn problem(&self, offset: usize, message: impl Into<String>) -> TextProblem {
        let before = &self.text[..offset];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        TextProblem {
            file: self.file.clone(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: message.into(),
        }
    }
}

/// The main source and everything that it reads by `\input` and `\include`, generated files left out.
///
/// # Errors
/// [`PaperError::Record`] when a source cannot be read.
pub(crate) fn read_sources(folder: &Path, main: &str) -> Result<Vec<Source>, PaperError> {
    let (mut sources, mut known) = (Vec::new(), BTreeSet::new());
    let mut waiting = vec![main.to_owned()];
    while let Some(file) = waiting.pop() {
        if file.starts_with("generated/") || !known.insert(file.clone()) {
            continue;
        }
        let path = folder.join(&file);
        let text = std::fs::read_to_string(&path).map_err(PaperError::read(&path))?;
        let source = Source::new(file, &text);
        let read =
            source.commands().into_iter().filter(|command| ["input", "include"].contains(&&*command.name));
        let mut files: Vec<String> = read
            .filter_map(|command| command.arguments.into_iter().next())
            .map(|name| if name.ends_with(".tex") { name } else { format!("{name}.tex") })
            .collect();
        files.reverse();
        waiting.extend(files);
        sources.push(source);
    }
    Ok(sources)
}

/// The command whose backslash stands at `start`, with the arguments that follow it directly.
fn command_at(text: &str, start: usize) -> Command {
    let after = &text[start + 1..];
    let letters = after.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(after.len());
    let name = if letters == 0 {
        after.chars().next().map_or_else(String::new, String::from)
    } else {
        after[..letters].to_owned()
    };
    let mut end = start + 1 + name.len();
    let mut arguments = Vec::new();
    if text[end..].starts_with('*') {
        end += 1;
    }
    // A control symbol such as `\%` takes no argument, but for the space behind a line, `\\[2pt]`.
    while let Some((open, close)) = [('{', '}'), ('[', ']')]
        .into_iter()
        .find(|(open, _)| text[end..].starts_with(*open) && (letters > 0 || (name == "\\" && *open == '[')))
    {
        let Some(length) = closing(&text[end..], open, close) else { break };
        if open == '{' {
            arguments.push(text[end + 1..end + length - 1].to_owned());
        }
        end += length;
    }
    Command { name, start, end, arguments }
}

/// Length of a group in bytes, its delimiters included; `None` where it does not end.
fn closing(text: &str, open: char, close: char) -> Option<usize> {
    let (mut depth, mut escaped) = (0_usize, false);
    for (offset, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if letter == open => depth += 1,
            _ if letter == close => {
                depth -= 1;
                if depth == 0 {
                    return Some(offset + letter.len_utf8());
                }
            }
            _ => {}
        }
    }
    None
}

/// The text with every comment replaced by as many spaces as it has bytes.
fn without_comments(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let mut escaped = false;
        let comment = line.char_indices().find(|&(_, letter)| {
            let begins = letter == '%' && !escaped;
            escaped = letter == '\\' && !escaped;
            begins
        });
        let Some((at, _)) = comment else {
            result.push_str(line);
            continue;
        };
        let body = line.trim_end_matches(['\n', '\r']).len();
        result.push_str(&line[..at]);
        result.extend(std::iter::repeat_n(' ', body - at));
        result.push_str(&line[body..]);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_with_their_arguments_and_places() {
        let source =
            Source::new("a.tex", "As \\emph{told by \\val{s/a.mean}} % \\val{no}\n\\\\[2pt] 5\\% \\x*[w]{y}");
        let commands = source.commands();
        let names: Vec<&str> = commands.iter().map(|command| command.name.as_str()).collect();
        assert_eq!(names, ["emph", "val", "\\", "%", "x"]);
        assert_eq!(commands[1].arguments, ["s/a.mean"]);
        assert_eq!(&source.text[commands[2].start..commands[2].end], "\\\\[2pt]");
        assert_eq!(commands[4].arguments, ["y"]);
        let place = source.problem(commands[3].start, "x");
        assert_eq!((place.line, place.column), (2, 10));
    }

    #[test]
    fn a_percent_sign_that_is_escaped_begins_no_comment() {
        assert_eq!(Source::new("a", "5\\% x\\\\% y\nz").text, "5\\% x\\\\   \nz");
    }

    #[test]
    fn groups_that_do_not_end_are_no_arguments() {
        assert!(Source::new("a", "\\val{s").commands()[0].arguments.is_empty());
    }
}
