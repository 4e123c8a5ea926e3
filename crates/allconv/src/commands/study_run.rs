//! `allconv study run`: makes the missing runs of a study, then prints its results and writes the report.

use std::sync::Arc;
use std::time::Duration;

use allconv_document::terminal;
use allconv_record::Status;
use allconv_study::{
    FailedRun, Progress, RunOptions, RunSummary, Share, Stage, StudyFile, StudyResults, check, primary_value,
    run_study, summary, summary_table, take_folder,
};

use super::opened_study::{Opened, open};
use super::study_output::{counted, report_of, warn};
use crate::arguments::StudyRunArguments;
use crate::overall::Overall;
use crate::runner::Runner;
use crate::table::Format;
use crate::{exit, interrupt, memory, output};

/// How long to wait before looking again at runs that other processes hold.
const BUSY_PAUSE: Duration = Duration::from_secs(2);

/// Runs the command.
pub(super) fn run(arguments: &StudyRunArguments) -> anyhow::Result<u8> {
    let opened = open(&arguments.study)?;
    let made = make_runs(&opened, arguments, Share::Whole)?;
    print_results(&opened, arguments.study.format)?;
    Ok(code(&made))
}

/// Makes the runs of this share, and tells on standard error how they ended.
pub(super) fn make_runs(
    opened: &Opened,
    arguments: &StudyRunArguments,
    share: Share,
) -> anyhow::Result<RunSummary> {
    let interrupted = interrupt::install()?;
    let Opened { study, folder, published, data, device, resolver } = opened;
    let checked = check(study, resolver)?;
    memory::check_jobs(&checked, arguments.jobs)?;
    warn(&checked);
    take_folder(study, &arguments.study.file, folder)?;
    let runner = Runner::new(
        &study.name,
        &arguments.machine,
        arguments.jobs,
        Arc::clone(data),
        device.clone(),
        Arc::clone(&interrupted),
    )?
    .for_study_file(study.sha256());
    let options = RunOptions {
        study_folder: folder,
        other_folders: published,
        jobs: arguments.jobs,
        interrupted: &interrupted,
        busy_pause: BUSY_PAUSE,
        share,
    };
    let display = runner.display();
    let made = run_study(study, resolver, &runner, options, &|progress| {
        // Processes that share a study would tell of each other's runs again and again.
        let is_news = share == Share::Whole || !matches!(progress, Progress::HeldElsewhere(_));
        if let Some(line) = line(study, progress, display.overall()).filter(|_| is_news) {
            display.say(&line);
        }
    })?;
    display.overall().clear();
    // Printed before the report, which may fail for the same reason as a run.
    output::note(summary_line(&made));
    for FailedRun { planned, reason, .. } in &made.failed {
        output::note(format_args!("failed: {} seed {}: {reason}", planned.arm, planned.seed));
    }
    if made.interrupted > 0 || (made.left > 0 && made.failed.is_empty()) {
        output::note(
            "interrupted; the same command continues the study, nothing that was finished is repeated",
        );
    }
    Ok(made)
}

/// Writes the report, and prints the results in brief and where the report is.
fn print_results(opened: &Opened, format: Format) -> anyhow::Result<()> {
    let results = StudyResults::collect(&opened.study, &opened.folders())?;
    let page = report_of(opened, &results, &opened.folder().join("report"))?;
    if format == Format::Table {
        let blocks = summary(&results);
        if !blocks.is_empty() {
            output::print_line(terminal::blocks(&blocks, output::width()))?;
        }
        output::print_line(output::link(&page))
    } else {
        output::print(&format.write(&summary_table(&results)))?;
        output::note(format_args!("report: {}", page.display()));
        Ok(())
    }
}

/// Returns the exit code for the outcomes of the runs.
pub(super) fn code(summary: &RunSummary) -> u8 {
    if summary.is_complete() {
        exit::OK
    } else if summary.failed.iter().any(|run| run.is_storage) {
        exit::IO
    } else if summary.failed.is_empty() {
        exit::INTERRUPTED
    } else {
        exit::FAILURE
    }
}

fn line(study: &StudyFile, progress: &Progress, overall: &Overall) -> Option<String> {
    match progress {
        Progress::Planned { stage, runs, ended_before, steps } => {
            overall.begin(*runs, *ended_before, *steps);
            let stage = match stage {
                Stage::Search { round, rounds: 1 } if *round == 1 => "search for learning rates: ".to_owned(),
                Stage::Search { round, rounds } => {
                    format!("search for learning rates, round {round} of {rounds}: ")
                }
                Stage::Comparison => String::new(),
            };
            let runs_in_all = counted(*runs as u64, "run");
            Some(format!("{stage}{runs_in_all}: {ended_before} done, {} to go", runs - ended_before))
        }
        Progress::Ended(planned, Status::Interrupted, _) => {
            Some(format!("{} seed {}: interrupted", planned.arm, planned.seed))
        }
        Progress::Ended(planned, status, value) => {
            let value = value.map(|value| format!(", {}", primary_value(study, value))).unwrap_or_default();
            Some(format!("{} seed {}: {status}{value}  ({})", planned.arm, planned.seed, overall.ended()))
        }
        Progress::HeldElsewhere(planned) => {
            Some(format!("{} seed {}: another process makes it", planned.arm, planned.seed))
        }
        Progress::Retrying(planned, reason) => {
            Some(format!("{} seed {}: will be tried once more: {reason}", planned.arm, planned.seed))
        }
        Progress::Started(_) | Progress::Failed(..) => None,
    }
}

fn summary_line(summary: &RunSummary) -> String {
    format!(
        "{} finished, {} diverged, {} stuck, {} failed, {} interrupted, {} left",
        summary.finished,
        summary.diverged,
        summary.stuck,
        summary.failed.len(),
        summary.interrupted,
        summary.left
    )
}
