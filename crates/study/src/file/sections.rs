//! `[base.*]` and `[arms.NAME.*]`: how an arm's keys replace the base's, and the position of each in the file.
//!
//! The rule, exactly: the three sections are `data`, `net` and `train`. For each section, every key that the arm writes
//! replaces the base's key of that name as a whole; the base's other keys in the section stay. Nothing below that
//! level is merged: with
//!
//! ```toml
//! [base.net]
//! architecture = { springenberg = { base = "c", width = 0.25 } }
//! downsample = { max_pool = { kernel = 3, stride = 2 } }
//! [arms.wide.net]
//! architecture = { springenberg = { base = "c" } }
//! ```
//!
//! the arm `wide` has no `width` (so the architecture's own default holds), and keeps `downsample`.

use allconv_record::ResolveError;

use super::document::{Document, StudyFileError};
use super::fields::Fields;
use super::node::{Content, Node};

/// The names of the sections that the base and every arm may have.
pub const SECTION_NAMES: [&str; 3] = ["data", "net", "train"];

/// The three sections of the base or of an arm, as far as they are written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sections {
    /// `[base]` or `[arms.NAME]`, for errors that concern no key in particular.
    node: Option<Node>,
    sections: [Option<Node>; 3],
}

impl Sections {
    /// Reads a table that holds nothing else.
    pub(crate) fn read(document: &Document, node: &Node, path: &str) -> Result<Sections, StudyFileError> {
        Sections::of(document, node, &Fields::of(document, node, path, &SECTION_NAMES)?, path)
    }

    /// The sections among the fields of `node`, which may have others.
    pub(super) fn of(
        document: &Document,
        node: &Node,
        fields: &Fields<'_>,
        path: &str,
    ) -> Result<Sections, StudyFileError> {
        let mut sections = [None, None, None];
        for (name, slot) in SECTION_NAMES.iter().zip(&mut sections) {
            if let Some(section) = fields.optional(name) {
                if section.entries().is_none() {
                    let message = format!("`{path}.{name}` must be a table, is {}", section.kind());
                    return Err(document.error(&section.value, message));
                }
                *slot = Some(section.clone());
            }
        }
        Ok(Sections { node: Some(node.clone()), sections })
    }

    /// These sections and `other`'s, key by key down to single values.
    ///
    /// # Errors
    /// [`StudyFileError`] at a value that both write.
    pub(crate) fn joined(&self, other: &Sections, document: &Document) -> Result<Sections, StudyFileError> {
        let mut sections = self.sections.clone();
        for (slot, added) in sections.iter_mut().zip(&other.sections) {
            if let Some(added) = added {
                *slot = Some(match slot.take() {
                    Some(own) => join(&own, added, document)?,
                    None => added.clone(),
                });
            }
        }
        Ok(Sections { node: self.node.clone().or(other.node.clone()), sections })
    }

    /// The section with the given index after this arm's keys replaced the base's.
    pub(crate) fn over(&self, base: &Sections, index: usize) -> toml::Table {
        let mut table = toml::Table::new();
        for section in [&base.sections[index], &self.sections[index]].into_iter().flatten() {
            for (name, node) in section.entries().unwrap_or_default() {
                table.insert(name.clone(), node.to_value());
            }
        }
        table
    }

    /// The key of a section, if it is written here.
    pub(super) fn written(&self, index: usize, key: &str) -> Option<&Node> {
        self.sections[index].as_ref()?.child(key)
    }

    /// Puts the error of a resolver at the position of its key: in the arm if the arm wrote the key, else in the base. A path
    /// that neither wrote (a missing key) is shown at its deepest part that exists.
    pub(crate) fn locate(
        &self,
        base: &Sections,
        document: &Document,
        error: &ResolveError,
    ) -> StudyFileError {
        let mut message = error.message.clone();
        if !error.path.is_empty() {
            message = format!("{}: {message}", error.path.join("."));
        }
        let span = match self.find(base, &error.path) {
            Some((node, true)) => {
                // The position of a wrong value is the value's; that of a table is its key's.
                let is_leaf = matches!(node.content, Content::Scalar(_));
                let by_value = is_leaf && error.suggestion.is_none();
                if by_value || names_value(node, error) { &node.value } else { &node.key }
            }
            Some((node, false)) => &node.key,
            None => &(0..0),
        };
        let mut located = document.error(span, message).suggesting(error.suggestion.clone());
        located.bad_data = error.bad_data;
        located
    }

    /// The deepest node along `path`, and whether it is the whole path.
    fn find<'a>(&'a self, base: &'a Sections, path: &[String]) -> Option<(&'a Node, bool)> {
        let fallback = self.node.as_ref().or(base.node.as_ref()).map(|node| (node, false));
        let Some(index) =
            path.first().and_then(|name| SECTION_NAMES.iter().position(|section| section == name))
        else {
            return fallback;
        };
        let (own, inherited) = (&self.sections[index], &base.sections[index]);
        let Some(key) = path.get(1) else {
            return own.as_ref().or(inherited.as_ref()).map(|node| (node, true)).or(fallback);
        };
        let holds = |section: &&Node| section.child(key).is_some();
        let Some(section) = own.as_ref().filter(holds).or(inherited.as_ref().filter(holds)) else {
            return own.as_ref().or(inherited.as_ref()).map(|node| (node, false)).or(fallback);
        };
        let mut node = section;
        for name in &path[1..] {
            match node.child(name) {
                Some(child) => node = child,
                None => return Some((node, false)),
            }
        }
        Some((node, true))
    }
}

/// Two tables as one; `other` follows.
fn join(own: &Node, other: &Node, document: &Document) -> Result<Node, StudyFileError> {
    let (Some(first), Some(second)) = (own.entries(), other.entries()) else {
        let name = document.text.get(other.key.clone()).unwrap_or_default();
        let message =
            format!("`{name}` is written by two levels of different factors; it can be written by one");
        return Err(document.error(&other.key, message));
    };
    let mut entries = first.to_vec();
    for (name, added) in second {
        match entries.iter_mut().find(|(other, _)| other == name) {
            Some((_, node)) => *node = join(node, added, document)?,
            None => entries.push((name.clone(), added.clone())),
        }
    }
    Ok(Node { content: Content::Table(entries), ..own.clone() })
}

/// Whether the suggestion is about the value (`architecture = "sprngenberg"`) rather than the key.
fn names_value(node: &Node, error: &ResolveError) -> bool {
    let Content::Scalar(toml::Value::String(value)) = &node.content else { return false };
    let Some(suggestion) = &error.suggestion else { return false };
    let distance = |name: &str| strsim::damerau_levenshtein(name, suggestion);
    error.path.last().is_none_or(|key| distance(value) <= distance(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
[base.net]
architecture = { springenberg = { base = \"c\", width = 0.25 } }
downsample = { max_pool = { kernel = 3, stride = 2 } }
[arm.net.downsample]
strided_conv = { kernell = 3 }
";

    fn parse(text: &str) -> (Document, Sections, Sections) {
        let document = Document { name: "a.toml".into(), text: text.into() };
        let root = Node::parse(&document).unwrap();
        let base = Sections::read(&document, root.child("base").unwrap(), "base").unwrap();
        let arm = Sections::read(&document, root.child("arm").unwrap(), "arm").unwrap();
        (document, base, arm)
    }

    fn error(path: &[&str], suggestion: Option<&str>) -> ResolveError {
        ResolveError {
            path: path.iter().map(|part| part.to_string()).collect(),
            message: "no".into(),
            suggestion: suggestion.map(str::to_string),
            bad_data: false,
        }
    }

    #[test]
    fn a_key_of_the_arm_replaces_the_base_key_whole_and_other_keys_stay() {
        let (_, base, arm) = parse(TEXT);
        let net = arm.over(&base, 1);
        assert_eq!(net["downsample"].as_table().unwrap().keys().collect::<Vec<_>>(), ["strided_conv"]);
        assert!(net.contains_key("architecture"));
        assert!(arm.over(&base, 0).is_empty());
    }

    #[test]
    fn an_error_in_what_the_arm_wrote_points_into_the_arm() {
        let (document, base, arm) = parse(TEXT);
        let path = ["net", "downsample", "strided_conv", "kernell"];
        let located = arm.locate(&base, &document, &error(&path, Some("kernel")));
        assert_eq!((located.line, located.column, located.width), (5, 18, 7));
    }

    #[test]
    fn an_error_in_what_the_base_wrote_points_into_the_base() {
        let (document, base, arm) = parse(TEXT);
        let path = ["net", "architecture", "springenberg", "width"];
        let located = arm.locate(&base, &document, &error(&path, None));
        assert_eq!((located.line, located.column, located.width), (2, 55, 4));
    }

    #[test]
    fn a_missing_key_points_at_its_table_and_a_missing_section_at_the_arm() {
        let (document, base, arm) = parse(TEXT);
        let path = ["net", "downsample", "strided_conv", "stride"];
        assert_eq!(arm.locate(&base, &document, &error(&path, None)).line, 5);
        assert_eq!(arm.locate(&base, &document, &error(&["data", "dataset"], None)).line, 4);
        assert_eq!(arm.locate(&base, &document, &error(&[], None)).line, 4);
    }

    #[test]
    fn a_misspelt_value_is_underlined_rather_than_its_key() {
        let text = "[base.data]\ndataset = \"cifar01\"\n[arm]\n";
        let (document, base, arm) = parse(text);
        let located = arm.locate(&base, &document, &error(&["data", "dataset"], Some("cifar10")));
        assert_eq!((located.line, located.column), (2, 11));
    }

    #[test]
    fn an_unknown_section_is_refused() {
        let document = Document { name: "a.toml".into(), text: "[arm.nett]\n".into() };
        let root = Node::parse(&document).unwrap();
        let error = Sections::read(&document, root.child("arm").unwrap(), "arm").unwrap_err();
        assert_eq!((error.column, error.suggestion.as_deref()), (6, Some("net")));
    }
}
