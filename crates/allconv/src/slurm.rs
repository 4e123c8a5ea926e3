//! Slurm's commands: submitting a job, asking about the queue, and putting the own job back into it.
//!
//! Slurm's word is never a result: which runs have ended is read from their folders.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, bail};

/// States of a job that runs and is asked to stop: by the signal before its time limit, by `scancel --signal`. In any other state Slurm is
/// ending it already: it was cancelled, and must not come back, or was preempted or requeued, and comes back by itself.
const STOPPING: [&str; 2] = ["RUNNING", "SIGNALING"];

/// What [`requeue`] did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Requeued {
    /// The job is in the queue again.
    Yes,
    /// It is not, for this reason.
    No(String),
}

/// Puts the job that this process belongs to back into the queue, where its checkpoints will be continued.
///
/// # Errors
/// When Slurm's commands cannot be run or refuse.
pub(crate) fn requeue() -> anyhow::Result<Requeued> {
    let Some(job) = own_job() else {
        return Ok(Requeued::No("this is no Slurm job: SLURM_JOB_ID is not set".to_owned()));
    };
    let job = OsStr::new(&job);
    let shown = run("scontrol", [OsStr::new("show"), OsStr::new("job"), OsStr::new("-o"), job])?;
    let field = |name: &str| {
        let found = shown.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        found.unwrap_or("unknown").to_owned()
    };
    let (state, reason) = (field("JobState"), field("Reason"));
    if !STOPPING.contains(&state.as_str()) && reason != "TimeLimit" {
        return Ok(Requeued::No(format!("Slurm is ending the job by itself, whose state is {state}")));
    }
    run("scontrol", [OsStr::new("requeue"), job])?;
    Ok(Requeued::Yes)
}

/// Returns the name of the job that this process belongs to. The number alone, which the last task of an array shares with the whole array,
/// would requeue them all.
fn own_job() -> Option<String> {
    let array = std::env::var("SLURM_ARRAY_JOB_ID").ok().zip(std::env::var("SLURM_ARRAY_TASK_ID").ok());
    array.map(|(array, task)| format!("{array}_{task}")).or_else(|| std::env::var("SLURM_JOB_ID").ok())
}

/// Submits a script, and returns the number of the job.
///
/// # Errors
/// When `sbatch` is missing or refuses; with its message.
pub(crate) fn submit(script: &Path) -> anyhow::Result<String> {
    let told = run("sbatch", [OsStr::new("--parsable"), script.as_os_str()])?;
    // `12;cluster` on machines with several clusters.
    let job = told.trim().split(';').next().unwrap_or_default();
    if job.is_empty() {
        bail!("sbatch printed no number of a job");
    }
    Ok(job.to_owned())
}

/// Returns the user's tasks that work on a store, by their state with the reason of waiting; `None` where there is no Slurm.
///
/// # Errors
/// When `squeue` refuses; with its message.
pub(crate) fn tasks(store: &Path) -> anyhow::Result<Option<BTreeMap<String, usize>>> {
    let listed = match Command::new("squeue").args(["--me", "-h", "-r", "-o", "%T|%r|%k"]).output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        listed => text("squeue", listed.context("cannot start squeue")?)?,
    };
    let mut tasks = BTreeMap::new();
    for line in listed.lines() {
        let mut fields = line.splitn(3, '|');
        let (Some(state), Some(reason), Some(comment)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        if Path::new(comment) != store {
            continue;
        }
        let state = state.to_lowercase();
        let state = if state == "pending" { format!("{state} ({reason})") } else { state };
        *tasks.entry(state).or_default() += 1;
    }
    Ok(Some(tasks))
}

/// Runs a command, and returns what it printed.
fn run<'a>(program: &str, arguments: impl IntoIterator<Item = &'a OsStr>) -> anyhow::Result<String> {
    let output = Command::new(program).args(arguments).output();
    text(program, output.with_context(|| format!("cannot start {program}; is Slurm on this machine?"))?)
}

fn text(program: &str, output: Output) -> anyhow::Result<String> {
    if !output.status.success() {
        bail!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
