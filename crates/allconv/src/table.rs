//! Tables of results on standard output, in the requested format.

use allconv_document::{Table, csv, json, latex, markdown, terminal};

use crate::output;

/// How results are written to standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// A text table.
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

impl Format {
    /// The table, ending with a newline.
    pub(crate) fn write(self, table: &Table) -> String {
        match self {
            Format::Table => terminal::table(table, output::width()),
            Format::Json => json::table(table),
            Format::Csv => csv::table(table),
            Format::Md => markdown::table(table),
            Format::Latex => latex::tabular(table),
        }
    }
}
