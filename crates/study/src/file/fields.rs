//! Typed fields of a table of a study file, every error with its position.

use super::document::{Document, StudyFileError, nearest_name};
use super::node::{Content, Node};
use crate::text::{is_hidden, visible};

/// A table whose keys have been checked against the allowed ones.
pub(crate) struct Fields<'a> {
    document: &'a Document,
    node: &'a Node,
    /// Path of the table for messages, `""` for the root.
    path: &'a str,
}

impl<'a> Fields<'a> {
    /// Takes `node` as a table in which only `allowed` keys may occur.
    pub(crate) fn of(
        document: &'a Document,
        node: &'a Node,
        path: &'a str,
        allowed: &[&str],
    ) -> Result<Fields<'a>, StudyFileError> {
        let Some(entries) = node.entries() else {
            let message = format!("`{path}` must be a table, is {}", node.kind());
            return Err(document.error(&node.value, message));
        };
        for (name, child) in entries {
            if !allowed.contains(&name.as_str()) {
                let place = if path.is_empty() { String::new() } else { format!(" in `{path}`") };
                let message =
                    format!("unknown key `{name}`{place}; allowed are {}", quoted(allowed.iter().copied()));
                let suggestion = nearest_name(name, allowed.iter().copied());
                return Err(document.error(&child.key, message).suggesting(suggestion));
            }
        }
        Ok(Fields { document, node, path })
    }

    /// The node of an optional field.
    pub(crate) fn optional(&self, name: &str) -> Option<&'a Node> {
        self.node.child(name)
    }

    /// Returns the node of a required field.
    pub(crate) fn required(&self, name: &str) -> Result<&'a Node, StudyFileError> {
        self.node.child(name).ok_or_else(|| {
            if self.path.is_empty() {
                self.document.error(&(0..0), format!("the study has no `{name}`"))
            } else {
                self.document.error(&self.node.key, format!("`{}` has no `{name}`", self.path))
            }
        })
    }

    /// A string that is not blank.
    pub(crate) fn text(&self, name: &str, node: &Node) -> Result<String, StudyFileError> {
        match &node.content {
            Content::Scalar(toml::Value::String(text)) if !text.trim().is_empty() => Ok(text.clone()),
            Content::Scalar(toml::Value::String(_)) => {
                Err(self.document.error(&node.value, format!("`{name}` is empty")))
            }
            _ => Err(self.wrong(name, node, "a string")),
        }
    }

    /// Reads free text; hidden characters in it are made visible.
    pub(crate) fn prose(&self, name: &str, node: &Node) -> Result<String, StudyFileError> {
        Ok(visible(&self.text(name, node)?))
    }

    /// Reads the name of a metric, which occurs in figures, tables and files.
    pub(crate) fn metric(&self, name: &str, node: &Node) -> Result<String, StudyFileError> {
        let text = self.text(name, node)?;
        if text.chars().any(is_hidden) {
            let message = format!(
                "`{name}` is used in figures and tables: no line ends, marks of direction or other control characters"
            );
            return Err(self.document.error(&node.value, message));
        }
        Ok(text)
    }

    /// An integer between `least` and `most`.
    pub(crate) fn integer(
        &self,
        name: &str,
        node: &Node,
        (least, most): (i64, i64),
    ) -> Result<i64, StudyFileError> {
        match node.content {
            Content::Scalar(toml::Value::Integer(value)) if (least..=most).contains(&value) => Ok(value),
            Content::Scalar(toml::Value::Integer(value)) => Err(self
                .document
                .error(&node.value, format!("`{name}` must be from {least} to {most}, is {value}"))),
            _ => Err(self.wrong(name, node, "an integer")),
        }
    }

    /// A number strictly between `least` and `most`.
    pub(crate) fn number_between(
        &self,
        name: &str,
        node: &Node,
        (least, most): (f64, f64),
    ) -> Result<f64, StudyFileError> {
        let value = match node.content {
            Content::Scalar(toml::Value::Float(value)) => value,
            Content::Scalar(toml::Value::Integer(value)) => value as f64,
            _ => return Err(self.wrong(name, node, "a number")),
        };
        if value > least && value < most {
            return Ok(value);
        }
        let message = if most.is_infinite() {
            format!("`{name}` must be finite and above {least}, is {value}")
        } else {
            format!("`{name}` must lie between {least} and {most}, both excluded, is {value}")
        };
        Err(self.document.error(&node.value, message))
    }

    /// Reads one of several names.
    pub(crate) fn choice<T: Copy>(
        &self,
        name: &str,
        node: &Node,
        choices: &[(&str, T)],
    ) -> Result<T, StudyFileError> {
        let chosen = self.text(name, node)?;
        if let Some((_, value)) = choices.iter().find(|(choice, _)| *choice == chosen) {
            return Ok(*value);
        }
        let known = || choices.iter().map(|(choice, _)| *choice);
        let message = format!("unknown `{name}`: `{chosen}`; choices are {}", quoted(known()));
        Err(self.document.error(&node.value, message).suggesting(nearest_name(&chosen, known())))
    }

    fn wrong(&self, name: &str, node: &Node, expected: &str) -> StudyFileError {
        self.document.error(&node.value, format!("`{name}` must be {expected}, is {}", node.kind()))
    }
}

/// `` `a`, `b` `` for messages.
pub(crate) fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
