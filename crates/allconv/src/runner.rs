//! The execution of runs for a study or `train`: threads, device, signals and progress around the training loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use allconv_record::{Leases, RecordError, Status};
use allconv_study::{Execute, ExecuteError, RunToMake};
use allconv_train::{DataStore, Execution, Identity, Job, MemoryGauge, TrainError, train};

use crate::allocator::ALLOCATOR;
use crate::arguments::MachineArguments;
use crate::device::Chosen;
use crate::exit::UsageError;
use crate::machine::{all_threads, isa};
use crate::measures::Measures;
use crate::progress::Display;
use crate::{device_operations, environment};

/// The statistics of the program's allocator for the training loop.
const MEMORY: MemoryGauge =
    MemoryGauge { restart: || ALLOCATOR.restart_peak(), peak_bytes: || ALLOCATOR.peak_bytes() as u64 };

/// Time between two looks at a run that another process may have.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// The settings that all runs of a process share.
pub(crate) struct Runner {
    leases: Leases,
    data: Arc<DataStore>,
    device: Chosen,
    execution: Execution,
    threads: usize,
    study: String,
    study_file_sha256: Option<String>,
    measures: Measures,
    interrupted: Arc<AtomicBool>,
    display: Display,
}

impl Runner {
    /// Returns a runner for `jobs` concurrent runs, between which the threads are divided.
    ///
    /// # Errors
    /// [`UsageError`] for numbers out of range, instruction sets this processor lacks, and devices that lack an operation.
    pub(crate) fn new(
        study: &str,
        machine: &MachineArguments,
        jobs: usize,
        data: Arc<DataStore>,
        device: Chosen,
        interrupted: Arc<AtomicBool>,
    ) -> anyhow::Result<Runner> {
        if jobs == 0 || machine.threads == Some(0) {
            return Err(UsageError("--jobs and --threads must be at least 1".to_owned()).into());
        }
        device_operations::check_operations(&device)?;
        let seconds = machine.checkpoint_seconds;
        let checkpoint_every = Duration::try_from_secs_f64(seconds).map_err(|_| {
            UsageError(format!("--checkpoint-seconds {seconds} is not a time; give seconds, at least 0"))
        })?;
        let execution = Execution {
            isa: isa(machine.isa.as_deref())?,
            loader_workers: machine.workers,
            checkpoint_every,
            memory: (jobs == 1).then_some(MEMORY),
        };
        let threads = (machine.threads.unwrap_or_else(all_threads) / jobs).max(1);
        let display = Display::new(machine.progress);
        let measures = Measures::new(Arc::clone(&data), execution.isa);
        let study = study.to_owned();
        let leases = Leases::new(Duration::from_secs_f64(machine.heartbeat_seconds));
        Ok(Runner {
            leases,
            data,
            device,
            execution,
            threads,
            study,
            study_file_sha256: None,
            measures,
            interrupted,
            display,
        })
    }

    /// The same for runs of the study file with this hash, which their records will name.
    pub(crate) fn for_study_file(self, sha256: String) -> Runner {
        Runner { study_file_sha256: Some(sha256), ..self }
    }

    /// The display for messages.
    pub(crate) fn display(&self) -> &Display {
        &self.display
    }

    /// Makes one run as [`Runner::make`] does. Where another process has it, waits for two heartbeats at most, to learn whether that process
    /// lives.
    ///
    /// # Errors
    /// As [`train`].
    pub(crate) fn make_when_free(&self, run: RunToMake<'_>) -> Result<Status, TrainError> {
        let end = Instant::now() + 2 * self.leases.heartbeat();
        let mut is_told = false;
        loop {
            let made = self.make(run);
            match &made {
                Err(TrainError::Record(RecordError::Busy { holder, .. }))
                    if !holder.is_alive
                        && Instant::now() < end
                        && !self.interrupted.load(Ordering::Relaxed) =>
                {
                    if !is_told {
                        let process = &holder.process;
                        self.display.say(&format!("{process} has this run; waiting for its heartbeat"));
                        is_told = true;
                    }
                    std::thread::sleep(LOOK_AGAIN);
                }
                _ => return made,
            }
        }
    }

    /// Makes one run, returning the errors of the training loop unchanged.
    ///
    /// # Errors
    /// As [`train`].
    pub(crate) fn make(
        &self,
        RunToMake { planned, resolved, directory, relatives }: RunToMake<'_>,
    ) -> Result<Status, TrainError> {
        let identity = Identity {
            study: self.study.clone(),
            arm: planned.arm.clone(),
            request_hash: planned.request_hash.clone(),
            study_file_sha256: self.study_file_sha256.clone(),
            // The program's name without its folder: a record that is published should not name this machine's paths.
            command: std::iter::once("allconv".to_owned()).chain(std::env::args().skip(1)).collect(),
            environment: environment::describe(self.execution.isa, self.device.kind, self.threads),
        };
        let job = Job {
            specification: &resolved.specification,
            directory,
            identity: &identity,
            leases: &self.leases,
            data: &self.data,
            device: &self.device.device,
            execution: self.execution,
            relatives,
            measurer: &self.measures,
            interrupted: &self.interrupted,
        };
        let mut progress = self.display.run(&format!("{} seed {}", planned.arm, planned.seed));
        // A pool for each run with its part of the threads; everything below uses the pool it runs in.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads).build();
        let pool = pool.map_err(|error| {
            TrainError::Specification(format!("cannot start {} threads: {error}", self.threads))
        })?;
        pool.install(|| train(&job, &mut progress))
    }
}

impl Execute for Runner {
    fn execute(&self, run: RunToMake<'_>) -> Result<Status, ExecuteError> {
        self.make(run).map_err(|error| match error {
            TrainError::Record(RecordError::Busy { .. } | RecordError::Lost { .. }) => ExecuteError::Busy,
            other if other.is_io() => ExecuteError::Storage(other.to_string()),
            other => ExecuteError::Run(other.to_string()),
        })
    }
}
