//! The groups of arms that a claim's contrast compares: arms by name, or by levels of factors.

use super::arms::Arm;
use super::document::{Document, StudyFileError, nearest_name};
use super::factors::Factor;
use super::fields::{Fields, quoted};
use super::node::{Content, Node};
use super::settings::{Comparison, Primary};

/// The settings of the file that claims refer to.
#[derive(Clone, Copy)]
pub(super) struct Setting<'a> {
    pub(super) document: &'a Document,
    pub(super) arms: &'a [Arm],
    pub(super) factors: &'a [Factor],
    pub(super) primary: &'a Primary,
    pub(super) compare: &'a Comparison,
}

/// `rule: all_cnn − model` for two levels of one factor, like the study's main effects; else both names.
pub(super) fn name(of: &Group, against: &Group) -> String {
    match (&of.factor, &against.factor) {
        (Some(factor), Some(other)) if factor == other => {
            format!("{factor}: {} − {}", of.name, against.name)
        }
        _ => format!("{} − {}", of.name, against.name),
    }
}

/// Arms that are averaged.
pub(super) struct Group {
    name: String,
    /// The factor of which the name is a level, if it is one alone.
    factor: Option<String>,
    pub(super) arms: Vec<usize>,
}

/// An arm, an array of arms, or a table of levels; `level` is one more that the arms must have.
pub(super) fn read_group(
    setting: Setting<'_>,
    path: &str,
    node: &Node,
    level: Option<(usize, usize)>,
) -> Result<Group, StudyFileError> {
    let document = setting.document;
    if node.entries().is_some() {
        return read_levels(setting, path, node, level);
    }
    if level.is_some() {
        let message =
            format!("with `for_each`, `{path}` names levels of factors, e.g. `{{ rule = \"model\" }}`");
        return Err(document.error(&node.value, message));
    }
    let elements = match &node.content {
        Content::Array(elements) => elements.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let mut group = Group { name: String::new(), factor: None, arms: Vec::new() };
    for element in elements {
        let Content::Scalar(toml::Value::String(name)) = &element.content else {
            let message = format!(
                "`{path}` must be an arm, an array of arms or a table of levels, is {}",
                element.kind()
            );
            return Err(document.error(&element.value, message));
        };
        let names = || setting.arms.iter().map(|arm| arm.name.as_str());
        let Some(position) = names().position(|arm| arm == name) else {
            let message = format!("`{path}`: `{name}` is not an arm; arms are {}", quoted(names()));
            return Err(document.error(&element.value, message).suggesting(nearest_name(name, names())));
        };
        if group.arms.contains(&position) {
            return Err(document.error(&element.value, format!("`{path}` names `{name}` twice")));
        }
        group.arms.push(position);
    }
    if group.arms.is_empty() {
        return Err(document.error(&node.value, format!("`{path}` names no arm")));
    }
    let names: Vec<&str> = group.arms.iter().map(|arm| setting.arms[*arm].name.as_str()).collect();
    group.name =
        if names.len() == 1 { names[0].to_string() } else { format!("mean of {}", names.join(", ")) };
    Ok(group)
}

fn read_levels(
    setting: Setting<'_>,
    path: &str,
    node: &Node,
    level: Option<(usize, usize)>,
) -> Result<Group, StudyFileError> {
    let document = setting.document;
    if setting.factors.is_empty() {
        let message = format!("`{path}` names levels of factors, but the study lists arms");
        return Err(document.error(&node.value, message));
    }
    let names: Vec<&str> = setting.factors.iter().map(|factor| factor.name.as_str()).collect();
    let fields = Fields::of(document, node, path, &names)?;
    let mut wanted: Vec<(usize, usize)> = level.into_iter().collect();
    let mut words = Vec::new();
    for (factor_index, factor) in setting.factors.iter().enumerate() {
        let Some(child) = fields.optional(&factor.name) else { continue };
        if level.is_some_and(|(each, _)| each == factor_index) {
            let message = format!("`{path}` fixes `{}`, which `for_each` goes through", factor.name);
            return Err(document.error(&child.value, message));
        }
        let choices: Vec<(&str, usize)> =
            factor.levels.iter().enumerate().map(|(index, level)| (level.as_str(), index)).collect();
        let position = fields.choice(&format!("{path}.{}", factor.name), child, &choices)?;
        wanted.push((factor_index, position));
        words.push(factor.levels[position].clone());
    }
    if words.is_empty() {
        let message = format!("`{path}` names no level; factors are {}", quoted(names));
        return Err(document.error(&node.value, message));
    }
    let has_levels = |arm: &Arm| wanted.iter().all(|(factor, level)| arm.levels[*factor] == *level);
    let arms = (0..setting.arms.len()).filter(|arm| has_levels(&setting.arms[*arm])).collect();
    let single = wanted.last().filter(|_| words.len() == 1);
    let factor = single.map(|(factor, _)| setting.factors[*factor].name.clone());
    Ok(Group { name: words.join(" "), factor, arms })
}
