//! Tables as JSON: an object with a `schema` and the rows as objects.

use serde_json::{Map, Value, json};

use crate::table::Table;

/// The table.
pub fn table(table: &Table) -> String {
    let rows = table.rows.iter().map(|row| {
        let fields = table.columns.iter().zip(&row.cells);
        let fields = fields.map(|(column, cell)| (column.key.clone(), cell.content.value()));
        Value::Object(fields.collect::<Map<_, _>>())
    });
    format!("{:#}\n", json!({ "schema": table.schema, "rows": rows.collect::<Vec<_>>() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_types() {
        let mut found =
            Table::data("allconv.example/1", &[("name", "Name"), ("macs", "MACs"), ("share", "Fraction")]);
        found.push([json!("a"), json!(1_369_738), json!(0.5)]);
        found.push([json!(true), json!(null), json!(-2)]);
        let value: Value = serde_json::from_str(&table(&found)).unwrap();
        assert_eq!(value["schema"], "allconv.example/1");
        assert_eq!(value["rows"][0], json!({ "name": "a", "macs": 1_369_738, "share": 0.5 }));
        assert_eq!(value["rows"][1], json!({ "name": true, "macs": null, "share": -2 }));
    }
}
