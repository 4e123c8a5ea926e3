//! `allconv train`: one run, with the engine and the run directory of a study's runs.

use std::sync::Arc;

use allconv_data::DataDirectory;
use allconv_record::{Resolve, ResolveError, RunDirectory, Status};
use allconv_study::{PlannedRun, RunToMake, check_room};
use allconv_train::{DataStore, Resolver, RunSettings};
use anyhow::anyhow;

use super::{train_report, train_request};
use crate::arguments::TrainArguments;
use crate::exit::{self, UsageError};
use crate::runner::Runner;
use crate::{device, interrupt, measures, notices, output};

/// Folder inside `--out` for runs that belong to no study.
const STUDY: &str = "train";

/// Runs the command.
pub(crate) fn run(arguments: &TrainArguments) -> anyhow::Result<u8> {
    let (arm, request) = train_request::read(arguments)?;
    let device = device::choose(&arguments.device)?;
    let data = Arc::new(DataStore::new(DataDirectory::new(&arguments.data.data_dir)));
    let resolved = Resolver::new(Arc::clone(&data), device.kind)
        .measuring(measures::metrics())
        .explaining(measures::methods())
        .resolve(&request)
        .map_err(refused)?;
    if let Some(start) = RunSettings::read(&resolved.specification).map_err(refused)?.train.start {
        output::note(format_args!("the run {start}"));
    }
    if let Some(notice) = notices::large_batch(&resolved) {
        output::note(format_args!("warning: {notice}"));
    }
    let planned = PlannedRun { arm, arm_index: 0, seed: request.seed, request_hash: request.hash(), request };
    let folder = arguments.out.join(STUDY);
    let directory = RunDirectory::for_run(&folder, &planned.arm, &resolved.specification);
    if directory.ended()?.is_none() {
        check_room(&folder, [&resolved], 1)?;
    }
    let relatives = RunDirectory::list(&folder)?;
    let runner = Runner::new(STUDY, &arguments.machine, 1, data, device, interrupt::install()?)?;
    let run =
        RunToMake { planned: &planned, resolved: &resolved, directory: &directory, relatives: &relatives };
    let status = runner.make_when_free(run)?;
    train_report::print(arguments, &resolved, &directory, status)?;
    Ok(match status {
        Status::Finished => exit::OK,
        Status::Interrupted => exit::INTERRUPTED,
        _ => exit::DIVERGED,
    })
}

/// A request that cannot be resolved: bad data, or a wrong argument.
fn refused(error: ResolveError) -> anyhow::Error {
    let hint = error.suggestion.as_ref().map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
    let message = format!("{error}{hint}");
    if error.bad_data { anyhow!(exit::BadData(message)) } else { anyhow!(UsageError(message)) }
}
