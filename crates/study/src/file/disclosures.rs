//! `disclosures`: departures from the plan that the author of a study discloses, such as seeds that were dropped while the runs were made.

use super::document::{Document, StudyFileError};
use super::fields::Fields;
use super::limits;
use super::node::{Content, Node};

/// Reads `disclosures = ["…"]`.
pub(super) fn read_disclosures(
    document: &Document,
    fields: &Fields<'_>,
    node: &Node,
) -> Result<Vec<String>, StudyFileError> {
    let Content::Array(elements) = &node.content else {
        let message = format!("`disclosures` must be an array of sentences, is {}", node.kind());
        return Err(document.error(&node.value, message));
    };
    limits::length(document, node, ("disclosures", elements.len()), limits::MOST_METRICS)?;
    elements.iter().map(|element| fields.prose("disclosures", element)).collect()
}
