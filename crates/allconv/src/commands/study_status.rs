//! `allconv study status`: which runs are done, running, failed and left, and how long it will take.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use allconv_document::Table;
use allconv_record::RunRecord;
use allconv_study::{IndexedRun, RunState, index, needed_runs};
use serde_json::json;

use super::opened_study::open;
use super::study_submit::SLURM_FOLDER;
use crate::arguments::StudyFileArguments;
use crate::exit;
use crate::output;
use crate::overall::rounded;
use crate::slurm;

/// Runs the command.
pub(crate) fn run(arguments: &StudyFileArguments) -> anyhow::Result<u8> {
    let opened = open(arguments)?;
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
    let mut work = WorkLeft::default();
    let mut counts: BTreeMap<RunState, usize> = BTreeMap::new();
    let own_steps = |arm: Option<usize>| {
        let runs = index.runs.iter().filter(|run| arm.is_none_or(|arm| run.planned.arm_index == arm));
        let records = runs.filter_map(|run| Some(&run.found.as_ref()?.record));
        records.map(|record| record.total_steps - begun_at(record)).max()
    };
    for run in &index.runs {
        let state = state_now(run)?;
        *counts.entry(state).or_default() += 1;
        let record = run.found.as_ref().map(|found| &found.record);
        let seconds =
            record.map_or(0.0, |record| record.timings.training_seconds + record.timings.evaluation_seconds);
        // The length of a run that has not begun is that of another of its arm, else that of the longest.
        let expected = || own_steps(Some(run.planned.arm_index)).or_else(|| own_steps(None)).unwrap_or(0);
        let (step, total) =
            record.map_or_else(|| (0, expected()), |record| (record.step, record.total_steps));
        work.seconds_done += seconds;
        work.steps_done += step - record.map_or(0, begun_at);
        work.steps_left += if state.is_final() { 0 } else { total - step };
        work.under_way += usize::from(state == RunState::Running);
        table.push(vec![
            json!(run.planned.arm),
            json!(run.planned.seed),
            json!(state.name()),
            json!(step),
            json!(total),
            json!(seconds.round()),
        ]);
    }
    output::print(&arguments.format.write(&table))?;
    let counts: Vec<String> =
        counts.iter().map(|(state, count)| format!("{count} {}", state.name())).collect();
    output::note(format_args!("{}", counts.join(", ")));
    if let Some(line) = work.line() {
        output::note(format_args!("{line}"));
    }
    if opened.folder().join(SLURM_FOLDER).exists() {
        tell_tasks(&opened.folder().canonicalize()?);
    }
    for warning in &index.warnings {
        output::note(format_args!("warning: {warning}"));
    }
    Ok(exit::OK)
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

/// Returns the first step of a run: those before it were taken over from a shorter run.
fn begun_at(record: &RunRecord) -> u64 {
    record.parent.as_ref().map_or(0, |parent| parent.step.min(record.step))
}

/// Returns the state of a run: one that is recorded as running and that no process holds was killed, and can be continued.
fn state_now(run: &IndexedRun) -> anyhow::Result<RunState> {
    Ok(match &run.found {
        Some(found) if run.state == RunState::Running && !found.directory.is_held()? => RunState::Interrupted,
        _ => run.state,
    })
}

/// The remaining work of a study.
#[derive(Default)]
struct WorkLeft {
    seconds_done: f64,
    steps_done: u64,
    steps_left: u64,
    under_way: usize,
}

impl WorkLeft {
    /// The time left at the pace so far; `None` when nothing is left or nothing was done yet.
    fn line(&self) -> Option<String> {
        if self.steps_left == 0 || self.steps_done == 0 {
            return None;
        }
        let seconds = self.seconds_done / self.steps_done as f64 * self.steps_left as f64;
        let time = |seconds: f64| rounded(Duration::try_from_secs_f64(seconds).unwrap_or_default());
        Some(match self.under_way {
            0 => format!("about {} of work left, one run at a time; no run is under way", time(seconds)),
            runs => format!("about {} left with {runs} under way", time(seconds / runs as f64)),
        })
    }
}
