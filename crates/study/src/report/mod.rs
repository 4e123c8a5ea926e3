//! The report of a study: a pure function of its file and its runs. Same input, same bytes.

mod base64;
mod claim_sentence;
mod families;
mod figure;
mod figure_cost;
mod figure_curves;
mod figure_file;
mod figure_png;
mod figure_results;
mod figure_trend;
mod markdown;
mod metrics_csv;
mod number;
mod opening;
mod page;
mod page_claims;
mod page_classes;
mod page_comparisons;
mod page_disagreement;
mod page_factorial;
mod page_gap;
mod page_images;
mod page_pairs;
mod page_pictures;
mod page_protocol;
mod page_runs;
mod page_search;
mod page_secondary;
mod page_table;
mod page_trend;
mod paper_md;
mod readme;
mod results_csv;
mod results_json;
mod scale;
mod sentence;
mod tables_tex;
mod tensorboard;

/// Words and sentences that other pages share with the report.
pub(crate) mod texts {
    pub(crate) use super::claim_sentence::{label as claim_label, verdict_sentence};
    pub(crate) use super::markdown::{cell, inline};
    pub(crate) use super::opening::opening_sentences;
    pub(crate) use super::page_gap::{excludes_zero, markdown as gap_markdown};
    pub(crate) use super::sentence::{metric_name, percent, signed_interval, with_unit};
}

/// Free text in the cells of a table, for whoever writes one: it never becomes a formula, a column, a tag or a command.
pub mod cells {
    pub use super::markdown::cell as markdown;
    pub use super::results_csv::escaped as csv;
    pub use super::tables_tex::escaped as latex;
}

use std::path::Path;
use std::time::Duration;

use allconv_record::{Examples, RecordError, create_folder, remove_leftovers, write_atomically};

use crate::file::StudyFile;
use crate::results::StudyResults;
use crate::text::visible;

use page_disagreement::Pictures;
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
/// `examples` shows the test pictures on which the arms disagree; where it has none, they are named by number.
pub fn report_files(study: &StudyFile, results: &StudyResults, examples: &dyn Examples) -> Vec<ReportFile> {
    let figures = page::figures(study, results);
    let json = results_json::results_json(study, results);
    let pictures = pictures(results, examples);
    let mut files = vec![
        file("index.html", page::page(study, results, (&figures, &pictures), &json)),
        file("results.csv", results_csv::results_csv(study, results)),
        file("metrics.csv", metrics_csv::metrics_csv(study, results)),
        file("results.json", json),
        file("tables.tex", tables_tex::tables_tex(study, results)),
        file("paper.md", paper_md::paper_md(study, results)),
    ];
    for figure in figures.all() {
        files.push(file(&format!("figures/{}.svg", figure.name), figure_file::svg(figure)));
        files.push(file(&format!("figures/{}.png", figure.name), figure_png::png(figure)));
    }
    files
}

/// The measured values of every run as files for TensorBoard, `tensorboard/<run>/events.out.tfevents.*`.
pub fn tensorboard_files(results: &StudyResults) -> Vec<ReportFile> {
    tensorboard::event_files(results)
}

/// What the page shows of the data set that the runs with outcomes were made with.
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

/// The generated `README.md`, its figure and `results.json` for `docs/results/<study>/`.
pub(crate) fn published_files(study: &StudyFile, results: &StudyResults) -> Vec<ReportFile> {
    let figure = figure_trend::figure(study, results);
    let figure =
        figure.map(|figure| file(&format!("figures/{}.svg", figure.name), figure_file::svg(&figure)));
    let texts = [
        file("README.md", readme::readme(study, results)),
        file("results.json", results_json::results_json(study, results)),
    ];
    texts.into_iter().chain(figure).collect()
}

/// Age from which a temporary file belongs to no live process: a report is written in seconds.
const LEFT_BEHIND: Duration = Duration::from_secs(24 * 60 * 60);

/// Writes files below `folder`, each atomically, making folders as needed; what killed processes left there long ago is removed.
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
    ReportFile { path: path.to_string(), content: content.into() }
}

#[cfg(test)]
mod tests;
