//! Notices, counts and reports, as several commands about studies print and write them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use allconv_study::{CheckReport, StudyResults, report_files, write_report};

use super::opened_study::Opened;
use crate::example_images::ExampleImages;
use crate::{notices, output};

/// Prints notices about settings of arms, each once.
pub(super) fn warn(report: &CheckReport) {
    let mut told: Vec<String> = Vec::new();
    for notice in report.arms.iter().filter_map(|arm| notices::large_batch(&arm.resolved)) {
        if !told.contains(&notice) {
            output::note(format_args!("warning: {notice}"));
            told.push(notice);
        }
    }
}

/// `1 run`, `2 runs`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Writes all files of the report of `results` and returns the page's path.
pub(super) fn report_of(opened: &Opened, results: &StudyResults, folder: &Path) -> anyhow::Result<PathBuf> {
    for warning in &results.warnings {
        output::note(format_args!("warning: {warning}"));
    }
    let examples = ExampleImages::new(Arc::clone(opened.data()));
    write_report(&report_files(results, &examples), folder)?;
    Ok(folder.join("index.html"))
}
