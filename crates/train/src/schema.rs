//! The JSON Schemas of the sections `[data]`, `[net]` and `[train]`, from the types that read them.

use allconv_kernels::Accuracy;
use allconv_nets::NetworkSpec;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::{DataRequest, PRESETS, TrainRequest};

/// Returns the schemas of the sections under `data`, `net` and `train`, and of the types that they refer to. No key of a section is required,
/// since a study divides them between its base and its arms.
///
/// # Example
///
/// ```
/// let schemas = allconv_train::section_schemas();
/// assert_eq!(schemas["train"]["properties"]["batch"]["type"][0], "integer");
/// ```
pub fn section_schemas() -> Map<String, Value> {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let sections = [
        ("data", section::<DataRequest>(&mut generator)),
        ("net", section::<NetworkSpec>(&mut generator)),
        ("train", section::<TrainRequest>(&mut generator)),
    ];
    let definitions = generator.take_definitions(true);
    let mut schemas: Map<String, Value> =
        definitions.iter().map(|(name, schema)| (key_name(name), schema.clone())).collect();
    schemas.extend(sections.map(|(name, schema)| (name.to_owned(), schema)));
    let names = |names: Vec<&str>| json!(names.into_iter().map(Some).chain([None]).collect::<Vec<_>>());
    schemas["train"]["properties"]["preset"]["enum"] =
        names(PRESETS.iter().map(|preset| preset.name).collect());
    schemas["train"]["properties"]["precision"]["enum"] =
        names(Accuracy::ALL.iter().map(|accuracy| accuracy.name()).collect());
    schemas.values_mut().for_each(|schema| refine(schema, &definitions));
    schemas
}

/// Returns the schema of a section, in which no key is required but said to be.
fn section<T: schemars::JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    let mut schema = T::json_schema(generator).to_value();
    let required = schema.as_object_mut().and_then(|object| object.remove("required"));
    for key in required.iter().filter_map(Value::as_array).flatten().filter_map(Value::as_str) {
        let description = &mut schema["properties"][key]["description"];
        *description = json!(format!("{} Default: required.", description.as_str().unwrap_or_default()));
    }
    schema
}

/// Returns the name under which a type is found: `StartRequest` is `start`.
fn key_name(of_type: &str) -> String {
    let name = ["Config", "Request", "Settings"].iter().find_map(|suffix| of_type.strip_suffix(suffix));
    let mut words = String::new();
    for letter in name.unwrap_or(of_type).chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push('_');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

/// Removes what only readers of the source understand, and adds what reading accepts: a name alone for a table of defaults.
fn refine(schema: &mut Value, definitions: &Map<String, Value>) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Array(variants)) = object.get_mut("oneOf") {
                add_names(variants, definitions);
            }
            if let Some(Value::String(text)) = object.get_mut("description") {
                *text = plain(text);
                if text.is_empty() {
                    object.remove("description");
                }
            }
            if let Some(Value::String(target)) = object.get_mut("$ref") {
                *target = format!("#/$defs/{}", key_name(target.trim_start_matches("#/$defs/")));
            }
            object.values_mut().for_each(|value| refine(value, definitions));
        }
        Value::Array(elements) => elements.iter_mut().for_each(|element| refine(element, definitions)),
        _ => {}
    }
}

/// Adds the name alone of every variant that is a table with one key, all of whose settings have defaults.
fn add_names(variants: &mut Vec<Value>, definitions: &Map<String, Value>) {
    let names: Vec<String> =
        variants.iter().filter_map(|variant| name_of_defaults(variant, definitions)).collect();
    if !names.is_empty() {
        variants
            .push(json!({ "enum": names, "description": "A name alone stands for its default settings." }));
    }
}

/// Returns the key of a variant that is a table with one key, if no setting below it is required.
fn name_of_defaults(variant: &Value, definitions: &Map<String, Value>) -> Option<String> {
    let [Value::String(key)] = variant.get("required")?.as_array()?.as_slice() else { return None };
    let settings = &variant["properties"][key];
    let target = settings["$ref"].as_str().map(|target| &definitions[target.trim_start_matches("#/$defs/")]);
    let settings = target.unwrap_or(settings);
    let is_table = settings["type"] == "object";
    (is_table && settings["required"].as_array().is_none_or(Vec::is_empty)).then(|| key.clone())
}

/// Returns the first paragraphs of a comment, up to its example, without links into the source.
fn plain(comment: &str) -> String {
    let text = comment.split("\n\n#").next().unwrap_or_default();
    let sentences = text.split_inclusive(". ").filter(|sentence| !sentence.contains("::"));
    let text: String = sentences.filter(|sentence| !sentence.starts_with("See [`")).collect();
    text.replace("[`", "`").replace("`]", "`").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptions(schema: &Value, found: &mut Vec<String>) {
        if let Some(text) = schema.get("description").and_then(Value::as_str) {
            found.push(text.to_owned());
        }
        match schema {
            Value::Object(object) => object.values().for_each(|value| descriptions(value, found)),
            Value::Array(elements) => elements.iter().for_each(|value| descriptions(value, found)),
            _ => {}
        }
    }

    #[test]
    fn descriptions_have_no_words_of_the_program_s_language() {
        let mut found = Vec::new();
        descriptions(&section_schemas().into(), &mut found);
        assert!(found.len() > 200, "{}", found.len());
        for text in found {
            for word in ["::", "[`", "Option<", "```", "panic"] {
                assert!(!text.contains(word), "{text}");
            }
        }
    }

    #[test]
    fn every_key_of_a_section_has_a_description() {
        let schemas = section_schemas();
        for section in ["data", "net", "train"] {
            let properties = schemas[section]["properties"].as_object().unwrap();
            assert!(properties.len() >= 9, "{section}");
            for (key, schema) in properties {
                assert!(schema["description"].is_string(), "{section}.{key}");
            }
        }
    }

    #[test]
    fn a_name_alone_is_accepted_where_reading_accepts_it() {
        let schemas = section_schemas();
        let names = schemas["downsample"]["oneOf"].as_array().unwrap().last().unwrap();
        assert!(names["enum"].as_array().unwrap().contains(&json!("max_pool")));
        let names = schemas["task"]["oneOf"].as_array().unwrap().last().unwrap();
        assert_eq!(names["enum"], json!(["classification", "segmentation", "autoencoding"]));
    }

    #[test]
    fn no_two_types_have_one_name() {
        let types =
            ["DownsampleConfig", "UNet", "MaxPool", "StartRequest", "SuperResolutionUNet"].map(key_name);
        assert_eq!(types, ["downsample", "u_net", "max_pool", "start", "super_resolution_u_net"]);
        let mut generator = SchemaSettings::draft2020_12().into_generator();
        section::<DataRequest>(&mut generator);
        section::<NetworkSpec>(&mut generator);
        section::<TrainRequest>(&mut generator);
        assert_eq!(section_schemas().len(), generator.definitions().len() + 3);
    }
}
