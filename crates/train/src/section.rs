//! Reading of a section of a request into its type, with errors that name the field and the nearest valid name.

use allconv_record::ResolveError;
use serde::de::DeserializeOwned;

use crate::wording;

/// Reads `table`, the section `section` of the request. Where a table with one name is wanted, as in `optimizer = { adam = {} }`, the name
/// alone stands for its defaults: `optimizer = "adam"`.
pub(crate) fn read_section<T: DeserializeOwned>(
    section: &str,
    table: &toml::Table,
) -> Result<T, ResolveError> {
    let mut table = table.clone();
    loop {
        let error = match serde_path_to_error::deserialize(toml::Value::Table(table.clone())) {
            Ok(read) => return Ok(read),
            Err(error) => error,
        };
        let path: Vec<String> =
            error.path().iter().map(ToString::to_string).filter(|name| name != "?").collect();
        let message = error.inner().message().to_owned();
        if !(is_bare_name(&message) && with_defaults(&mut table, &path)) {
            return Err(described(section, &table, path, &message));
        }
    }
}

/// Returns whether a name was written where a table with that name is wanted.
fn is_bare_name(message: &str) -> bool {
    message.contains("unit variant")
}

/// Replaces the name at `path` by a table of its defaults; returns whether there is one.
fn with_defaults(table: &mut toml::Table, path: &[String]) -> bool {
    let Some((key, further)) = path.split_first() else { return false };
    match table.get_mut(key) {
        Some(toml::Value::Table(inner)) => with_defaults(inner, further),
        Some(value) => {
            let Some(name) = value.as_str().map(str::to_owned) else { return false };
            let defaults = toml::Value::Table(toml::Table::new());
            *value = toml::Table::from_iter([(name, defaults)]).into();
            true
        }
        None => false,
    }
}

/// Returns the error of a section that cannot be read, with the path to the field.
fn described(section: &str, table: &toml::Table, path: Vec<String>, message: &str) -> ResolveError {
    let mut path: Vec<String> = std::iter::once(section.to_owned()).chain(path).collect();
    let (name, choices) = quoted_names(message);
    // The path ends at the table that holds an unknown name; the name itself is added.
    if let Some(name) = &name
        && path.last() != Some(name)
        && holds(table, &path[1..], name)
    {
        path.push(name.clone());
    }
    let suggestion = name.and_then(|name| synonym(&name, &choices).or_else(|| nearest(&name, &choices)));
    ResolveError { path, message: wording::plain(message), suggestion, bad_data: false }
}

/// Names that other programs use, with the name here.
const SYNONYMS: [(&str, &str); 18] = [
    ("augmentation", "augment"),
    ("batch_size", "batch"),
    ("data", "dataset"),
    ("epoch", "epochs"),
    ("flip", "horizontal_flip"),
    ("hflip", "horizontal_flip"),
    ("iterations", "presentations"),
    ("kernel_size", "kernel"),
    ("lr", "learning_rate"),
    ("lr_schedule", "schedule"),
    ("model", "architecture"),
    ("normalisation", "norm"),
    ("normalization", "norm"),
    ("num_epochs", "epochs"),
    ("optim", "optimizer"),
    ("scheduler", "schedule"),
    ("val", "validation"),
    ("wd", "weight_decay"),
];

/// Returns the choice that means the same as `name`.
fn synonym(name: &str, choices: &[String]) -> Option<String> {
    let is_choice = |here: &str| choices.iter().any(|choice| choice == here);
    let (_, here) = SYNONYMS.iter().find(|(there, here)| *there == name && is_choice(here))?;
    Some((*here).to_owned())
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
    fn names_of_other_programs_lead_to_the_names_here() {
        for (table, name) in [
            (toml::toml! { lr = 0.1 }, "learning_rate"),
            (toml::toml! { batch_size = 32 }, "batch"),
            (toml::toml! { wd = 0.1 }, "weight_decay"),
        ] {
            assert_eq!(train_error(table).suggestion.as_deref(), Some(name));
        }
    }

    #[test]
    fn a_name_alone_stands_for_its_defaults() {
        let read = |table: toml::Table| read_section::<TrainRequest>("train", &table).unwrap();
        let short = read(toml::toml! { optimizer = "adam" });
        assert_eq!(short, read(toml::toml! { optimizer = { adam = {} } }));
        let net = |table: toml::Table| read_section::<NetworkSpec>("net", &table).unwrap();
        let long = toml::toml! {
            architecture = { springenberg = { base = "c" } }
            downsample = { max_pool = {} }
        };
        let mut named = long.clone();
        named.insert("downsample".into(), "max_pool".into());
        assert_eq!(net(named), net(long));
        let error = train_error(toml::toml! { optimizer = "adm" });
        assert_eq!(
            (error.path, error.suggestion.as_deref()),
            (vec!["train".into(), "optimizer".into()], Some("adam"))
        );
    }

    #[test]
    fn errors_have_no_words_of_the_program_s_language() {
        for (table, words) in [
            (toml::toml! { epochs = "four" }, "\"four\" is text; expected a number"),
            (toml::toml! { batch = 0.5 }, "0.5 is not a whole number; expected a whole number"),
            (toml::toml! { batch = -3 }, "-3 is not possible; expected a whole number, 0 or above"),
            (toml::toml! { measure = 3 }, "3 is a number; expected a list"),
            (toml::toml! { epohcs = 3 }, "there is no `epohcs`; possible are `preset`"),
        ] {
            let message = train_error(table).message;
            assert!(message.starts_with(words), "{message}");
        }
    }

    #[test]
    fn a_name_that_resembles_nothing_gets_no_suggestion() {
        assert_eq!(train_error(toml::toml! { xyzzyplugh = 3 }).suggestion, None);
    }
}
