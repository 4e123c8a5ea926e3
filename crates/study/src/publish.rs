//! What is committed of a real study: its file, its ended runs without checkpoints, `results.json` and a generated `README.md`.

use std::path::{Path, PathBuf};

use allconv_record::{ArtefactPicture, Artefacts, RecordError, RunDirectory, write_atomically};

use crate::file::StudyFile;
use crate::report::{published_files, write_report};
use crate::results::StudyResults;

/// The files of a run directory that are published.
const RUN_FILES: [&str; 5] = ["spec.toml", "run.json", "metrics.jsonl", "outcomes.bin", "scores.json"];

/// Writes `<study>.toml`, `README.md`, `results.json` and `runs/*` below `folder`, e.g. `docs/results/<study>`, and returns the paths written.
///
/// Runs that finished, diverged or got stuck are copied; runs that already lie there are left as they are.
///
/// # Errors
/// [`RecordError::Io`].
pub fn publish(
    study: &StudyFile,
    results: &StudyResults,
    folder: &Path,
) -> Result<Vec<PathBuf>, RecordError> {
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
        std::fs::create_dir_all(&target).map_err(RecordError::io("create", &target))?;
        for file in RUN_FILES {
            let source = directory.path().join(file);
            if source.exists() {
                let bytes = std::fs::read(&source).map_err(RecordError::io("read", &source))?;
                write_atomically(&target.join(file), &bytes)?;
                written.push(target.join(file));
            }
        }
        written.extend(copy_artefacts(directory, &target)?);
    }
    let study_copy = folder.join(format!("{}.toml", study.name));
    std::fs::create_dir_all(folder).map_err(RecordError::io("create", folder))?;
    write_atomically(&study_copy, study.text().as_bytes())?;
    written.push(study_copy);
    let files = published_files(study, results);
    write_report(&files, folder)?;
    written.extend(files.iter().map(|file| folder.join(&file.path)));
    Ok(written)
}

/// Copies the pictures of a run that its index names, and the index.
fn copy_artefacts(run: &RunDirectory, target: &Path) -> Result<Vec<PathBuf>, RecordError> {
    let source = run.artefacts();
    if !source.join("index.json").exists() {
        return Ok(Vec::new());
    }
    let read = |picture: ArtefactPicture| {
        let path = source.join(&picture.file);
        let png = std::fs::read(&path).map_err(RecordError::io("read", &path))?;
        Ok((picture, png))
    };
    let pictures: Vec<(ArtefactPicture, Vec<u8>)> =
        Artefacts::read(&source)?.pictures.into_iter().map(read).collect::<Result<_, RecordError>>()?;
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
    use crate::testing::{small_study, write_run};
    use allconv_record::{PictureRole, Scores, Status};

    #[test]
    fn published_runs_give_the_same_results_as_the_originals() {
        let folder = tempfile::tempdir().unwrap();
        let (runs, published) = (folder.path().join("runs"), folder.path().join("published"));
        let study = small_study(2);
        for (index, planned) in plan(&study).iter().enumerate() {
            match index {
                0 => write_run(&runs, planned, Status::Diverged, None),
                1 => write_run(&runs, planned, Status::Interrupted, None),
                _ => write_run(&runs, planned, Status::Finished, Some(0.1 + index as f64 / 100.0)),
            };
        }
        let results = StudyResults::collect(&study, &[runs]).unwrap();
        let written = publish(&study, &results, &published).unwrap();
        assert!(written.iter().all(|path| path.is_file()));
        assert!(!written.iter().any(|path| path.to_string_lossy().contains("checkpoints")));
        let again = StudyResults::collect(&study, &[published.join("runs")]).unwrap();
        assert_eq!(again.arms, results.arms);
        assert_eq!(again.comparisons, results.comparisons);
        // The interrupted run is not published.
        assert_eq!(again.runs.iter().filter(|run| run.record.is_some()).count(), 5);
        // Publishing from where the runs already lie copies none of them.
        let rewritten = publish(&study, &again, &published).unwrap();
        assert_eq!(rewritten.len(), 3);
        let readme = std::fs::read_to_string(published.join("README.md")).unwrap();
        assert!(readme.contains("| `max_pool` |") && readme.contains("seed 0: diverged"), "{readme}");
    }

    #[test]
    fn scores_and_the_pictures_of_the_index_are_published_and_other_files_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let (runs, published) = (folder.path().join("runs"), folder.path().join("published"));
        let study = small_study(2);
        let directory = write_run(&runs, &plan(&study)[0], Status::Finished, Some(0.1));
        directory.write_scores(&Scores::new(vec!["psnr_y".into()], Vec::new())).unwrap();
        let picture = ArtefactPicture {
            file: "baby-output.png".into(),
            example: "baby".into(),
            role: PictureRole::Output,
            metrics: Default::default(),
        };
        Artefacts::write(&directory.artefacts(), &[(picture.clone(), vec![1, 2])]).unwrap();
        std::fs::write(directory.artefacts().join("stray.bin"), [3]).unwrap();
        let results = StudyResults::collect(&study, &[runs]).unwrap();
        publish(&study, &results, &published).unwrap();
        let name = directory.path().file_name().unwrap();
        let copy = RunDirectory::at(published.join("runs").join(name));
        assert_eq!(copy.read_scores().unwrap(), directory.read_scores().unwrap());
        assert_eq!(Artefacts::read(&copy.artefacts()).unwrap().pictures, [picture]);
        assert_eq!(std::fs::read(copy.artefacts().join("baby-output.png")).unwrap(), [1, 2]);
        assert!(!copy.artefacts().join("stray.bin").exists());
    }
}
