//! A TOML document as a tree in which every key and value has its position in the text.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::{Document, StudyFileError};

/// A value with its position.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// Bytes of the key; those of the value where there is no key (array elements, the root).
    pub(crate) key: Range<usize>,
    /// Bytes of the value.
    pub(crate) value: Range<usize>,
    pub(crate) content: Content,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    Scalar(toml::Value),
    Array(Vec<Node>),
    /// In the order of the text.
    Table(Vec<(String, Node)>),
}

impl Node {
    /// Parses the whole document.
    pub(crate) fn parse(document: &Document) -> Result<Node, StudyFileError> {
        let table = DeTable::parse(&document.text).map_err(|error| {
            let (span, mut message) = (error.span().unwrap_or(0..0), error.message().replace('\n', ", "));
            if let Some(line) =
                first_of_duplicates(&document.text, &span).filter(|_| message == "duplicate key")
            {
                message = format!("duplicate key: line {line} has it already");
            }
            document.error(&span, message)
        })?;
        let span = table.span();
        let content = table_content(document, table.get_ref())?;
        Ok(Node { key: span.clone(), value: span, content })
    }

    /// The entries of a table, `None` for anything else.
    pub(crate) fn entries(&self) -> Option<&[(String, Node)]> {
        match &self.content {
            Content::Table(entries) => Some(entries),
            _ => None,
        }
    }

    /// The child under `name` in a table, or with that index in an array.
    pub(crate) fn child(&self, name: &str) -> Option<&Node> {
        match &self.content {
            Content::Table(entries) => entries.iter().find(|(key, _)| key == name).map(|(_, node)| node),
            Content::Array(elements) => name.parse::<usize>().ok().and_then(|index| elements.get(index)),
            Content::Scalar(_) => None,
        }
    }

    /// Returns the node as a plain value without positions.
    pub(crate) fn to_value(&self) -> toml::Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::Array(elements) => toml::Value::Array(elements.iter().map(Node::to_value).collect()),
            Content::Table(entries) => toml::Value::Table(
                entries.iter().map(|(name, node)| (name.clone(), node.to_value())).collect(),
            ),
        }
    }

    /// Returns the type of the value for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.content {
            Content::Array(_) => "an array",
            Content::Table(_) => "a table",
            Content::Scalar(toml::Value::String(_)) => "a string",
            Content::Scalar(toml::Value::Integer(_)) => "an integer",
            Content::Scalar(toml::Value::Float(_)) => "a number with a fraction",
            Content::Scalar(toml::Value::Boolean(_)) => "a truth value",
            Content::Scalar(_) => "a date",
        }
    }
}

/// Returns the line, from 1, that has the key or the head of a table at `span` before it; `None` where no line of the same form has.
fn first_of_duplicates(text: &str, span: &Range<usize>) -> Option<usize> {
    let before = text.get(..span.start)?;
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let duplicate = before.matches('\n').count();
    let key = |line: &str| match line.starts_with('[') {
        true => line.to_owned(),
        false => line.split('=').next().unwrap_or_default().trim_end().to_owned(),
    };
    let wanted = key(lines.get(duplicate)?);
    // A key is looked for in its own table, the head of a table in the whole text.
    let mut earlier =
        (0..duplicate).rev().take_while(|line| wanted.starts_with('[') || !lines[*line].starts_with('['));
    earlier.find(|line| key(lines[*line]) == wanted).map(|line| line + 1)
}

fn table_content(document: &Document, table: &DeTable<'_>) -> Result<Content, StudyFileError> {
    let mut entries = table
        .iter()
        .map(|(key, value)| Ok((key.get_ref().to_string(), node(document, key.span(), value)?)))
        .collect::<Result<Vec<_>, StudyFileError>>()?;
    entries.sort_by_key(|(_, node)| node.key.start);
    Ok(Content::Table(entries))
}

fn node(
    document: &Document,
    key: Range<usize>,
    value: &Spanned<DeValue<'_>>,
) -> Result<Node, StudyFileError> {
    let span = value.span();
    let content = match value.get_ref() {
        DeValue::String(text) => Content::Scalar(toml::Value::String(text.to_string())),
        DeValue::Integer(integer) => {
            let parsed = i64::from_str_radix(integer.as_str(), integer.radix());
            let parsed = parsed.map_err(|_| document.error(&span, "integer outside of 64 bits"))?;
            Content::Scalar(toml::Value::Integer(parsed))
        }
        DeValue::Float(float) => {
            let parsed = float.as_str().parse::<f64>();
            let parsed = parsed.map_err(|_| document.error(&span, "not a number"))?;
            Content::Scalar(toml::Value::Float(parsed))
        }
        DeValue::Boolean(truth) => Content::Scalar(toml::Value::Boolean(*truth)),
        DeValue::Datetime(date) => Content::Scalar(toml::Value::Datetime(*date)),
        DeValue::Array(elements) => Content::Array(
            elements
                .iter()
                .map(|element| node(document, element.span(), element))
                .collect::<Result<_, _>>()?,
        ),
        DeValue::Table(table) => table_content(document, table)?,
    };
    Ok(Node { key, value: span, content })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Node, StudyFileError> {
        Node::parse(&Document { name: "a.toml".into(), text: text.into() })
    }

    #[test]
    fn the_tree_holds_the_same_values_as_the_plain_parser() {
        let text =
            "a = 1_000\nb = [1.5, { c = \"x\" }, true]\nh = 0xff\nd = 1979-05-27\n[t.u]\nv = -3\ninf = inf\n";
        let plain: toml::Table = toml::from_str(text).unwrap();
        assert_eq!(parse(text).unwrap().to_value(), toml::Value::Table(plain));
    }

    #[test]
    fn keys_have_their_positions_and_keep_their_order() {
        let text = "[z.net]\nb = 1\na = [5, 6]\n[a]\n";
        let root = parse(text).unwrap();
        let names: Vec<&str> = root.entries().unwrap().iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["z", "a"]);
        let element = root.child("z").and_then(|z| z.child("net")).and_then(|net| net.child("a")).unwrap();
        assert_eq!(&text[element.key.clone()], "a");
        assert_eq!(&text[element.child("1").unwrap().value.clone()], "6");
    }

    #[test]
    fn broken_syntax_and_duplicate_keys_are_located() {
        assert_eq!(parse("a = 1\nb = = 2\n").unwrap_err().line, 2);
        for (text, lines) in [
            ("a = 1\na = 2\n", (2, 1)),
            ("[x]\na = 1\n[y]\na = 1\n  a=2\n", (5, 4)),
            ("[arms.x.net]\nb = 1\n\n[arms.y]\n[arms.x.net]\n", (5, 1)),
        ] {
            let error = parse(text).unwrap_err();
            let message = format!("duplicate key: line {} has it already", lines.1);
            assert_eq!((error.line, error.message), (lines.0, message), "{text}");
        }
        assert_eq!(parse("a = 99999999999999999999\n").unwrap_err().column, 5);
    }
}
