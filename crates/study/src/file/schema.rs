//! The JSON Schema of study files, for editors and for the reference.

use serde_json::{Map, Value, json};

use super::keys::{Key, KeyValue, STUDY};
use super::sections::SECTION_NAMES;

/// Returns the JSON Schema (draft 2020-12) of study files. `definitions` has the schemas of the sections under `data`, `net` and `train`,
/// and what they refer to.
///
/// # Example
///
/// ```
/// let schema = allconv_study::schema(serde_json::Map::new());
/// assert_eq!(schema["properties"]["seeds"]["properties"]["count"]["minimum"], 1);
/// ```
pub fn schema(definitions: Map<String, Value>) -> Value {
    let mut schema = table(&STUDY);
    schema.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".into(), json!("allconv study"));
    schema.insert(
        "description".into(),
        json!("A comparison of networks: arms, seeds, and how they are compared."),
    );
    schema.insert("$defs".into(), definitions.into());
    schema.into()
}

/// The schema of a table with these keys and no others.
fn table(keys: &[Key]) -> Map<String, Value> {
    let properties = keys.iter().map(|key| (key.name.to_owned(), described(key)));
    let required = keys.iter().filter(|key| key.default.is_none()).map(|key| json!(key.name));
    Map::from_iter([
        ("type".to_owned(), json!("object")),
        ("properties".to_owned(), properties.collect::<Map<_, _>>().into()),
        ("required".to_owned(), required.collect::<Vec<_>>().into()),
        ("additionalProperties".to_owned(), json!(false)),
    ])
}

fn described(key: &Key) -> Value {
    let mut schema = value(&key.value);
    let default = key.default.map(|default| format!(" Default: {default}.")).unwrap_or_default();
    schema.insert("description".into(), json!(format!("{}{default}", key.text)));
    schema.into()
}

fn value(of: &KeyValue) -> Map<String, Value> {
    let object = |schema: Value| schema.as_object().cloned().unwrap_or_default();
    match of {
        KeyValue::Text => object(json!({ "type": "string", "minLength": 1 })),
        KeyValue::Integer(least, most) => {
            object(json!({ "type": "integer", "minimum": least, "maximum": most }))
        }
        KeyValue::Number(above, below) => {
            let mut schema = object(json!({ "type": "number" }));
            for (name, limit) in [("exclusiveMinimum", above), ("exclusiveMaximum", below)] {
                if limit.is_finite() {
                    schema.insert(name.into(), json!(limit));
                }
            }
            schema
        }
        KeyValue::Share => object(json!({ "type": "number", "exclusiveMinimum": 0, "maximum": 1 })),
        KeyValue::Choice(choices) => object(json!({ "enum": choices() })),
        KeyValue::List(element, [least, most]) => {
            object(json!({ "type": "array", "items": value(element), "minItems": least, "maxItems": most }))
        }
        KeyValue::Table(keys) => table(keys),
        KeyValue::Named(each, most) => {
            let mut schema = object(json!({ "type": "object", "additionalProperties": value(each) }));
            if *most < usize::MAX {
                schema.insert("maxProperties".into(), json!(most));
            }
            schema
        }
        KeyValue::OneOf(forms) => object(json!({ "anyOf": forms.iter().map(value).collect::<Vec<_>>() })),
        KeyValue::Sections(keys) => {
            let mut schema = table(keys);
            if let Some(Value::Object(properties)) = schema.get_mut("properties") {
                let sections =
                    SECTION_NAMES.map(|name| (name.to_owned(), json!({ "$ref": format!("#/$defs/{name}") })));
                properties.extend(sections);
            }
            schema
        }
    }
}
