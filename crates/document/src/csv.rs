//! Tables as comma-separated values: keys in the first line, numbers as stored, empty cells for unknown values.

use serde_json::Value;

use crate::table::Table;

/// Writes the table according to RFC 4180.
pub fn table(table: &Table) -> String {
    let line = |cells: Vec<String>| cells.join(",") + "\n";
    let mut text = line(table.columns.iter().map(|column| escaped(&column.key)).collect());
    for row in &table.rows {
        text += &line(row.cells.iter().map(|cell| field(&cell.content.value())).collect());
    }
    text
}

fn field(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(words) => escaped(words),
        other => escaped(&other.to_string()),
    }
}

/// Writes a field. Text that a spreadsheet would take for a formula gets an apostrophe in front; numbers are unchanged.
fn escaped(field: &str) -> String {
    let is_formula = field.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
        || field.starts_with(['\t', '\r', '\n']);
    let is_number = field.parse::<f64>().is_ok();
    let field = if is_formula && !is_number { format!("'{field}") } else { field.to_owned() };
    if field.contains([',', '"', '\n', '\r', '\t', '\'']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_that_need_it_are_quoted_and_numbers_are_plain() {
        let mut found = Table::data("allconv.example/1", &[("name", "Name"), ("macs", "MACs")]);
        found.push([json!("a_b, \"c\""), json!(1_369_738)]);
        found.push([json!("d|e"), json!(null)]);
        assert_eq!(table(&found), "name,macs\n\"a_b, \"\"c\"\"\",1369738\nd|e,\n");
    }

    #[test]
    fn what_a_spreadsheet_would_compute_is_text_and_numbers_stay_numbers() {
        for formula in
            ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", " =1", "-cmd", "=cmd|'/C calc'!A0"]
        {
            let cell = escaped(formula);
            assert!(cell.starts_with("\"'"), "{cell}");
        }
        for number in ["-0.5", "0.25", "-1e-9", "12", "+3"] {
            assert_eq!(escaped(number), number);
        }
    }
}
