//! Settings given beside a study file, as `base.train.learning_rate=0.1`: they replace those of the file, or are added to it.

use toml_edit::{DocumentMut, InlineTable, Item, TableLike, Value};

/// Returns the text of a study file, or of a specification, with settings replaced or added, everything else as it was.
///
/// # Errors
/// A sentence, if the text or a setting is no TOML, or a setting lies below a value that is no table.
pub fn with_settings(text: &str, settings: &[String]) -> Result<String, String> {
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| error.to_string())?;
    for setting in settings {
        set(document.as_table_mut(), setting).map_err(|reason| format!("--set {setting}: {reason}"))?;
    }
    Ok(document.to_string())
}

fn set(root: &mut dyn TableLike, setting: &str) -> Result<(), String> {
    let example = "write key=value, as in base.train.learning_rate=0.1";
    let (path, value) = setting.split_once('=').ok_or(example)?;
    let mut keys: Vec<&str> = path.split('.').map(str::trim).collect();
    let last = keys.pop().filter(|key| !key.is_empty()).ok_or(example)?;
    if keys.iter().any(|key| key.is_empty()) {
        return Err(example.to_owned());
    }
    let value = read(value.trim())?;
    let mut table = root;
    for (depth, key) in keys.iter().enumerate() {
        let below = || Item::Value(Value::InlineTable(InlineTable::new()));
        table = table
            .entry(key)
            .or_insert_with(below)
            .as_table_like_mut()
            .ok_or_else(|| format!("`{}` is no table", keys[..=depth].join(".")))?;
    }
    table.insert(last, Item::Value(value));
    Ok(())
}

/// Reads a value; a word without quotes is a text.
fn read(text: &str) -> Result<Value, String> {
    let is_letter = |letter: char| letter.is_alphanumeric() || "_-.".contains(letter);
    text.parse::<Value>().or_else(|error: toml_edit::TomlError| {
        if text.starts_with(char::is_alphabetic) && text.chars().all(is_letter) {
            Ok(Value::from(text))
        } else {
            Err(error.message().replace('\n', ", "))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "seeds = { from = 0, count = 3 } # three\n[base.data]\ndataset = \"cifar10\"\n\n[arms.b]\n[arms.a]\n";

    fn changed(settings: &[&str]) -> toml::Table {
        let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
        with_settings(TEXT, &settings).unwrap().parse().unwrap()
    }

    #[test]
    fn settings_replace_and_add_wherever_they_lie() {
        let table = changed(&[
            "base.train.learning_rate=0.1",
            "base.data.dataset = shapes",
            "seeds.count=9",
            "arms.c.net.downsample={ max_pool = { kernel = 3 } }",
            "question=\"Why?\"",
        ]);
        assert_eq!(table["base"]["train"]["learning_rate"].as_float(), Some(0.1));
        assert_eq!(table["base"]["data"]["dataset"].as_str(), Some("shapes"));
        assert_eq!(table["seeds"]["count"].as_integer(), Some(9));
        assert_eq!(table["seeds"]["from"].as_integer(), Some(0));
        assert_eq!(table["arms"]["c"]["net"]["downsample"]["max_pool"]["kernel"].as_integer(), Some(3));
        assert_eq!(table["question"].as_str(), Some("Why?"));
        let text = with_settings(TEXT, &["seeds.count=4".to_owned()]).unwrap();
        assert!(text.contains("# three") && text.find("arms.b") < text.find("arms.a"), "{text}");
    }

    #[test]
    fn wrong_settings_are_named() {
        for (setting, told) in [
            ("base.train", "key=value"),
            ("=3", "key=value"),
            ("base..x=3", "key=value"),
            ("base.data.dataset.x=3", "`base.data.dataset` is no table"),
            ("seeds.count=[1", "--set seeds.count=[1"),
        ] {
            let error = with_settings(TEXT, &[setting.to_owned()]).unwrap_err();
            assert!(error.contains(told), "{setting}: {error}");
        }
    }
}
