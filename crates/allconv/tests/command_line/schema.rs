//! The schema of study files: it accepts every committed study, and refuses what the program refuses.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::tiny_study::output;

/// Returns why `value` does not follow `schema`, as far as this schema uses the words of the standard.
fn refusal(schema: &Value, value: &Value, root: &Value) -> Option<String> {
    if let Some(target) = schema["$ref"].as_str() {
        return refusal(root.pointer(target.strip_prefix('#')?)?, value, root);
    }
    for forms in ["anyOf", "oneOf"] {
        if let Some(forms) = schema[forms].as_array()
            && forms.iter().all(|form| refusal(form, value, root).is_some())
        {
            return Some(format!("{value} has none of the forms of {schema}"));
        }
    }
    let wrong = |why: &str| Some(format!("{value} is not {why}"));
    let is = |kind: &str| match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("a kind that the test does not know: {other}"),
    };
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => Vec::from_iter(kind.as_str()),
    };
    if !kinds.is_empty() && !kinds.into_iter().any(is) {
        return wrong(&schema["type"].to_string());
    }
    if schema["enum"].as_array().is_some_and(|choices| !choices.contains(value))
        || schema.get("const").is_some_and(|only| only != value)
    {
        return wrong("one of the choices");
    }
    if let Some(number) = value.as_f64() {
        let limit = |key: &str| schema[key].as_f64();
        let too_small = limit("minimum").is_some_and(|least| number < least)
            || limit("exclusiveMinimum").is_some_and(|bound| number <= bound);
        let too_large = limit("maximum").is_some_and(|most| number > most)
            || limit("exclusiveMaximum").is_some_and(|bound| number >= bound);
        if too_small || too_large {
            return wrong("within the limits");
        }
    }
    for element in value.as_array().into_iter().flatten() {
        if let Some(why) = refusal(&schema["items"], element, root) {
            return Some(why);
        }
    }
    let table = value.as_object()?;
    let mut required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    if let Some(missing) = required.find(|key| !table.contains_key(*key)) {
        return Some(format!("{missing} is missing"));
    }
    table.iter().find_map(|(key, value)| {
        let further = &schema["additionalProperties"];
        match schema["properties"].get(key) {
            Some(inner) => refusal(inner, value, root).map(|why| format!("{key}: {why}")),
            None if *further == Value::Bool(false) => Some(format!("unknown key {key}")),
            None => refusal(further, value, root).map(|why| format!("{key}: {why}")),
        }
    })
}

fn schema() -> Value {
    let printed = output(Path::new("."), &["schema"]);
    assert!(printed.status.success());
    serde_json::from_slice(&printed.stdout).unwrap()
}

fn refusal_of(schema: &Value, text: &str) -> Option<String> {
    let study: toml::Table = text.parse().unwrap();
    refusal(schema, &serde_json::to_value(study).unwrap(), schema)
}

#[test]
fn every_committed_study_follows_the_schema() {
    let schema = schema();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let files = ["studies", "crates/allconv/src/commands/templates"].map(|folder| workspace.join(folder));
    let files = files.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    let files: Vec<PathBuf> =
        files.into_iter().filter(|file| file.extension().is_some_and(|end| end == "toml")).collect();
    assert!(files.len() > 20, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap().replace("VALIDATION", "100").replace("VIEW", "");
        assert_eq!(refusal_of(&schema, &text), None, "{}", file.display());
    }
}

#[test]
fn what_the_program_refuses_the_schema_refuses() {
    let schema = schema();
    for (from, to) in [
        ("question =", "qestion ="),
        ("count = 9", "count = 0"),
        ("epochs = 3", "epohcs = 3"),
        ("epochs = 3", "epochs = \"three\""),
        ("{ strided_conv = { kernel = 3 } }", "{ strided_convv = { kernel = 3 } }"),
        ("{ strided_conv = { kernel = 3 } }", "\"strided_convv\""),
        ("kernel = 3", "kernl = 3"),
        ("preset = \"fast\"", "preset = \"faster\""),
        ("seeds    =", "# seeds ="),
    ] {
        let good = r#"question = "Which?"
primary  = { metric = "error", split = "test", better = "lower" }
compare  = { baseline = "a" }
seeds    = { from = 0, count = 9 }
base.data.dataset = "synthetic"
base.net.architecture = { springenberg = { base = "c" } }
base.train = { preset = "fast", epochs = 3 }
arms.a.net.downsample = "max_pool"
arms.b.net.downsample = { strided_conv = { kernel = 3 } }
"#;
        assert_eq!(refusal_of(&schema, good), None);
        assert!(good.contains(from), "{from}");
        assert!(refusal_of(&schema, &good.replace(from, to)).is_some(), "{to}");
    }
}
