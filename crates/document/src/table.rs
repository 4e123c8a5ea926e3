//! Tables with typed columns.

use crate::cell::{Cell, Content};
use crate::text::Text;

/// Rows of cells under columns. The first cell of a row names it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Name and version of its JSON schema, e.g. `allconv.models/1`; empty for a table that is not written as JSON.
    pub schema: String,
    /// Its caption; may be empty.
    pub caption: Text,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, each with one cell for every column.
    pub rows: Vec<Row>,
}

/// A column: its key for programs, its heading and unit for people.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name in CSV and JSON.
    pub key: String,
    /// Its heading for people.
    pub heading: String,
    /// The unit of its values, or a qualification of the heading; may be empty.
    pub unit: String,
    /// The kind of its cells.
    pub kind: Kind,
}

/// The kind of a column's cells, which decides their alignment and wrapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Names, short text and badges, on one line.
    Text,
    /// Sentences, which may take several lines.
    Prose,
    /// Numbers and intervals.
    Number,
    /// Numbers if every cell is one or empty, else text.
    Data,
}

/// A table under construction: one row for each item, one cell of every row for each column.
#[derive(Clone, Debug)]
pub struct Rows<T> {
    items: Vec<T>,
    table: Table,
}

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The cells in the order of the columns.
    pub cells: Vec<Cell>,
    /// Whether it is a baseline of the others.
    pub is_baseline: bool,
}

impl Column {
    fn new(heading: &str, kind: Kind) -> Self {
        let letters = heading.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '_' });
        let key = letters.flat_map(char::to_lowercase).collect();
        Self { key, heading: heading.to_owned(), unit: String::new(), kind }
    }

    /// Returns a column of names, short text or badges; its key is the heading in lower case.
    pub fn text(heading: &str) -> Self {
        Self::new(heading, Kind::Text)
    }

    /// A column of sentences.
    pub fn prose(heading: &str) -> Self {
        Self::new(heading, Kind::Prose)
    }

    /// A column of numbers.
    pub fn number(heading: &str) -> Self {
        Self::new(heading, Kind::Number)
    }

    /// The same column with a unit, or a qualification.
    pub fn unit(self, unit: &str) -> Self {
        Self { unit: unit.to_owned(), ..self }
    }

    /// The same column under another key.
    pub fn key(self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self }
    }

    /// Heading and unit on one line: `Difference (pp)`.
    pub fn title(&self) -> String {
        if self.unit.is_empty() { self.heading.clone() } else { format!("{} ({})", self.heading, self.unit) }
    }
}

impl<T> Rows<T> {
    /// Appends a column, with the cell of each item; no column for `None`.
    pub fn column<C: Into<Cell>>(
        mut self,
        column: impl Into<Option<Column>>,
        cell: impl Fn(&T) -> C,
    ) -> Self {
        if let Some(column) = column.into() {
            self.table.columns.push(column);
            for (row, item) in self.table.rows.iter_mut().zip(&self.items) {
                row.cells.push(cell(item).into());
            }
        }
        self
    }

    /// Marks the rows of baselines.
    pub fn baseline(mut self, is_baseline: impl Fn(&T) -> bool) -> Self {
        for (row, item) in self.table.rows.iter_mut().zip(&self.items) {
            row.is_baseline = is_baseline(item);
        }
        self
    }

    /// The table.
    pub fn table(self) -> Table {
        self.table
    }

    /// The table with a caption.
    pub fn captioned(self, caption: impl Into<Text>) -> Table {
        Table { caption: caption.into(), ..self.table }
    }
}

impl Table {
    /// A table with one row for each item, to which columns are added.
    pub fn of<T>(items: impl IntoIterator<Item = T>) -> Rows<T> {
        let items: Vec<T> = items.into_iter().collect();
        let rows = items.iter().map(|_| Row { cells: Vec::new(), is_baseline: false }).collect();
        Rows { items, table: Self { rows, ..Self::default() } }
    }

    /// Returns an empty table that is also written as JSON and CSV, with the keys and headings of its columns.
    pub fn data(schema: &str, columns: &[(&str, &str)]) -> Self {
        let column = |(key, heading): &(&str, &str)| Column::new(heading, Kind::Data).key(key);
        let columns = columns.iter().map(column).collect();
        Self { schema: schema.to_owned(), columns, ..Self::default() }
    }

    /// Appends a row.
    ///
    /// # Panics
    /// If the number of cells is not that of the columns.
    pub fn push<C: Into<Cell>>(&mut self, cells: impl IntoIterator<Item = C>) {
        let cells: Vec<Cell> = cells.into_iter().map(Into::into).collect();
        assert_eq!(cells.len(), self.columns.len(), "cells of a row under {:?}", self.columns);
        self.rows.push(Row { cells, is_baseline: false });
    }

    /// The columns with these keys, in this order; unknown keys are left out.
    pub fn select(&self, keys: &[&str]) -> Self {
        let found = |key: &&str| self.columns.iter().position(|column| column.key == *key);
        let positions: Vec<usize> = keys.iter().filter_map(found).collect();
        let row = |row: &Row| Row {
            cells: positions.iter().map(|&position| row.cells[position].clone()).collect(),
            is_baseline: row.is_baseline,
        };
        Self {
            schema: self.schema.clone(),
            caption: self.caption.clone(),
            columns: positions.iter().map(|&position| self.columns[position].clone()).collect(),
            rows: self.rows.iter().map(row).collect(),
        }
    }

    /// Returns whether a column is aligned as numbers.
    pub(crate) fn is_numeric(&self, column: usize) -> bool {
        match self.columns[column].kind {
            Kind::Number => true,
            Kind::Text | Kind::Prose => false,
            Kind::Data => {
                let cells = self.rows.iter().map(|row| &row.cells[column].content);
                let known: Vec<&Content> = cells.filter(|cell| cell.is_known()).collect();
                !known.is_empty() && known.into_iter().all(Content::is_number)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn columns_are_numeric_by_kind_or_by_their_data() {
        let mut table = Table::data("", &[("name", "Name"), ("macs", "MACs"), ("note", "Note")]);
        table.push([json!("a"), json!(1), json!(2)]);
        table.push([json!("b"), json!(0.5), json!("none")]);
        assert_eq!([0, 1, 2].map(|column| table.is_numeric(column)), [false, true, false]);
    }

    #[test]
    fn a_selection_has_the_requested_order() {
        let table = Table::of(["a", "b"])
            .column(Column::text("Arm"), |name| Cell::code(name))
            .column(None, |_| Cell::empty())
            .column(Column::number("Mean of all"), |_| Cell::missing())
            .column(Column::number("n"), |name| name.len())
            .baseline(|name| *name == "a")
            .table();
        let selected = table.select(&["n", "absent", "mean_of_all"]);
        let keys: Vec<&str> = selected.columns.iter().map(|column| column.key.as_str()).collect();
        assert_eq!(keys, ["n", "mean_of_all"]);
        assert_eq!(selected.rows[0].cells, [Cell::from(1_usize), Cell::missing()]);
        assert!(selected.rows[0].is_baseline && !selected.rows[1].is_baseline);
    }
}
