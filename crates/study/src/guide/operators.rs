//! The operators of an arm.

use allconv_record::SplitName;

use crate::file::{Arm, StudyFile};

/// The slots of a network that hold operators.
const SLOTS: [&str; 2] = ["downsample", "upsample"];

/// The key of another network, whose cost the arm's is matched to: its operators are not the arm's.
const MATCHED: &str = "match_cost";

/// The operators in the slots of an arm, anywhere in its `net` section, with their settings: `max_pool kernel=3 stride=2`. Empty
/// when none is written.
pub(super) fn operators(study: &StudyFile, arm: &Arm) -> String {
    let mut found = Vec::new();
    collect(&toml::Value::Table(study.request(arm, study.seeds.from).net), &mut found);
    found.join(", ")
}

/// Returns whether the study compares operators: at least two of its arms differ in them, and they are not evaluated on validation
/// examples, with which a study chooses settings.
pub(super) fn compares_operators(study: &StudyFile) -> bool {
    if study.primary.split == SplitName::Valid {
        return false;
    }
    let mut all = study.arms.iter().map(|arm| operators(study, arm));
    let first = all.next();
    all.any(|other| Some(&other) != first.as_ref())
}

fn collect(value: &toml::Value, found: &mut Vec<String>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table.iter().filter(|(key, _)| *key != MATCHED) {
                match value {
                    toml::Value::Table(operator) if SLOTS.contains(&key.as_str()) => {
                        found.extend(operator.iter().map(|(name, settings)| described(name, settings)));
                    }
                    toml::Value::String(name) if SLOTS.contains(&key.as_str()) => found.push(name.clone()),
                    _ => collect(value, found),
                }
            }
        }
        toml::Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
        _ => {}
    }
}

fn described(name: &str, settings: &toml::Value) -> String {
    let mut text = name.to_string();
    for (key, value) in settings.as_table().into_iter().flatten() {
        text.push_str(&format!(" {key}={}", value.to_string().trim_matches('"')));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{small_study, small_study_text};

    #[test]
    fn operators_are_found_with_their_settings_and_equal_ones_compare_nothing() {
        let study = small_study(1);
        assert_eq!(operators(&study, &study.arms[0]), "max_pool kernel=3");
        assert!(compares_operators(&study));
        let matched =
            small_study_text(1).replace("width = 0.25", "match_cost = { downsample = { max_pool = {} } }");
        let study = StudyFile::parse("matched.toml", matched).unwrap();
        assert_eq!(operators(&study, &study.arms[1]), "folded_stride kernel=3");
        let text = small_study_text(1);
        let alike = format!(
            "{}[arms.max_pool]\nnet.net.levels = [{{ downsample = {{ max_pool = {{}} }} }}]\n[arms.other]\nnet.net.levels = [{{ downsample.max_pool = {{}} }}]\ntrain.epochs = 3\n",
            &text[..text.find("[arms.").unwrap()]
        );
        let study = StudyFile::parse("alike.toml", alike).unwrap();
        assert_eq!(operators(&study, &study.arms[1]), "max_pool");
        assert!(!compares_operators(&study));
    }
}
