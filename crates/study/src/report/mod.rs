//! The report of a study: a pure function of its file and its runs. Same input, same bytes.

mod page;
mod paper;
mod readme;
mod results_json;
mod tables;
mod tensorboard;

use std::path::Path;

use allconv_document::figure::{png, svg};
use allconv_document::{Figure, figures, html, markdown};
use allconv_record::{Examples, LEFT_BEHIND, RecordError, create_folder, remove_leftovers, write_atomically};

use crate::results::StudyResults;
use crate::sections::Pictures;
use crate::text::visible;

pub use results_json::RESULTS_SCHEMA;

/// One file of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFile {
    /// Path below the report's folder, with `/`.
    pub path: String,
    /// Its content.
    pub content: Vec<u8>,
}

/// All files of the report: `index.html`, `results.csv`, `metrics.csv`, `results.json`, `tables.tex`, `paper.md`, `figures/*.{svg,png}`.
///
/// `examples` supplies the test images on which the arms disagree; where it has none, they are named by number.
pub fn report_files(results: &StudyResults, examples: &dyn Examples) -> Vec<ReportFile> {
    let page = page::page(results, &pictures(results, examples));
    let json = results_json::results_json(results);
    let mut files = vec![
        file("index.html", html::page(&page, Some(&json))),
        file("results.csv", tables::runs(results)),
        file("metrics.csv", tables::metrics(results)),
        file("results.json", json),
        file("tables.tex", tables::tex(results)),
        file("paper.md", markdown::document(&paper::paper(results))),
    ];
    for figure in figures(&page.blocks) {
        files.push(file(&format!("figures/{}.svg", figure.name), svg(figure)));
        files.push(file(&format!("figures/{}.png", figure.name), png(figure)));
    }
    files
}

/// The measured values of every run as files for TensorBoard, `tensorboard/<run>/events.out.tfevents.*`.
pub fn tensorboard_files(results: &StudyResults) -> Vec<ReportFile> {
    tensorboard::event_files(results)
}

/// Returns class names and images of the data set of the runs with outcomes.
fn pictures(results: &StudyResults, examples: &dyn Examples) -> Pictures {
    let with_outcomes = results.runs.iter().find(|run| run.value.is_some() && run.specification.is_some());
    let Some(specification) = with_outcomes.and_then(|run| run.specification.as_ref()) else {
        return Pictures::default();
    };
    Pictures {
        class_names: examples
            .class_names(specification)
            .unwrap_or_default()
            .iter()
            .map(|name| visible(name))
            .collect(),
        png: results
            .disagreements
            .iter()
            .map(|example| examples.png(specification, example.sample))
            .collect(),
    }
}

/// The generated `README.md`, its figures and `results.json` for `docs/results/<study>/`.
pub(crate) fn published_files(results: &StudyResults) -> Vec<ReportFile> {
    let readme = readme::readme(results);
    let texts = [
        file("README.md", markdown::document(&readme)),
        file("results.json", results_json::results_json(results)),
    ];
    let figure = |figure: &Figure| file(&format!("figures/{}.svg", figure.name), svg(figure));
    texts.into_iter().chain(figures(&readme.blocks).into_iter().map(figure)).collect()
}

/// Writes files below `folder`, each atomically, making folders as needed; old temporary files of killed processes are removed.
///
/// # Errors
/// [`RecordError::Io`].
pub fn write_report(files: &[ReportFile], folder: &Path) -> Result<(), RecordError> {
    for file in files {
        let path = folder.join(&file.path);
        if let Some(parent) = path.parent() {
            create_folder(parent)?;
        }
        write_atomically(&path, &file.content)?;
    }
    remove_leftovers(folder, LEFT_BEHIND);
    Ok(())
}

fn file(path: &str, content: impl Into<Vec<u8>>) -> ReportFile {
    ReportFile { path: path.to_owned(), content: content.into() }
}

#[cfg(test)]
mod tests;
