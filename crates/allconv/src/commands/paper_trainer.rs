//! Trains the runs of a paper again, with the engine that made them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use allconv_data::DataDirectory;
use allconv_paper::Retrain;
use allconv_record::{Resolve, Resolved, RunDirectory, RunSpecification, Status};
use allconv_study::{PlannedRun, RunToMake, StudyFile};
use allconv_train::{DataStore, Resolver};

use crate::arguments::{MachineArguments, PaperVerifyArguments};
use crate::device::{self, Chosen};
use crate::runner::Runner;
use crate::{interrupt, measures};

/// Resolves and trains runs on this machine.
pub(super) struct Trainer {
    data: Arc<DataStore>,
    device: Chosen,
    resolver: Resolver,
    machine: MachineArguments,
    interrupted: Arc<AtomicBool>,
}

impl Trainer {
    /// A trainer with the data sets, device and threads that the arguments name.
    ///
    /// # Errors
    /// When the device does not exist, or signals cannot be caught.
    pub(super) fn new(arguments: &PaperVerifyArguments) -> anyhow::Result<Trainer> {
        let device = device::choose(&arguments.device)?;
        let data = Arc::new(DataStore::new(DataDirectory::new(&arguments.data.data_dir)));
        let resolver = Resolver::new(Arc::clone(&data), device.kind)
            .measuring(measures::metrics())
            .explaining(measures::methods());
        let interrupted = interrupt::install()?;
        Ok(Trainer { data, device, resolver, machine: arguments.machine.clone(), interrupted })
    }

    fn resolve(&self, planned: &PlannedRun) -> Result<Resolved, String> {
        self.resolver.resolve(&planned.request).map_err(|error| error.message)
    }
}

impl Retrain for Trainer {
    fn specification(&self, _: &StudyFile, planned: &PlannedRun) -> Result<RunSpecification, String> {
        Ok(self.resolve(planned)?.specification)
    }

    fn train(&self, study: &StudyFile, planned: &PlannedRun, folder: &Path) -> Result<RunDirectory, String> {
        let told = |error: anyhow::Error| format!("{error:#}");
        let resolved = self.resolve(planned)?;
        let (data, device) = (Arc::clone(&self.data), self.device.clone());
        let interrupted = Arc::clone(&self.interrupted);
        let runner = Runner::new(&study.name, &self.machine, 1, data, device, interrupted).map_err(told)?;
        let directory =
            RunDirectory::for_run(&folder.join(&study.name), &planned.arm, &resolved.specification);
        match runner.make(RunToMake { planned, resolved: &resolved, directory: &directory, relatives: &[] }) {
            Ok(Status::Finished) => Ok(directory),
            Ok(other) => Err(format!("it ended as {other}")),
            Err(error) => Err(error.to_string()),
        }
    }
}
