//! `[arms.NAME.*]`: the arms that are compared.

use super::document::{Document, StudyFileError};
use super::fields::Fields;
use super::keys::{self, names};
use super::limits;
use super::matching::{Match, read_match};
use super::node::{Content, Node};
use super::sections::{SECTION_NAMES, Sections};

/// Longest name of an arm: it becomes part of folder names.
pub(super) const LONGEST_ARM_NAME: usize = 64;

/// One arm of the study.
#[derive(Clone, Debug, PartialEq)]
pub struct Arm {
    /// Its name: letters, digits, `_` and `-`.
    pub name: String,
    /// Its level of each factor, in the order of the factors; empty when the file lists arms.
    pub levels: Vec<usize>,
    pub(super) sections: Sections,
    /// The cost it has in common with its baseline.
    pub(super) matched: Option<Match>,
}

pub(super) fn read_arms(document: &Document, node: &Node) -> Result<Vec<Arm>, StudyFileError> {
    let Some(entries) = node.entries() else {
        return Err(document.error(&node.value, format!("`arms` must be a table, is {}", node.kind())));
    };
    if entries.is_empty() {
        return Err(document.error(&node.key, "`arms` holds no arm"));
    }
    limits::length(document, node, ("arms", entries.len()), limits::MOST_ARMS)?;
    let mut arms = Vec::with_capacity(entries.len());
    for (name, child) in entries {
        if !is_name(name) || name.len() > LONGEST_ARM_NAME {
            let message = format!(
                "arm name `{name}` names folders: letters, digits, `_` and `-` (not first), at most {LONGEST_ARM_NAME} of them"
            );
            return Err(document.error(&child.key, message));
        }
        if let Content::Scalar(_) | Content::Array(_) = child.content {
            let message = format!("arm `{name}` must be a table, is {}", child.kind());
            return Err(document.error(&child.value, message));
        }
        let path = format!("arms.{name}");
        let allowed = [&SECTION_NAMES[..], &names(&keys::ARM)].concat();
        let fields = Fields::of(document, child, &path, &allowed)?;
        let sections = Sections::of(document, child, &fields, &path)?;
        let matched = read_match(&fields, &path)?;
        arms.push(Arm { name: name.clone(), levels: Vec::new(), sections, matched });
    }
    Ok(arms)
}

/// Returns whether `name` can be part of a folder's name on every system, and is neither an option in a command nor a formula in a table.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('-')
        && name.chars().all(|character| character.is_ascii_alphanumeric() || "_-".contains(character))
}
