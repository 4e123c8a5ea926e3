//! `allconv runs`: the run directories of this machine, their size, and their removal.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use allconv_document::{Block, Table, terminal};
use allconv_record::{RunDirectory, RunRecord, Status};
use allconv_train::CheckpointStore;
use anyhow::Context;
use serde_json::json;

use super::train_report::{metric_table, run_facts};
use crate::arguments::{RunsCommand, RunsListArguments};
use crate::exit::{self, UsageError};
use crate::output;

/// Runs the command.
pub(crate) fn run(command: &RunsCommand) -> anyhow::Result<u8> {
    match command {
        RunsCommand::List(arguments) => list(arguments)?,
        RunsCommand::Show { run } => show(run)?,
        RunsCommand::Du(arguments) => disk_use(arguments)?,
        RunsCommand::Clean { folder, dry_run } => {
            let unneeded = found(folder)?.iter().map(unneeded).collect::<anyhow::Result<Vec<_>>>()?.concat();
            remove(&unneeded, Dry::from(*dry_run))?;
        }
        RunsCommand::Rm { runs, dry_run } => {
            for run in runs {
                check_removable(run)?;
            }
            remove(runs, Dry::from(*dry_run))?;
        }
    }
    Ok(exit::OK)
}

/// Whether anything is removed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dry {
    Remove,
    ListOnly,
}

impl From<bool> for Dry {
    fn from(dry_run: bool) -> Dry {
        if dry_run { Dry::ListOnly } else { Dry::Remove }
    }
}

/// Returns the runs in a folder of runs, or in the folders of studies in it.
fn found(folder: &Path) -> anyhow::Result<Vec<RunDirectory>> {
    let mut runs = RunDirectory::list(folder)?;
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut studies = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
        if path.is_dir() && !path.join("run.json").is_file() {
            studies.push(path);
        }
    }
    studies.sort();
    for study in studies {
        runs.extend(RunDirectory::list(&study)?);
    }
    Ok(runs)
}

fn list(arguments: &RunsListArguments) -> anyhow::Result<()> {
    let columns =
        [("run", "Run"), ("status", "Status"), ("step", "Step"), ("of", "Of"), ("mib", "Size (MiB)")];
    let mut table = Table::data("allconv.runs/1", &columns);
    for run in found(&arguments.folder)? {
        let mut row = vec![json!(run.path().display().to_string())];
        match run.read_record() {
            Ok(record) => {
                row.extend([json!(state(&run, &record)?), json!(record.step), json!(record.total_steps)]);
            }
            Err(error) => {
                output::note(format_args!("warning: {error}"));
                row.extend([json!("unreadable"), json!(null), json!(null)]);
            }
        }
        row.push(json!(mebibytes(size(run.path())?)));
        table.push(row);
    }
    output::print(&arguments.format.write(&table))
}

/// Returns the state of a run: one that is recorded as running and that no process holds was killed.
fn state(run: &RunDirectory, record: &RunRecord) -> anyhow::Result<&'static str> {
    let was_killed = record.status == Status::Running && !run.is_held()?;
    Ok(if was_killed { Status::Interrupted.name() } else { record.status.name() })
}

fn show(path: &Path) -> anyhow::Result<()> {
    let run = RunDirectory::at(path);
    let record = run.read_record()?;
    let metrics = if run.journal_path().exists() { run.read_metrics()? } else { Vec::new() };
    let specification = toml::to_string(&run.read_specification()?)?;
    let blocks = [
        run_facts(record.cost.parameters, &run, &record),
        Block::Table(metric_table(&metrics)),
        Block::code("toml", specification.trim_end()),
    ];
    output::print(&terminal::blocks(&blocks, output::width()))?;
    if let Some(reason) = &record.reason {
        output::note(format_args!("{}: {reason}", record.status));
    }
    output::note(format_args!("to reproduce: {}", record.command_line()));
    Ok(())
}

fn disk_use(arguments: &RunsListArguments) -> anyhow::Result<()> {
    let columns = [
        ("folder", "Folder"),
        ("runs", "Runs"),
        ("mib", "Size (MiB)"),
        ("unneeded_mib", "Unneeded checkpoints (MiB)"),
    ];
    let mut table = Table::data("allconv.runs_disk_use/1", &columns);
    let mut studies: BTreeMap<PathBuf, (u64, u64, u64)> = BTreeMap::new();
    for run in found(&arguments.folder)? {
        let study = run.path().parent().map_or_else(PathBuf::new, Path::to_path_buf);
        let (runs, bytes, free) = studies.entry(study).or_default();
        *runs += 1;
        *bytes += size(run.path())?;
        for checkpoint in unneeded(&run)? {
            *free += size(&checkpoint)?;
        }
    }
    for (study, (runs, bytes, free)) in studies {
        let folder = study.display().to_string();
        table.push([json!(folder), json!(runs), json!(mebibytes(bytes)), json!(mebibytes(free))]);
    }
    output::print(&arguments.format.write(&table))
}

/// Returns the checkpoints of a run that nothing needs any more: of a finished run whose last checkpoint is whole, all but the last and
/// the best. Longer runs may have gone on from them; those that begin later make the steps themselves.
fn unneeded(run: &RunDirectory) -> anyhow::Result<Vec<PathBuf>> {
    let Ok(record) = run.read_record() else { return Ok(Vec::new()) };
    if record.status != Status::Finished || run.is_held()? {
        return Ok(Vec::new());
    }
    let store = CheckpointStore::at(run.checkpoints());
    let Some(last) = store.newest(&|_| Ok(()))?.checkpoint.map(|checkpoint| checkpoint.state) else {
        return Ok(Vec::new());
    };
    if last.step != record.step {
        output::note(format_args!("{}: the last checkpoint is damaged, all are kept", run.path().display()));
        return Ok(Vec::new());
    }
    let kept = [Some(last.step), last.best.map(|best| best.step)];
    let steps = store.steps()?.into_iter().filter(|step| !kept.contains(&Some(*step)));
    Ok(steps.filter_map(|step| Some(store.weights_of(step).parent()?.to_path_buf())).collect())
}

/// Refuses folders that are no runs, and runs that a process is making.
fn check_removable(path: &Path) -> anyhow::Result<()> {
    let run = RunDirectory::at(path);
    if !path.join("run.json").is_file() || path.is_symlink() {
        let shown = path.display();
        return Err(UsageError(format!("{shown} is no folder of a run; `allconv runs list` has them")).into());
    }
    if run.is_held()? {
        return Err(UsageError(format!("{} is being made by another process", path.display())).into());
    }
    Ok(())
}

/// Removes folders, or lists them, with the space that becomes free.
fn remove(folders: &[PathBuf], dry: Dry) -> anyhow::Result<()> {
    let mut bytes = 0;
    for folder in folders {
        bytes += size(folder)?;
        output::print_line(folder.display())?;
        if dry == Dry::Remove {
            fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        }
    }
    let would = if dry == Dry::ListOnly { "would be " } else { "" };
    output::note(format_args!("{} MiB {would}removed", mebibytes(bytes)));
    Ok(())
}

/// Returns the bytes of all files below a folder; links count as nothing.
fn size(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
        let about = fs::symlink_metadata(&path).with_context(|| format!("cannot read {}", path.display()))?;
        if about.is_dir() {
            bytes += size(&path)?;
        } else if about.is_file() {
            bytes += about.len();
        }
    }
    Ok(bytes)
}

/// Returns a size in MiB to one digit after the point.
fn mebibytes(bytes: u64) -> f64 {
    (bytes as f64 / f64::from(1 << 20) * 10.0).round() / 10.0
}
