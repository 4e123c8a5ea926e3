//! `sequential`: the numbers of seeds after which the study may look at its results and stop.

use super::document::{Document, StudyFileError};
use super::fields::Fields;
use super::keys::{self, names};
use super::node::{Content, Node};
use super::settings::Seeds;
use crate::stats::SEEDS_FOR_A_VERDICT;

/// The interim looks of the study, fixed before the first run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequential {
    /// Numbers of seeds after which it looks, rising; the last is the study's number of seeds.
    pub looks: Vec<u32>,
}

pub(super) fn read_sequential(
    document: &Document,
    node: &Node,
    seeds: Seeds,
) -> Result<Sequential, StudyFileError> {
    let fields = Fields::of(document, node, "sequential", &names(&keys::SEQUENTIAL))?;
    let looks_node = fields.required("looks")?;
    let Content::Array(elements) = &looks_node.content else {
        let message = format!("`sequential.looks` must be an array, is {}", looks_node.kind());
        return Err(document.error(&looks_node.value, message));
    };
    let mut looks: Vec<u32> = Vec::with_capacity(elements.len());
    for element in elements {
        let least = looks.last().map_or(SEEDS_FOR_A_VERDICT, |last| last + 1);
        let range = (i64::from(least), i64::from(seeds.count));
        looks.push(fields.integer("sequential.looks", element, range)? as u32);
    }
    if looks.len() < 2 || looks.last() != Some(&seeds.count) {
        let message = format!(
            "`sequential.looks` needs at least 2 looks, the last after all {} seeds (`seeds.count`)",
            seeds.count
        );
        return Err(document.error(&looks_node.value, message));
    }
    Ok(Sequential { looks })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Sequential, StudyFileError> {
        let document = Document { name: "a.toml".into(), text: format!("sequential = {text}") };
        let root = Node::parse(&document).unwrap();
        read_sequential(&document, root.child("sequential").unwrap(), Seeds { from: 0, count: 9 })
    }

    #[test]
    fn looks_rise_from_five_seeds_to_all() {
        assert_eq!(read("{ looks = [5, 7, 9] }").unwrap().looks, [5, 7, 9]);
        for (text, reason) in [
            ("{ looks = [4, 9] }", "from 5 to 9, is 4"),
            ("{ looks = [7, 7, 9] }", "from 8 to 9, is 7"),
            ("{ looks = [5, 7] }", "the last after all 9 seeds"),
            ("{ looks = [9] }", "at least 2 looks"),
            ("{ looks = 5 }", "must be an array"),
            ("{ look = [5, 9] }", "unknown key `look`"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.message.contains(reason), "{error}");
        }
    }
}
