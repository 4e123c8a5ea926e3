//! `study guide`: a page on what published studies found about operators, with the certainty and the regime of each finding.
//!
//! The page only sorts the findings of the studies in a folder of results. Studies with a verdict come first; those with too
//! few seeds for one come last, without advice. Studies whose arms do not differ in an operator are listed at
//! the end.

mod groups;
mod known;
mod operators;
mod page;

use std::path::{Path, PathBuf};

use allconv_document::markdown;
use allconv_record::RecordError;

use crate::error::StudyError;
use crate::file::StudyFile;
use crate::results::StudyResults;

/// Reads every study of a folder of results: `<name>/<name>.toml` with its runs in `<name>/runs`, in the order of the names.
///
/// # Errors
/// [`StudyError`] when a folder cannot be listed or a study file is wrong.
pub fn read_published(folder: &Path) -> Result<Vec<StudyResults>, StudyError> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(RecordError::io("read", folder))? {
        let path = entry.map_err(RecordError::io("read", folder))?.path();
        if study_file(&path).is_some_and(|file| file.is_file()) {
            names.push(path);
        }
    }
    names.sort();
    let mut published = Vec::with_capacity(names.len());
    for path in names {
        let Some(file) = study_file(&path) else { continue };
        let study = StudyFile::read(&file)?;
        let results = StudyResults::collect(&study, &[path.join("runs")])?;
        // An unfinished study gives no advice.
        let has_stopped = results.sequential.as_ref().is_some_and(|sequential| sequential.has_stopped);
        if has_stopped || results.arms.iter().all(|arm| arm.ended == arm.planned) {
            published.push(results);
        }
    }
    Ok(published)
}

/// The page, in Markdown. Links lead from `docs/` into the folder of results.
pub fn guide(published: &[StudyResults]) -> String {
    markdown::document(&page::page(published))
}

/// `<folder>/<name of the folder>.toml`.
fn study_file(folder: &Path) -> Option<PathBuf> {
    let name = folder.file_name()?.to_str()?;
    Some(folder.join(format!("{name}.toml")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::plan;
    use crate::publish::publish;
    use crate::testing::{small_study_text, write_run};
    use allconv_record::Status;

    /// Publishes a study in which `strided` is as good as the baseline at half of its cost, and `all_conv` worse.
    fn published(folder: &Path, name: &str, change: impl Fn(String) -> String) {
        let text = small_study_text(9).replace("alpha = 0.05", "alpha = 0.05, equivalence_margin = 0.005");
        let study = StudyFile::parse(&format!("{name}.toml"), change(text)).unwrap();
        let runs = folder.join("scratch").join(name);
        for planned in plan(&study) {
            let noise = 0.0005 * ((planned.seed * 7 + 3 * planned.arm_index as u64) % 5) as f64;
            let shift = if planned.arm == "all_conv" { 0.03 } else { 0.0 };
            let run = write_run(&runs, &planned, Status::Finished, Some(0.2 + shift + noise));
            let mut record = run.read_record().unwrap();
            record.cost.macs = [200_000, 100_000, 50_000][planned.arm_index];
            run.write_record(&record).unwrap();
        }
        let results = StudyResults::collect(&study, &[runs]).unwrap();
        publish(&results, &folder.join("results").join(name)).unwrap();
    }

    #[test]
    fn the_page_says_what_is_known_first_and_screenings_last_without_advice() {
        let folder = tempfile::tempdir().unwrap();
        published(folder.path(), "small", |text| text);
        published(folder.path(), "a_screening", |text| text.replace("count = 9", "count = 3"));
        // Studies that do not compare operators; one of them chooses a setting.
        published(folder.path(), "rates", |text| text.replace("split = \"test\"", "split = \"valid\""));
        published(folder.path(), "lengths", |text| {
            let mut text = text[..text.find("[arms.").unwrap()].to_string();
            for (arm, epochs) in [("max_pool", 2), ("strided", 3), ("all_conv", 4)] {
                text.push_str(&format!(
                    "[arms.{arm}]\nnet.downsample.max_pool = {{}}\ntrain.epochs = {epochs}\n"
                ));
            }
            text
        });
        std::fs::create_dir_all(folder.path().join("results/no_study")).unwrap();
        let read = read_published(&folder.path().join("results")).unwrap();
        let names: Vec<&str> = read.iter().map(|published| published.study.name.as_str()).collect();
        assert_eq!(names, ["a_screening", "lengths", "rates", "small"]);
        let page = guide(&read);
        assert!(page.contains("[small](results/small/README.md)"), "{page}");
        assert!(page.contains("shown worse: `all_conv` +2.99"), "{page}");
        assert!(page.contains("| `strided` | folded_stride kernel=3 |"), "{page}");
        let (known, screened) = (page.find("## What is known").unwrap(), page.find("## Screenings").unwrap());
        let first = page.find("[small](results/small/README.md)").unwrap();
        let screening = page.find("[a_screening](results/a_screening/README.md)").unwrap();
        assert!(known < first && first < screened && screened < screening, "{page}");
        let after = &page[screened..];
        assert!(
            !after.contains("choose") && !after.contains("Front") && after.contains("no verdict"),
            "{page}"
        );
        assert!(!page.contains("time |") && !page.contains("inference"), "{page}");
        assert!(page.contains("×0.50"), "{page}");
        assert!(
            page.contains("No published study of this question"),
            "there is none about segmentation: {page}"
        );
        assert!(
            page.contains("lengths") && !page.contains("[lengths](results/lengths/README.md):"),
            "{page}"
        );
        assert!(!page.contains("[rates](results/rates/README.md):"), "{page}");
        assert_eq!(page, guide(&read_published(&folder.path().join("results")).unwrap()));
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = read_published(&folder.path().join("absent")).unwrap_err();
        assert!(error.to_string().contains("absent"), "{error}");
    }

    #[test]
    fn an_unfinished_study_gives_no_advice() {
        let folder = tempfile::tempdir().unwrap();
        published(folder.path(), "small", |text| text);
        let results = folder.path().join("results");
        let runs = results.join("small/runs");
        let some_run = std::fs::read_dir(&runs).unwrap().next().unwrap().unwrap().path();
        assert_eq!(read_published(&results).unwrap().len(), 1);
        std::fs::remove_dir_all(some_run).unwrap();
        assert!(read_published(&results).unwrap().is_empty());
    }
}
