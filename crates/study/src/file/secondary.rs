//! `secondary`: further metrics whose comparisons the study tests.

use super::document::{Document, StudyFileError};
use super::fields::Fields;
use super::limits;
use super::node::{Content, Node};
use super::settings::Primary;

/// Reads `secondary = ["shift_agreement", …]`.
pub(super) fn read_secondary(
    document: &Document,
    fields: &Fields<'_>,
    node: &Node,
    primary: &Primary,
) -> Result<Vec<String>, StudyFileError> {
    let Content::Array(elements) = &node.content else {
        return Err(document.error(&node.value, format!("`secondary` must be an array, is {}", node.kind())));
    };
    limits::length(document, node, ("secondary", elements.len()), limits::MOST_METRICS)?;
    let mut names: Vec<String> = Vec::with_capacity(elements.len());
    for element in elements {
        let name = fields.metric("secondary", element)?;
        if name == primary.metric {
            let message = format!("`{name}` is the primary metric already");
            return Err(document.error(&element.value, message));
        }
        if names.contains(&name) {
            return Err(document.error(&element.value, format!("`secondary` names `{name}` twice")));
        }
        names.push(name);
    }
    Ok(names)
}
