//! `[factors.FACTOR.LEVEL.*]`: every combination of levels is an arm.
//!
//! The rule, exactly: a level is written like an arm. The arm of a combination is named by its levels, joined by `_` in the order of
//! the factors, and holds what its levels write, joined key by key down to single values; two levels that write the same value
//! are a mistake. The arm then replaces the base's keys as any arm does. The first factor varies fastest. With
//!
//! ```toml
//! [factors.rule]
//! model.net.downsample.max_pool = { kernel = 3, stride = 2 }
//! all_cnn.net.downsample.strided_conv = { kernel = 3, stride = 2 }
//! [factors.base]
//! a.net.architecture.springenberg.base = "a"
//! c.net.architecture.springenberg.base = "c"
//! ```
//!
//! the arms are `model_a`, `all_cnn_a`, `model_c` and `all_cnn_c`.

use super::arms::{Arm, LONGEST_ARM_NAME, is_name};
use super::document::{Document, StudyFileError};
use super::limits::MOST_ARMS;
use super::node::Node;
use super::sections::Sections;

/// One factor of a factorial study.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Factor {
    /// Its name.
    pub name: String,
    /// Names of its levels in the order of the file, at least two.
    pub levels: Vec<String>,
}

pub(super) fn read_factors(
    document: &Document,
    node: &Node,
) -> Result<(Vec<Factor>, Vec<Arm>), StudyFileError> {
    let mut factors = Vec::new();
    let mut arms =
        vec![Arm { name: String::new(), levels: Vec::new(), sections: Sections::default(), matched: None }];
    for (name, child) in table(document, node, "factors")? {
        let levels = table(document, child, &format!("factors.{name}"))?;
        if levels.len() < 2 {
            let message = format!("factor `{name}` needs at least 2 levels, has {}", levels.len());
            return Err(document.error(&child.key, message));
        }
        if arms.len() * levels.len() > MOST_ARMS {
            let message = format!(
                "with factor `{name}` the study has {} arms; at most {MOST_ARMS} are possible",
                arms.len() * levels.len()
            );
            return Err(document.error(&child.key, message));
        }
        let mut read = Vec::with_capacity(levels.len());
        for (level, node) in levels {
            read.push((level, node, Sections::read(document, node, &format!("factors.{name}.{level}"))?));
        }
        arms = cross(document, &arms, &read)?;
        let levels = levels.iter().map(|(level, _)| level.clone()).collect();
        factors.push(Factor { name: name.clone(), levels });
    }
    if factors.is_empty() {
        return Err(document.error(&node.key, "`factors` holds no factor"));
    }
    Ok((factors, arms))
}

/// Every arm so far with every level of the next factor, which varies slowest.
fn cross(
    document: &Document,
    arms: &[Arm],
    levels: &[(&String, &Node, Sections)],
) -> Result<Vec<Arm>, StudyFileError> {
    let mut crossed: Vec<Arm> = Vec::with_capacity(arms.len() * levels.len());
    for (position, (level, node, sections)) in levels.iter().enumerate() {
        for arm in arms {
            let joint = if arm.name.is_empty() { "" } else { "_" };
            let name = format!("{}{joint}{level}", arm.name);
            if name.len() > LONGEST_ARM_NAME {
                let message = format!("arm name `{name}` is longer than {LONGEST_ARM_NAME} characters");
                return Err(document.error(&node.key, message));
            }
            if crossed.iter().any(|other| other.name == name) {
                let message = format!("two combinations of levels are both called `{name}`; rename a level");
                return Err(document.error(&node.key, message));
            }
            let mut levels = arm.levels.clone();
            levels.push(position);
            let sections = arm.sections.joined(sections, document)?;
            crossed.push(Arm { name, levels, sections, matched: None });
        }
    }
    Ok(crossed)
}

fn table<'a>(
    document: &Document,
    node: &'a Node,
    path: &str,
) -> Result<&'a [(String, Node)], StudyFileError> {
    let Some(entries) = node.entries() else {
        return Err(document.error(&node.value, format!("`{path}` must be a table, is {}", node.kind())));
    };
    for (name, child) in entries {
        if !is_name(name) {
            let message =
                format!("`{name}` in `{path}` names folders: letters, digits, `_` and `-` (not first) only");
            return Err(document.error(&child.key, message));
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
[factors.rule]
model.net.downsample.max_pool = {}
all_cnn.net.downsample.strided_conv = {}
[factors.base]
a.net.architecture.springenberg.base = \"a\"
c.net.architecture.springenberg.base = \"c\"
[factors.width]
narrow.net.architecture.springenberg.width = 0.25
wide.net.architecture.springenberg.width = 0.5
";

    fn read(text: &str) -> Result<(Vec<Factor>, Vec<Arm>), StudyFileError> {
        let document = Document { name: "a.toml".into(), text: text.into() };
        let root = Node::parse(&document).unwrap();
        read_factors(&document, root.child("factors").unwrap())
    }

    #[test]
    fn arms_are_all_combinations_with_the_first_factor_fastest() {
        let (factors, arms) = read(TEXT).unwrap();
        assert_eq!(factors[0].levels, ["model", "all_cnn"]);
        let names: Vec<&str> = arms.iter().map(|arm| arm.name.as_str()).collect();
        assert_eq!(
            names[..5],
            ["model_a_narrow", "all_cnn_a_narrow", "model_c_narrow", "all_cnn_c_narrow", "model_a_wide"]
        );
        assert_eq!(arms[3].levels, [1, 1, 0]);
    }

    #[test]
    fn levels_that_write_different_values_of_one_table_are_joined() {
        let (_, arms) = read(TEXT).unwrap();
        let net = arms[7].sections.over(&Sections::default(), 1);
        let expected: toml::Table = toml::from_str(
            "architecture.springenberg = { base = 'c', width = 0.5 }\ndownsample.strided_conv = {}",
        )
        .unwrap();
        assert_eq!(net, expected);
    }

    #[test]
    fn two_levels_that_write_the_same_value_are_refused_at_the_second() {
        let text = TEXT
            .replace("wide.net.architecture.springenberg.width", "wide.net.architecture.springenberg.base");
        let error = read(&text).unwrap_err();
        assert!(error.message.contains("`base` is written by two levels"), "{error}");
        assert_eq!(error.line, 9);
    }

    #[test]
    fn a_factor_of_one_level_and_names_that_collide_are_refused() {
        let one = read("[factors.rule]\nmodel.net.x = 1\n").unwrap_err();
        assert!(one.message.contains("at least 2 levels, has 1"), "{one}");
        let text = "[factors.a]\na.net.x = 1\na_b.net.x = 2\n[factors.b]\nc.net.y = 1\nb_c.net.y = 2\n";
        assert!(read(text).unwrap_err().message.contains("both called `a_b_c`"));
    }
}
