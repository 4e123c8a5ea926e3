//! `[reference]`: values from other sources for comparison with the results, e.g. those of a paper.

use super::arms::Arm;
use super::document::{Document, StudyFileError, nearest_name};
use super::fields::{Fields, quoted};
use super::keys::{self, names};
use super::node::Node;

/// Values from other sources. They are shown but never tested, since their spread is unknown.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// Their source, e.g. `the paper, table 3`.
    pub label: String,
    /// Arm and value, in units of the primary metric.
    pub values: Vec<(String, f64)>,
}

impl Reference {
    /// The value for an arm.
    pub fn value(&self, arm: &str) -> Option<f64> {
        self.values.iter().find(|(name, _)| name == arm).map(|(_, value)| *value)
    }
}

pub(super) fn read_reference(
    document: &Document,
    node: &Node,
    arms: &[Arm],
) -> Result<Reference, StudyFileError> {
    let fields = Fields::of(document, node, "reference", &names(&keys::REFERENCE))?;
    let label = fields.prose("reference.label", fields.required("label")?)?;
    let values_node = fields.required("values")?;
    let Some(entries) = values_node.entries() else {
        let message = format!("`reference.values` must be a table, is {}", values_node.kind());
        return Err(document.error(&values_node.value, message));
    };
    let mut values = Vec::with_capacity(entries.len());
    for (name, child) in entries {
        let names = || arms.iter().map(|arm| arm.name.as_str());
        if !names().any(|arm| arm == name) {
            let message = format!("`reference.values.{name}` is not an arm; arms are {}", quoted(names()));
            return Err(document.error(&child.key, message).suggesting(nearest_name(name, names())));
        }
        let bounds = (f64::NEG_INFINITY, f64::INFINITY);
        values
            .push((name.clone(), fields.number_between(&format!("reference.values.{name}"), child, bounds)?));
    }
    Ok(Reference { label, values })
}
