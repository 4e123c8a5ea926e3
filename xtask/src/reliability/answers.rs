//! What must not depend on how a run or a file was made: the files of results, and what `eval` and `export` return.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::campaign::Campaign;

/// Results by name. Two that are equal came of the same computation.
pub(super) type Answers = BTreeMap<String, Vec<u8>>;

/// Files of a run's last and best checkpoint.
const CHECKPOINT: [&str; 3] = ["model.safetensors", "optimizer.safetensors", "state.json"];

/// Files of results in a run directory, where the run has them.
const RESULTS: [&str; 5] = ["spec.toml", "data.json", "metrics.jsonl", "outcomes.bin", "scores.json"];

/// Returns the run directories below a folder of studies.
///
/// # Errors
/// A folder cannot be read.
pub(super) fn runs(out: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut runs = Vec::new();
    for study in folders(out)? {
        runs.extend(folders(&study)?.into_iter().filter(|folder| folder.join("run.json").is_file()));
    }
    runs.sort();
    Ok(runs)
}

/// Returns the folders in a folder; none where it does not exist.
pub(super) fn folders(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if folder.is_dir() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() && !path.is_symlink() {
                found.push(path);
            }
        }
    }
    Ok(found)
}

/// Returns the files of results of all runs below `out`, under the name of their run.
fn files(out: &Path) -> anyhow::Result<Answers> {
    let mut answers = Answers::new();
    for run in runs(out)? {
        let name = run.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let record = std::fs::read_to_string(run.join("run.json"))?;
        let record: serde_json::Value = serde_json::from_str(&record)?;
        answers.insert(format!("{name}: status"), record["status"].to_string().into_bytes());
        answers.insert(format!("{name}: step"), record["step"].to_string().into_bytes());
        for checkpoint in ["last", "best"] {
            let folder = run.join("checkpoints").join(checkpoint);
            if checkpoint == "best" && !folder.exists() {
                continue;
            }
            for file in CHECKPOINT {
                let bytes = std::fs::read(folder.join(file))
                    .with_context(|| format!("{name}: {checkpoint}/{file}"))?;
                answers.insert(format!("{name}: {checkpoint}/{file}"), bytes);
            }
        }
        for file in RESULTS.iter().map(|file| run.join(file)).filter(|file| file.exists()) {
            answers.insert(format!("{name}: {}", shown(&file)), std::fs::read(&file)?);
        }
        for (file, bytes) in tree(&run.join("artefacts"))? {
            answers.insert(format!("{name}: artefacts/{file}"), bytes);
        }
    }
    Ok(answers)
}

/// Returns what `eval` and `export` return for the last and the best weights of every run below `out`, and the files of results.
///
/// # Errors
/// A run lacks a file of results; a command fails.
pub(super) fn of_runs(campaign: &Campaign, out: &Path, data: &Path) -> anyhow::Result<Answers> {
    let mut answers = files(out)?;
    let exported = out.with_extension("exported.safetensors");
    let text = |path: &Path| path.to_string_lossy().into_owned();
    for run in runs(out)? {
        let (run, data, exported_to) = (text(&run), text(data), text(&exported));
        for (checkpoint, split) in [("last", "test"), ("best", "valid")] {
            let chosen = ["--checkpoint", checkpoint, "--data-dir", &data];
            let eval = [&["eval", &run, "--split", split, "--format", "csv"][..], &chosen].concat();
            let answer = campaign.succeed(&campaign.scratch, &eval)?;
            answers.insert(format!("{run}: eval {checkpoint}"), answer.into_bytes());
            let export = [&["export", &run, "--file", &exported_to][..], &chosen].concat();
            campaign.succeed(&campaign.scratch, &export)?;
            answers.insert(format!("{run}: export {checkpoint}"), std::fs::read(&exported)?);
            std::fs::remove_file(&exported)?;
        }
    }
    Ok(answers.into_iter().map(|(name, bytes)| (name.replace(&text(out), ""), bytes)).collect())
}

/// Returns all files below a folder by their path in it; links as what they name.
///
/// # Errors
/// A file cannot be read.
pub(super) fn tree(folder: &Path) -> anyhow::Result<Answers> {
    let (mut answers, mut left) = (Answers::new(), vec![folder.to_owned()]);
    while let Some(place) = left.pop() {
        if !place.is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(&place)? {
            let path = entry?.path();
            let name = path.strip_prefix(folder)?.to_string_lossy().into_owned();
            if path.is_symlink() {
                answers.insert(name, std::fs::read_link(&path)?.as_os_str().as_encoded_bytes().to_vec());
            } else if path.is_dir() {
                left.push(path);
            } else {
                answers.insert(name, std::fs::read(&path)?);
            }
        }
    }
    Ok(answers)
}

/// Returns the names under which two answers differ.
pub(super) fn differences(wanted: &Answers, found: &Answers) -> Vec<String> {
    let names: std::collections::BTreeSet<&String> = wanted.keys().chain(found.keys()).collect();
    names.into_iter().filter(|name| wanted.get(*name) != found.get(*name)).cloned().collect()
}

/// Returns the unfinished files and folders below a folder that a stopped process left there.
///
/// # Errors
/// A folder cannot be read.
pub(super) fn left_over(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let (mut found, mut left) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(place) = left.pop() {
        for entry in std::fs::read_dir(&place)? {
            let entry = entry?;
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if name.ends_with(".tmp") || name.starts_with("tmp-") {
                found.push(path);
            } else if path.is_dir() && !path.is_symlink() {
                left.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn shown(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_a_missing_and_a_further_answer_are_differences() {
        let of = |pairs: &[(&str, u8)]| -> Answers {
            pairs.iter().map(|(name, byte)| ((*name).to_owned(), vec![*byte])).collect()
        };
        let wanted = of(&[("a", 1), ("b", 2), ("c", 3)]);
        assert!(differences(&wanted, &wanted).is_empty());
        assert_eq!(differences(&wanted, &of(&[("a", 1), ("b", 0), ("d", 3)])), ["b", "c", "d"]);
    }

    #[test]
    fn unfinished_files_are_found_below_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("a/tmp-1")).unwrap();
        for file in ["a/tmp-1/x", "a/run.json", ".b.9.tmp"] {
            std::fs::write(folder.path().join(file), "").unwrap();
        }
        let wanted = [".b.9.tmp", "a/tmp-1"].map(|name| folder.path().join(name));
        assert_eq!(left_over(folder.path()).unwrap(), wanted);
    }
}
