//! `allconv study status`: which runs are done, running, failed and left, and how long it will take.

use std::collections::BTreeMap;
use std::path::Path;

use allconv_document::Table;
use allconv_study::{MadeSteps, RunState, RunWork, WorkLeft, index, needed_runs};
use serde_json::json;

use super::opened_study::{Opened, open};
use super::study_submit::SLURM_FOLDER;
use crate::arguments::StudyFileArguments;
use crate::exit;
use crate::output;
use crate::slurm;
use crate::table::Format;

/// Runs the command.
pub(crate) fn run(arguments: &StudyFileArguments) -> anyhow::Result<u8> {
    print(&open(arguments)?, arguments.format)?;
    Ok(exit::OK)
}

/// Prints the table of the runs, and notes their counts, the time left and warnings.
pub(super) fn print(opened: &Opened, format: Format) -> anyhow::Result<()> {
    let index = index(&needed_runs(&opened.study, &opened.folders())?, &opened.folders())?;
    let columns = [
        ("arm", "Arm"),
        ("seed", "Seed"),
        ("state", "State"),
        ("step", "Step"),
        ("of", "Of"),
        ("seconds", "Seconds"),
    ];
    let mut table = Table::data("allconv.status/1", &columns);
    let mut works = Vec::with_capacity(index.runs.len());
    let mut counts: BTreeMap<RunState, usize> = BTreeMap::new();
    for run in &index.runs {
        let state = run.state_now()?;
        *counts.entry(state).or_default() += 1;
        let made = run.found.as_ref().map(|found| MadeSteps::of(&found.record));
        works.push(RunWork { arm_index: run.planned.arm_index, state, made });
    }
    let left = WorkLeft::of(&works);
    for (run, work) in index.runs.iter().zip(&works) {
        table.push(vec![
            json!(run.planned.arm),
            json!(run.planned.seed),
            json!(work.state.name()),
            json!(work.made.map_or(0, |made| made.step)),
            json!(left.total_steps(work)),
            json!(work.made.map_or(0.0, |made| made.seconds).round()),
        ]);
    }
    output::print(&format.write(&table))?;
    let counts: Vec<String> =
        counts.iter().map(|(state, count)| format!("{count} {}", state.name())).collect();
    output::note(format_args!("{}", counts.join(", ")));
    if let Some(line) = left.sentence() {
        output::note(format_args!("{line}"));
    }
    if opened.folder().join(SLURM_FOLDER).exists() {
        tell_tasks(&opened.folder().canonicalize()?);
    }
    for warning in &index.warnings {
        output::note(format_args!("warning: {warning}"));
    }
    Ok(())
}

/// Tells how many tasks of a cluster work on the store, or wait to; runs are read from their folders, whatever a scheduler says.
fn tell_tasks(store: &Path) {
    match slurm::tasks(store) {
        Ok(None) => {}
        Ok(Some(tasks)) if tasks.is_empty() => output::note("Slurm: no task"),
        Ok(Some(tasks)) => {
            let tasks: Vec<String> = tasks.iter().map(|(state, count)| format!("{count} {state}")).collect();
            output::note(format_args!("Slurm tasks: {}", tasks.join(", ")));
        }
        Err(error) => output::note(format_args!("warning: the queue is unknown: {error:#}")),
    }
}
