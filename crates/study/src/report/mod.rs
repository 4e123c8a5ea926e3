//! The report of a study: a pure function of its file and its runs. Same input, same bytes.

mod figure;
mod figure_cost;
mod figure_curves;
mod figure_results;
mod number;
mod page;
mod page_comparisons;
mod page_factorial;
mod page_protocol;
mod page_runs;
mod page_search;
mod page_table;
mod readme;
mod results_csv;
mod results_json;
mod scale;
mod sentence;
mod tables_tex;

use std::path::Path;

use allconv_record::{RecordError, write_atomically};

use crate::file::StudyFile;
use crate::results::StudyResults;

pub use results_json::RESULTS_SCHEMA;

/// One file of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFile {
    /// Path below the report's folder, with `/`.
    pub path: String,
    /// Its content.
    pub content: String,
}

/// All files of the report: `index.html`, `results.csv`, `results.json`, `tables.tex`, `figures/*.svg`.
pub fn report_files(study: &StudyFile, results: &StudyResults) -> Vec<ReportFile> {
    let figures = page::figures(study, results);
    let json = results_json::results_json(study, results);
    let mut files = vec![
        file("index.html", page::page(study, results, &figures, &json)),
        file("results.csv", results_csv::results_csv(study, results)),
        file("results.json", json),
        file("tables.tex", tables_tex::tables_tex(study, results)),
    ];
    files.extend(figures.all().map(|figure| file(&format!("figures/{}.svg", figure.name), figure.file())));
    files
}

/// The generated `README.md` and `results.json` for `docs/results/<study>/`.
pub(crate) fn published_files(study: &StudyFile, results: &StudyResults) -> Vec<ReportFile> {
    vec![
        file("README.md", readme::readme(study, results)),
        file("results.json", results_json::results_json(study, results)),
    ]
}

/// Writes files below `folder`, each atomically, making folders as needed.
///
/// # Errors
/// [`RecordError::Io`].
pub fn write_report(files: &[ReportFile], folder: &Path) -> Result<(), RecordError> {
    for file in files {
        let path = folder.join(&file.path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(RecordError::io("create", parent))?;
        }
        write_atomically(&path, file.content.as_bytes())?;
    }
    Ok(())
}

fn file(path: &str, content: String) -> ReportFile {
    ReportFile { path: path.to_string(), content }
}

#[cfg(test)]
mod tests;
