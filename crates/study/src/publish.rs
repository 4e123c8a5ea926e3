//! The published files of a study: its file, its ended runs without checkpoints but with the hash of their final weights, `results.json` and a
//! generated `README.md`.

use std::path::{Path, PathBuf};

use allconv_record::{Artefacts, RecordError, RunDirectory, create_folder, write_atomically};

use crate::report::{published_files, write_report};
use crate::results::StudyResults;

/// The files of a run directory that are published.
const RUN_FILES: [&str; 6] =
    ["spec.toml", "run.json", "metrics.jsonl", "outcomes.bin", "scores.json", "data.json"];

/// Writes `<study>.toml`, `README.md`, `results.json` and `runs/*` below `folder`, e.g. `docs/results/<study>`, and returns the paths written.
///
/// Runs that finished, diverged or got stuck are copied; runs that are already there are kept.
///
/// # Errors
/// [`RecordError::Io`].
pub fn publish(results: &StudyResults, folder: &Path) -> Result<Vec<PathBuf>, RecordError> {
    let study = &results.study;
    let mut written = publish_runs(results, folder)?;
    let study_copy = folder.join(format!("{}.toml", study.name));
    create_folder(folder)?;
    write_atomically(&study_copy, study.text().as_bytes())?;
    written.push(study_copy);
    let files = published_files(results);
    write_report(&files, folder)?;
    written.extend(files.iter().map(|file| folder.join(&file.path)));
    Ok(written)
}

/// Copies the runs that [`publish`] copies, without writing results.
///
/// # Errors
/// [`RecordError::Io`].
pub fn publish_runs(results: &StudyResults, folder: &Path) -> Result<Vec<PathBuf>, RecordError> {
    let mut written = Vec::new();
    let searched = results.search.iter().flat_map(|search| &search.rungs).flat_map(|rung| &rung.cells);
    for run in results.runs.iter().chain(searched.flat_map(|cell| &cell.runs)) {
        let ended = run.record.as_ref().is_some_and(|record| record.status.is_final());
        let (Some(directory), Some(name), true) = (&run.directory, run.folder_name(), ended) else {
            continue;
        };
        let target = folder.join("runs").join(name);
        if is_same_folder(directory.path(), &target) {
            continue;
        }
        create_folder(&target)?;
        for file in RUN_FILES {
            let source = directory.path().join(file);
            if source.exists() {
                let bytes = std::fs::read(&source).map_err(RecordError::io("read", &source))?;
                write_atomically(&target.join(file), &bytes)?;
                written.push(target.join(file));
            }
        }
        written.extend(publish_pictures(directory, &target)?);
        let last_step = run.record.as_ref().map_or(0, |record| record.step);
        if let Some(hash) = directory.weights_hash(last_step)? {
            RunDirectory::at(&target).write_weights_hash(&hash)?;
            written.push(target.join("weights.blake3"));
        }
    }
    if let Some(bench) = &results.bench {
        create_folder(folder)?;
        bench.write(folder)?;
    }
    Ok(written)
}

/// Copies the pictures that the run's index names, then the index.
fn publish_pictures(run: &RunDirectory, target: &Path) -> Result<Vec<PathBuf>, RecordError> {
    let mut pictures = Vec::new();
    for picture in run.read_artefacts()?.pictures {
        let source = run.artefacts().join(&picture.file);
        let png = std::fs::read(&source).map_err(RecordError::io("read", &source))?;
        pictures.push((picture, png));
    }
    if pictures.is_empty() {
        return Ok(Vec::new());
    }
    let folder = RunDirectory::at(target).artefacts();
    Artefacts::write(&folder, &pictures)?;
    let names = pictures.iter().map(|(picture, _)| picture.file.as_str()).chain(["index.json"]);
    Ok(names.map(|name| folder.join(name)).collect())
}

fn is_same_folder(first: &Path, second: &Path) -> bool {
    match (first.canonicalize(), second.canonicalize()) {
        (Ok(first), Ok(second)) => first == second,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::plan;
    use crate::testing::{small_study, write_pictures, write_run, write_scores};
    use allconv_record::Status;

    #[test]
    fn published_runs_give_the_same_results_as_the_originals() {
        let folder = tempfile::tempdir().unwrap();
        let (runs, published) = (folder.path().join("runs"), folder.path().join("published"));
        let study = small_study(2);
        for (index, planned) in plan(&study).iter().enumerate() {
            match index {
                0 => write_run(&runs, planned, Status::Diverged, None),
                1 => write_run(&runs, planned, Status::Interrupted, None),
                _ => {
                    let run = write_run(&runs, planned, Status::Finished, Some(0.1 + index as f64 / 100.0));
                    write_scores(&run, "error", 9, |image| 0.01 * (image + index) as f64);
                    write_pictures(&run, &["bird"], |_| 40);
                    run
                }
            };
        }
        let results = StudyResults::collect(&study, &[runs]).unwrap();
        let written = publish(&results, &published).unwrap();
        assert!(written.iter().all(|path| path.is_file()));
        assert!(!written.iter().any(|path| path.to_string_lossy().contains("checkpoints")));
        let again = StudyResults::collect(&study, &[published.join("runs")]).unwrap();
        assert_eq!(again.arms, results.arms);
        assert_eq!(again.comparisons, results.comparisons);
        assert_eq!((&again.scores, &again.shown_images), (&results.scores, &results.shown_images));
        assert_eq!((again.scores.rows.len(), again.shown_images.images.len()), (4, 1));
        // The interrupted run is not published.
        assert_eq!(again.runs.iter().filter(|run| run.record.is_some()).count(), 5);
        // Publishing from the target folder itself copies none of them.
        let rewritten = publish(&again, &published).unwrap();
        assert_eq!(rewritten.len(), 3);
        let readme = std::fs::read_to_string(published.join("README.md")).unwrap();
        assert!(
            readme.contains("| `max_pool` |") && readme.contains("| `max_pool` | 0 | diverged |"),
            "{readme}"
        );
    }
}
