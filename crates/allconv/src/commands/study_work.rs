//! `allconv study work`: makes runs of a study beside other processes, on this machine or others.

use std::time::Duration;

use allconv_study::{RunSummary, Share};

use super::opened_study::open;
use super::study_output::counted;
use super::study_run;
use crate::arguments::StudyWorkArguments;
use crate::slurm::{self, Requeued};
use crate::{exit, output};

/// Runs the command.
pub(super) fn run(arguments: &StudyWorkArguments) -> anyhow::Result<u8> {
    let opened = open(&arguments.run.study)?;
    // Two heartbeats tell whether the owners of the remaining runs live.
    let leave_after = Duration::from_secs_f64(2.0 * arguments.run.machine.heartbeat_seconds);
    let share = Share::Slice { slice: arguments.slice, leave_after };
    let made = study_run::make_runs(&opened, &arguments.run, share)?;
    if made.elsewhere > 0 {
        let runs = counted(made.elsewhere as u64, "run");
        output::note(format_args!("{runs} left to other processes, which make them or have failed to"));
    }
    if was_interrupted(&made) && arguments.requeue {
        match slurm::requeue() {
            Ok(Requeued::Yes) => output::note("the Slurm job is in the queue again"),
            Ok(Requeued::No(reason)) => output::note(format_args!("not requeued: {reason}")),
            Err(error) => output::note(format_args!("not requeued: {}", exit::message(&error))),
        }
    }
    Ok(code(&made))
}

/// Whether runs are left because the process was asked to stop, and not because storage failed.
fn was_interrupted(made: &RunSummary) -> bool {
    let is_full = made.failed.iter().any(|run| run.is_storage);
    made.interrupted > 0 || (made.left > 0 && !is_full)
}

/// Returns the exit code: runs that others make are no failure of this process.
fn code(made: &RunSummary) -> u8 {
    study_run::code(&RunSummary { elsewhere: 0, ..made.clone() })
}
