//! Writes run directories with invented numbers into a folder, the reports of the studies they belong to, and the guide over both.
//!
//! Shows how a program other than allconv's own can use this crate: write `run.json`, `spec.toml`, `metrics.jsonl` and what else a run
//! records, then collect and render. Usage: `cargo run -p allconv-study --example report_from_records -- FOLDER`.
#![forbid(unsafe_code)]

mod classes;
mod invented;
mod upscale;

use std::error::Error;
use std::path::{Path, PathBuf};

use allconv_study::report::{report_files, write_report};
use allconv_study::results::StudyResults;
use allconv_study::{PlannedRun, StudyFile, guide, plan, publish, read_published};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).map(PathBuf::from).ok_or("usage: report_from_records FOLDER")?;
    report(&folder, &classes::study()?, classes::write_run)?;
    report(&folder, &upscale::study()?, upscale::write_run)?;
    let page = folder.join("which-operator.md");
    std::fs::write(&page, guide(&read_published(&folder.join("results"))?))?;
    println!("{}", page.display());
    Ok(())
}

/// Writes one run directory of a study.
type WriteRun = fn(&Path, &PlannedRun) -> Result<(), Box<dyn Error>>;

fn report(folder: &Path, study: &StudyFile, write_run: WriteRun) -> Result<(), Box<dyn Error>> {
    let runs = folder.join("runs").join(&study.name);
    for planned in plan(study) {
        write_run(&runs, &planned)?;
    }
    let results = StudyResults::collect(study, std::slice::from_ref(&runs))?;
    let report = runs.join("report");
    write_report(&report_files(&results, &()), &report)?;
    publish(&results, &folder.join("results").join(&study.name))?;
    println!("{}", report.join("index.html").display());
    Ok(())
}
