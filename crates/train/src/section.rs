//! Reading of a section of a request into its type, with errors that name the field and the nearest valid name.

use allconv_record::ResolveError;
use serde::de::DeserializeOwned;

/// Reads `table`, the section `section` of the request.
pub(crate) fn read_section<T: DeserializeOwned>(
    section: &str,
    table: &toml::Table,
) -> Result<T, ResolveError> {
    serde_path_to_error::deserialize(toml::Value::Table(table.clone())).map_err(|error| {
        let mut path = vec![section.to_owned()];
        for segment in error.path() {
            let name = segment.to_string();
            if name != "?" {
                path.push(name);
            }
        }
        let message = error.inner().message().to_owned();
        let (name, choices) = quoted_names(&message);
        // The path ends at the table that holds an unknown name; the name itself is added.
        if let Some(name) = &name
            && path.last() != Some(name)
            && holds(table, &path[1..], name)
        {
            path.push(name.clone());
        }
        let suggestion = name.and_then(|name| nearest(&name, &choices));
        ResolveError { path, message, suggestion, bad_data: false }
    })
}

/// Returns the error for a field of `section` that has the right type but a wrong value.
pub(crate) fn wrong_value(section: &str, field: &str, message: impl ToString) -> ResolveError {
    let path = std::iter::once(section).chain(field.split('.')).map(str::to_owned).collect();
    ResolveError { path, message: message.to_string(), suggestion: None, bad_data: false }
}

/// Returns the unknown name and the valid ones, out of serde's "unknown field `x`, expected one of `a`, `b`".
fn quoted_names(message: &str) -> (Option<String>, Vec<String>) {
    if !message.starts_with("unknown") {
        return (None, Vec::new());
    }
    let mut names = message.split('`').skip(1).step_by(2).map(str::to_owned);
    (names.next(), names.collect())
}

fn holds(table: &toml::Table, path: &[String], name: &str) -> bool {
    let mut table = table;
    for key in path {
        match table.get(key).and_then(toml::Value::as_table) {
            Some(inner) => table = inner,
            None => return false,
        }
    }
    table.contains_key(name)
}

/// Returns the choice nearest to `name`, if it is near enough to be a typing error.
pub(crate) fn nearest(name: &str, choices: &[String]) -> Option<String> {
    let distance = |choice: &String| strsim::damerau_levenshtein(name, choice);
    choices
        .iter()
        .min_by_key(|choice| distance(choice))
        .filter(|choice| distance(choice) <= 1 + name.len() / 3)
        .cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TrainRequest;
    use allconv_nets::NetworkSpec;

    fn train_error(table: toml::Table) -> ResolveError {
        read_section::<TrainRequest>("train", &table).unwrap_err()
    }

    #[test]
    fn an_unknown_field_is_named_with_the_nearest_name() {
        let error = train_error(toml::toml! { epohcs = 3 });
        assert_eq!(error.path, ["train", "epohcs"]);
        assert_eq!(error.suggestion.as_deref(), Some("epochs"));
    }

    #[test]
    fn an_unknown_operator_is_found_inside_its_table() {
        let table = toml::toml! {
            architecture = { springenberg = { base = "c" } }
            downsample = { max_pol = { kernel = 3, stride = 2 } }
        };
        let error = read_section::<NetworkSpec>("net", &table).unwrap_err();
        assert_eq!(error.path, ["net", "downsample", "max_pol"]);
        assert_eq!(error.suggestion.as_deref(), Some("max_pool"));
    }

    #[test]
    fn a_wrong_type_is_found_at_its_field() {
        let error = train_error(toml::toml! { batch = "many" });
        assert_eq!(error.path, ["train", "batch"]);
        assert_eq!(error.suggestion, None);
    }

    #[test]
    fn a_name_that_resembles_nothing_gets_no_suggestion() {
        assert_eq!(train_error(toml::toml! { xyzzyplugh = 3 }).suggestion, None);
    }
}
