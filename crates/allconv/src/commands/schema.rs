//! `allconv schema`: the keys of a study file, as a JSON Schema for editors or as a reference to read.

use std::collections::{BTreeSet, HashSet};

use allconv_document::{Block, Column, Table, Text, markdown};
use allconv_study::SECTION_NAMES;
use allconv_train::{Length, PRESETS, Preset};
use serde_json::{Map, Value, json};

use crate::arguments::SchemaFormat;
use crate::{exit, output};

/// Runs the command.
pub(crate) fn run(format: SchemaFormat) -> anyhow::Result<u8> {
    let schema = allconv_study::schema(allconv_train::section_schemas());
    let text = match format {
        SchemaFormat::Json => serde_json::to_string_pretty(&schema)? + "\n",
        SchemaFormat::Md => markdown::blocks(&Reference::new(&schema).blocks()?),
    };
    output::print(&text)?;
    Ok(exit::OK)
}

/// The reference, written table by table: those of the file, then those of the types that they name, in the order in which they are named.
struct Reference<'a> {
    schema: &'a Value,
    named: Vec<String>,
    known: HashSet<String>,
}

impl<'a> Reference<'a> {
    fn new(schema: &'a Value) -> Self {
        Self { schema, named: Vec::new(), known: HashSet::new() }
    }

    fn blocks(mut self) -> anyhow::Result<Vec<Block>> {
        let mut blocks = vec![Block::heading(2, "The file")];
        self.table(self.schema, &mut blocks);
        for section in SECTION_NAMES {
            blocks.push(Block::heading(2, Text::code(&format!("[base.{section}]"))));
            self.table(&self.schema["$defs"][section], &mut blocks);
        }
        blocks.push(Block::heading(2, "Presets"));
        blocks.push(Block::paragraph(marked(
            "What a preset sets, unless the file says otherwise. A setting without a value is off, or the architecture's own.",
        )));
        blocks.push(presets()?);
        blocks.push(Block::heading(2, "Values that are tables or names"));
        let mut next = 0;
        while let Some(name) = self.named.get(next).cloned() {
            blocks.push(Block::heading(3, Text::code(&name)));
            self.definition(&self.schema["$defs"][&name], &mut blocks);
            next += 1;
        }
        Ok(blocks)
    }

    /// Writes a type that has a name: its keys, or its variants and the keys of each.
    fn definition(&mut self, schema: &Value, blocks: &mut Vec<Block>) {
        if let Some(text) = schema["description"].as_str() {
            blocks.push(Block::paragraph(marked(text)));
        }
        let Some(variants) = schema["oneOf"].as_array() else {
            match schema["properties"].is_object() {
                true => self.table(schema, blocks),
                false => blocks.push(Block::paragraph(self.kind(schema))),
            }
            return;
        };
        let mut rows = Vec::new();
        let mut inner = Vec::new();
        for variant in variants {
            let (name, settings) = self.variant(variant);
            let text = variant["description"].as_str().or(settings["description"].as_str());
            rows.push([marked(&name), marked(text.unwrap_or_default())]);
            if settings["properties"].as_object().is_some_and(|keys| !keys.is_empty()) {
                inner.push(Block::paragraph(marked(&format!("The settings of {name}:"))));
                self.table(settings, &mut inner);
            }
        }
        blocks.push(written(rows, ["Name", "Meaning"]));
        blocks.extend(inner);
    }

    /// Returns the name of a variant and the schema of its settings, `null` where it has none.
    fn variant(&self, variant: &'a Value) -> (String, &'a Value) {
        const NONE: &Value = &Value::Null;
        let quoted = |name: &str| format!("`{name}`");
        if let Some(name) = variant["const"].as_str() {
            return (quoted(name), NONE);
        }
        if let Some(names) = variant["enum"].as_array() {
            return (self::names(names), NONE);
        }
        let only = variant["properties"].as_object().and_then(|properties| properties.iter().next());
        only.map_or((String::new(), NONE), |(name, settings)| (quoted(name), self.resolved(settings)))
    }

    /// Follows a reference.
    fn resolved(&self, schema: &'a Value) -> &'a Value {
        reference(schema).map_or(schema, |name| &self.schema["$defs"][name])
    }

    /// Writes the keys of a table, each below its path, those of inner tables after it.
    fn table(&mut self, schema: &Value, blocks: &mut Vec<Block>) {
        let mut rows = Vec::new();
        self.rows("", schema, &mut rows);
        blocks.push(written(rows, ["Key", "Value", "Default", "Meaning"]));
    }

    fn rows(&mut self, path: &str, schema: &Value, rows: &mut Vec<[Text; 4]>) {
        let empty = Map::new();
        let required = |key: &str| {
            schema["required"].as_array().is_some_and(|names| names.iter().any(|name| name == key))
        };
        for (key, value) in schema["properties"].as_object().unwrap_or(&empty) {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let (text, written) = divided(value["description"].as_str().unwrap_or_default());
            let default = match (&value["default"], written) {
                (_, Some(written)) => written,
                (Value::Null, None) if required(key) => "required".to_owned(),
                (Value::Null, None) => String::new(),
                (Value::String(name), None) => format!("`{name}`"),
                (value, None) => format!("`{value}`"),
            };
            let kind = self.kind(value);
            rows.push([Text::code(&path), kind, marked(&default), marked(&text)]);
            self.inner_rows(&path, value, rows);
        }
    }

    /// Writes the keys of the tables that `value` is made of.
    fn inner_rows(&mut self, path: &str, value: &Value, rows: &mut Vec<[Text; 4]>) {
        if value["properties"].is_object() {
            self.rows(path, value, rows);
        } else if value["additionalProperties"].is_object() {
            self.inner_rows(&format!("{path}.NAME"), &value["additionalProperties"], rows);
        } else if value["items"].is_object() {
            self.inner_rows(&format!("{path}[]"), &value["items"], rows);
        }
    }

    /// Describes the values that a schema allows; types with a name are noted to be written later.
    fn kind(&mut self, schema: &Value) -> Text {
        if let Some(name) = reference(schema) {
            if SECTION_NAMES.contains(&name) {
                return Text::link("section", &format!("#base{name}"));
            }
            if self.known.insert(name.to_owned()) {
                self.named.push(name.to_owned());
            }
            return Text::link(name, &format!("#{}", name.to_lowercase()));
        }
        if let Some(forms) = ["anyOf", "oneOf", "allOf"].iter().find_map(|key| schema[key].as_array()) {
            let forms = forms.iter().filter(|form| form["type"] != "null");
            return Text::joined(forms.map(|form| self.kind(form)).collect::<Vec<_>>(), " or ");
        }
        if let Some(choices) = schema["enum"].as_array() {
            return marked(&names(choices));
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
            kind => kind.as_str(),
        };
        match kind {
            Some("string") => "text".into(),
            Some("integer") => format!("whole number{}", limits(schema)).into(),
            Some("number") => format!("number{}", limits(schema)).into(),
            Some("boolean") => marked("`true`, `false`"),
            Some("array") => {
                let lengths = [("minItems", "at least"), ("maxItems", "at most")];
                let length = |(key, word): (&str, &str)| {
                    Some(format!("{word} {}", schema[key].as_u64().filter(|n| *n > 0)?))
                };
                let lengths: Vec<String> = lengths.into_iter().filter_map(length).collect();
                let lengths =
                    if lengths.is_empty() { String::new() } else { format!(", {}", lengths.join(" and ")) };
                Text::from("list of ") + self.kind(&schema["items"]) + lengths
            }
            Some("object") if schema["additionalProperties"].is_object() => {
                let most = schema["maxProperties"].as_u64();
                let most = most.map(|most| format!(", at most {most}")).unwrap_or_default();
                Text::from("by name: ") + self.kind(&schema["additionalProperties"]) + most
            }
            _ => "table".into(),
        }
    }
}

/// Returns names as code, with commas between them.
fn names(choices: &[Value]) -> String {
    let names = choices.iter().filter_map(Value::as_str).map(|choice| format!("`{choice}`"));
    names.collect::<Vec<_>>().join(", ")
}

/// Returns the name of the type that a schema refers to.
fn reference(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/$defs/")
}

/// Describes the limits of a number, but for those of the type that holds it.
fn limits(schema: &Value) -> String {
    let words = [
        ("minimum", "from"),
        ("exclusiveMinimum", "above"),
        ("maximum", "to"),
        ("exclusiveMaximum", "below"),
    ];
    let limit = |(key, word): (&str, &str)| {
        let limit = schema[key].as_f64().filter(|limit| limit.abs() < 1e15)?;
        Some(format!(" {word} {limit}"))
    };
    words.into_iter().filter_map(limit).collect()
}

/// Returns a text in which everything between two backticks is code.
fn marked(text: &str) -> Text {
    let style =
        |(index, part): (usize, &str)| if index % 2 == 1 { Text::code(part) } else { Text::plain(part) };
    Text::joined(text.split('`').enumerate().filter(|(_, part)| !part.is_empty()).map(style), "")
}

/// Writes a table of texts.
fn written<const N: usize>(rows: Vec<[Text; N]>, headings: [&str; N]) -> Block {
    let columns = headings.into_iter().enumerate();
    let table = columns.fold(Table::of(rows), |table, (index, heading)| {
        table.column(Column::prose(heading), |row| row[index].clone())
    });
    Block::Table(table.table())
}

/// Writes the settings of every preset, a column each.
fn presets() -> anyhow::Result<Block> {
    let settings: Vec<Map<String, Value>> = PRESETS.iter().map(preset).collect::<anyhow::Result<_>>()?;
    let keys: BTreeSet<&String> = settings.iter().flat_map(Map::keys).collect();
    let table = settings.iter().zip(&PRESETS).fold(
        Table::of(keys).column(Column::prose("Key"), |key| Text::code(key)),
        |table, (settings, preset)| {
            let value = |key: &&String| match settings.get(*key) {
                None | Some(Value::Null) => Text::default(),
                Some(Value::String(name)) => Text::code(name),
                Some(value) => Text::code(&value.to_string()),
            };
            table.column(Column::prose(preset.name), value)
        },
    );
    Ok(Block::Table(table.table()))
}

/// Returns what a preset sets in `[train]` and `[net]`.
fn preset(preset: &Preset) -> anyhow::Result<Map<String, Value>> {
    let settings = (preset.settings)();
    let mut written = match serde_json::to_value(&settings)? {
        Value::Object(written) => written,
        _ => Map::new(),
    };
    written.remove("length");
    match settings.length {
        Length::Epochs(epochs) => written.insert("epochs".to_owned(), json!(epochs)),
        Length::Presentations(presentations) => {
            written.insert("presentations".to_owned(), json!(presentations))
        }
    };
    written.insert("net.input_dropout".to_owned(), json!(preset.input_dropout));
    written.insert("net.dropout".to_owned(), json!(preset.dropout));
    written.insert("net.last_relu".to_owned(), json!(preset.last_relu));
    written.insert("net.initialisation".to_owned(), serde_json::to_value(preset.initialisation)?);
    written.insert("net.last_scale".to_owned(), json!(preset.last_scale));
    Ok(written)
}

/// Divides a description into the meaning and the default that it states as `Default: …`.
fn divided(description: &str) -> (String, Option<String>) {
    let found = ["Default: ", "Default "].iter().find_map(|word| description.split_once(*word));
    let Some((before, after)) = found else { return (description.to_owned(), None) };
    let (default, after) = after.split_once(". ").unwrap_or((after, ""));
    let text = format!("{} {after}", before.trim_end());
    (text.trim_end().to_owned(), Some(default.trim_end_matches('.').to_owned()))
}
