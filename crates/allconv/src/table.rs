//! A table for people, or the same as JSON, CSV, Markdown or LaTeX.

use allconv_study::cells;
use serde_json::{Map, Value, json};

/// How results are written to standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// A table for people.
    #[default]
    Table,
    /// JSON with a `schema` field.
    Json,
    /// Comma-separated values with a header line.
    Csv,
    /// A Markdown table.
    Md,
    /// A LaTeX table in the style of booktabs.
    Latex,
}

/// One column: its key in JSON and CSV, and its heading for people.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// Key in JSON and CSV.
    pub(crate) key: &'static str,
    /// Heading in the other formats.
    pub(crate) heading: &'static str,
}

/// Rows of values under columns. A cell is a JSON string, number, bool or null.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    schema: &'static str,
    columns: Vec<Column>,
    rows: Vec<Vec<Value>>,
}

impl Table {
    /// An empty table; `schema` names and versions its JSON form, e.g. `allconv.models/1`.
    pub(crate) fn new(schema: &'static str, columns: &[(&'static str, &'static str)]) -> Table {
        let columns = columns.iter().map(|&(key, heading)| Column { key, heading }).collect();
        Table { schema, columns, rows: Vec::new() }
    }

    /// Appends a row.
    ///
    /// # Panics
    /// If the number of cells is not that of the columns.
    pub(crate) fn push(&mut self, cells: Vec<Value>) {
        assert_eq!(cells.len(), self.columns.len(), "cells of a row of {}", self.schema);
        self.rows.push(cells);
    }

    /// The table in `format`, ending with a newline.
    pub(crate) fn render(&self, format: Format) -> String {
        match format {
            Format::Table => self.for_people(),
            Format::Json => self.json(),
            Format::Csv => self.csv(),
            Format::Md => self.markdown(),
            Format::Latex => self.latex(),
        }
    }

    fn for_people(&self) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
        table.set_header(self.columns.iter().map(|column| column.heading));
        for row in &self.rows {
            table.add_row(row.iter().map(|cell| {
                let alignment = match cell {
                    Value::Number(_) => comfy_table::CellAlignment::Right,
                    _ => comfy_table::CellAlignment::Left,
                };
                comfy_table::Cell::new(grouped(cell)).set_alignment(alignment)
            }));
        }
        format!("{table}\n")
    }

    fn json(&self) -> String {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                let fields =
                    self.columns.iter().zip(row).map(|(column, cell)| (column.key.to_owned(), cell.clone()));
                Value::Object(fields.collect::<Map<_, _>>())
            })
            .collect();
        format!("{:#}\n", json!({ "schema": self.schema, "rows": rows }))
    }

    fn csv(&self) -> String {
        let mut lines =
            vec![self.columns.iter().map(|column| column.key.to_owned()).collect::<Vec<_>>().join(",")];
        lines.extend(
            self.rows
                .iter()
                .map(|row| row.iter().map(|cell| cells::csv(&plain(cell))).collect::<Vec<_>>().join(",")),
        );
        lines.join("\n") + "\n"
    }

    fn markdown(&self) -> String {
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let mut text = line(self.columns.iter().map(|column| column.heading.to_owned()).collect());
        let numeric =
            |index: usize| !self.rows.is_empty() && self.rows.iter().all(|row| row[index].is_number());
        text += &line(
            (0..self.columns.len())
                .map(|index| if numeric(index) { "--:" } else { "---" }.to_owned())
                .collect(),
        );
        for row in &self.rows {
            text += &line(row.iter().map(|cell| cells::markdown(&grouped(cell))).collect());
        }
        text
    }

    fn latex(&self) -> String {
        let line = |cells: Vec<String>| format!("{} \\\\\n", cells.join(" & "));
        let mut text = format!("\\begin{{tabular}}{{{}}}\n\\toprule\n", "l".repeat(self.columns.len()));
        text += &line(self.columns.iter().map(|column| cells::latex(column.heading)).collect());
        text += "\\midrule\n";
        for row in &self.rows {
            text += &line(row.iter().map(|cell| cells::latex(&grouped(cell))).collect());
        }
        text + "\\bottomrule\n\\end{tabular}\n"
    }
}

/// The cell as bare text.
fn plain(cell: &Value) -> String {
    match cell {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The cell as text for people: whole numbers of more than four digits with separated thousands.
fn grouped(cell: &Value) -> String {
    let Some(number) = cell.as_u64().filter(|number| *number >= 10_000) else { return plain(cell) };
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Table {
        let mut table = Table::new("allconv.example/1", &[("name", "Name"), ("macs", "MACs")]);
        table.push(vec![json!("a_b, \"c\""), json!(1_369_738)]);
        table.push(vec![json!("d|e"), Value::Null]);
        table
    }

    #[test]
    fn csv_quotes_what_needs_it_and_leaves_numbers_plain() {
        assert_eq!(example().render(Format::Csv), "name,macs\n\"a_b, \"\"c\"\"\",1369738\nd|e,\n");
    }

    #[test]
    fn names_of_files_become_no_formulas_and_numbers_stay_numbers() {
        let mut table = Table::new("allconv.example/1", &[("image", "Image"), ("value", "Value")]);
        table.push(vec![json!("=cmd|'/C calc'!A0.png"), json!(-0.25)]);
        table.push(vec![json!("-rf.png"), json!(3)]);
        let csv = table.render(Format::Csv);
        assert!(csv.contains("\"'=cmd") && csv.contains("\"'-rf.png\"") && csv.contains(",-0.25\n"), "{csv}");
    }

    #[test]
    fn json_names_its_schema_and_keeps_types() {
        let value: Value = serde_json::from_str(&example().render(Format::Json)).unwrap();
        assert_eq!(value["schema"], "allconv.example/1");
        assert_eq!(value["rows"][0]["macs"], 1_369_738);
        assert!(value["rows"][1]["macs"].is_null());
    }

    #[test]
    fn markdown_and_latex_escape_their_own_signs() {
        assert!(example().render(Format::Md).contains("| d\\|e |"));
        assert!(example().render(Format::Md).contains("1,369,738"));
        assert!(example().render(Format::Latex).contains("a\\_b"));
    }
}
