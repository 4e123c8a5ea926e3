//! `allconv study submit`: writes and submits a job whose tasks make the runs of a study.

use std::path::{Path, PathBuf};

use allconv_record::{create_folder, write_atomically};
use allconv_study::{check, index, needed_runs, take_folder};
use anyhow::Context;
use clap::Parser;

use super::opened_study::{Opened, open};
use super::study_output::counted;
use crate::arguments::{Cli, Scheduler, StudySubmitArguments};
use crate::exit::{self, UsageError};
use crate::template::{fill, quoted};
use crate::{output, slurm};

const SLURM: &str = include_str!("templates/slurm.sh");
const K8S: &str = include_str!("templates/k8s.yaml");

/// Names that a script needs, or its tasks would not do the work.
const NEEDED: [&str; 2] = ["work", "tasks"];

/// Most tasks unless the user asks for more: the largest array that Slurm takes as it is installed, `MaxArraySize` less one.
const MOST_TASKS: usize = 1000;

/// Folder of the scripts and logs, in the study's folder.
pub(super) const SLURM_FOLDER: &str = "slurm";

/// Runs the command.
pub(super) fn run(arguments: &StudySubmitArguments) -> anyhow::Result<u8> {
    if arguments.print == Some(Scheduler::Slurm) {
        output::print(SLURM)?;
        return Ok(exit::OK);
    }
    let opened = open(&arguments.study)?;
    let checked = check(&opened.study, &opened.resolver)?;
    super::study_output::warn(&checked);
    let index = index(&needed_runs(&opened.study, &opened.folders())?, &opened.folders())?;
    let missing = index.runs.iter().filter(|run| !run.state.is_final()).count();
    let tasks = tasks(missing, arguments);
    if arguments.print == Some(Scheduler::K8s) {
        output::print(&fill(K8S, &values(arguments, &opened, tasks.max(1))?, &NEEDED)?)?;
        return Ok(exit::OK);
    }
    if missing == 0 {
        output::note("every run has ended; nothing is submitted");
        return Ok(exit::OK);
    }
    let template = match &arguments.template {
        None => SLURM.to_owned(),
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the template {}", path.display()))?,
    };
    if arguments.dry_run {
        output::print(&fill(&template, &values(arguments, &opened, tasks)?, &NEEDED)?)?;
        return Ok(exit::OK);
    }
    take_folder(&opened.study, &arguments.study.file, opened.folder())?;
    let script = fill(&template, &values(arguments, &opened, tasks)?, &NEEDED)?;
    let folder = opened.folder().join(SLURM_FOLDER);
    let path = folder.join("job.sh");
    create_folder(&folder)?;
    write_atomically(&path, script.as_bytes())?;
    let job = slurm::submit(&path)?;
    let (runs, tasks) = (counted(missing as u64, "run"), counted(tasks as u64, "task"));
    output::print_line(format_args!("{job}"))?;
    output::note(format_args!("job {job}: {runs} to go, {tasks}; script and logs in {}", folder.display()));
    Ok(exit::OK)
}

/// Returns the number of tasks for the runs that are missing.
fn tasks(missing: usize, arguments: &StudySubmitArguments) -> usize {
    match (arguments.chunk, arguments.array_limit) {
        (Some(runs), _) => missing.div_ceil(runs),
        (None, limit) => missing.min(limit.unwrap_or(MOST_TASKS)),
    }
}

/// Returns the values of the names in a template.
fn values(
    arguments: &StudySubmitArguments,
    opened: &Opened,
    tasks: usize,
) -> anyhow::Result<Vec<(&'static str, String)>> {
    let folder = std::env::current_dir().context("cannot read the current folder")?;
    let store = absolute(opened.folder(), &folder);
    let options = [("partition", &arguments.partition), ("time", &arguments.time)];
    let options = options.into_iter().filter_map(|(name, value)| {
        value.as_ref().map(|value| format!("#SBATCH --{name}={}", quoted(value)))
    });
    let parallel = arguments.array_limit.unwrap_or(tasks).min(tasks);
    let logs = store.join(SLURM_FOLDER).display().to_string().replace('%', "%%");
    Ok(vec![
        ("study", opened.study.name.replace('_', "-")),
        ("store", quoted(&store.display().to_string())),
        ("tasks", tasks.to_string()),
        ("limit", arguments.array_limit.map_or_else(String::new, |limit| format!("%{limit}"))),
        ("parallel", parallel.to_string()),
        ("cpus", arguments.cpus.to_string()),
        ("logs", quoted(&logs)),
        ("options", options.collect::<Vec<_>>().join("\n")),
        ("folder", quoted(&folder.display().to_string())),
        ("work", work_command(arguments)?),
    ])
}

/// Returns an absolute path, links resolved where it exists.
pub(super) fn absolute(path: &Path, folder: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| folder.join(path))
}

/// Returns the command line of a task without its slice, checked as the task will read it.
fn work_command(arguments: &StudySubmitArguments) -> anyhow::Result<String> {
    let program = std::env::current_exe().context("cannot find this program's file")?;
    let study = &arguments.study;
    let mut words: Vec<String> = ["study", "work"].map(str::to_owned).to_vec();
    words.push(study.file.display().to_string());
    for setting in &study.settings {
        words.extend(["--set".to_owned(), setting.clone()]);
    }
    words.extend(["--out".to_owned(), study.out.display().to_string()]);
    words.extend(["--device".to_owned(), study.device.clone()]);
    words.extend(["--data-dir".to_owned(), study.data.data_dir.display().to_string()]);
    words.extend(["--threads".to_owned(), arguments.cpus.to_string()]);
    words.extend(arguments.work.iter().cloned());
    let all = std::iter::once("allconv").chain(words.iter().map(String::as_str));
    if let Err(error) = Cli::try_parse_from(all) {
        let told = error.to_string();
        let first = told.lines().next().unwrap_or_default().trim_start_matches("error: ");
        return Err(UsageError(format!("the tasks' `study work` would refuse its arguments: {first}")).into());
    }
    let program = program.display().to_string();
    let quoted: Vec<String> = std::iter::once(&program).chain(&words).map(|word| quoted(word)).collect();
    Ok(quoted.join(" "))
}
