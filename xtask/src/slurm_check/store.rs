//! The comparison of two stores of the same study.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::RUNS;
use crate::shell;

/// Files of a run that do not depend on who made it and when.
const FILES: [&str; 5] =
    ["spec.toml", "metrics.jsonl", "outcomes.bin", "data.json", "checkpoints/last/model.safetensors"];

/// What a run's record says about time and circumstances. Without its hash a record is read as one of earlier versions, which had none.
const CIRCUMSTANCES: [&str; 6] =
    ["command", "created_unix_seconds", "changed_unix_seconds", "timings", "measured", "resumptions"];

/// Runs the program in a folder.
pub(super) fn allconv(program: &Path, folder: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let program = program.display().to_string();
    shell::run(folder, &[&[program.as_str()], arguments].concat(), &[])
}

/// Compares every run of `local` and `cluster`, then every file of their reports; returns the number of files of a report.
pub(super) fn compare(program: &Path, folder: &Path) -> anyhow::Result<usize> {
    let [local, cluster] = ["local", "cluster"].map(|store| folder.join(store).join("runs/micro"));
    let runs = runs(&local)?;
    ensure!(runs.len() == RUNS, "the local study has {} runs", runs.len());
    ensure!(runs == self::runs(&cluster)?, "the runs have other names on the cluster");
    for run in &runs {
        for file in FILES {
            let path = Path::new(run).join(file);
            let read = |store: &Path| {
                std::fs::read(store.join(&path)).with_context(|| format!("no {}", path.display()))
            };
            ensure!(read(&local)? == read(&cluster)?, "{} differs", path.display());
        }
        let [one, other] = [record(&local.join(run))?, record(&cluster.join(run))?];
        ensure!(one == other, "run.json of {run} differs: {one} and {other}");
        for store in [&local, &cluster] {
            std::fs::write(store.join(run).join("run.json"), serde_json::to_string_pretty(&one)?)?;
        }
    }
    let mut reports = Vec::new();
    for store in ["local", "cluster"] {
        let store = folder.join(store);
        allconv(program, &store, &["study", "report", "micro.toml", "--to", "compared"])?;
        reports.push(contents(&store.join("compared"))?);
    }
    let [one, other] = &reports[..] else { unreachable!("two stores were read") };
    ensure!(one.keys().eq(other.keys()), "the reports have other files");
    for (name, bytes) in one {
        ensure!(*bytes == other[name], "{} of the report differs", name.display());
    }
    Ok(one.len())
}

/// The names of the run directories in a store, sorted.
fn runs(store: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(store).with_context(|| format!("no store {}", store.display()))? {
        let entry = entry?;
        if entry.path().join("run.json").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Returns the record of a run without the circumstances in which it was made.
fn record(run: &Path) -> anyhow::Result<Value> {
    let mut record: Value = serde_json::from_str(&std::fs::read_to_string(run.join("run.json"))?)?;
    let fields = record.as_object_mut().context("run.json is no object")?;
    fields.remove("hash");
    for name in CIRCUMSTANCES {
        let field = fields.get_mut(name).with_context(|| format!("run.json has no {name}"))?;
        *field = match name {
            "command" | "resumptions" => Value::Array(Vec::new()),
            "timings" => {
                serde_json::json!({"training_seconds": 1.0, "evaluation_seconds": 1.0, "images_per_second": 1.0})
            }
            "measured" => Value::Null,
            _ => Value::from(0),
        };
    }
    Ok(record)
}

/// Every file below a folder.
fn contents(folder: &Path) -> anyhow::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.strip_prefix(folder)?.to_path_buf(), std::fs::read(&path)?);
            }
        }
    }
    Ok(files)
}
