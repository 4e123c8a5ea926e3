//! One run from its specification to its end: the training loop and everything that makes it resumable.

mod branch;
mod finish;
mod fitting;

use std::collections::BTreeMap;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use allconv_data::{LoaderSettings, Order, Position};
use allconv_kernels::{Engine, Isa};
use allconv_nets::{Network, walk};
use allconv_record::{
    Environment, Event, FORMAT_VERSION, Journal, Measurer, MetricPoint, Observer, Resumption, RunDirectory,
    RunRecord, RunSpecification, SplitName, Status, Timings, remove_leftovers, write_atomically,
};
use burn::module::Module;
use burn::tensor::Device;

use self::branch::Beginning;
use self::fitting::{existing_journal, fits};
use crate::checkpoint::{Best, Checkpoint, CheckpointStore, State};
use crate::optimizer::{load_tensors, network_tensors};
use crate::progress::StepPlan;
use crate::task::{EpochSums, StepError, Task, open_task};
use crate::trainer::Trainer;
use crate::weight_mean::WeightMean;
use crate::{DataStore, RunSettings, TrainError, resolve};

/// Batches that the loader may prepare ahead.
const PREFETCH: usize = 4;

/// Who asked for a run, and where it is made; none of it changes a number.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// Study the run belongs to.
    pub study: String,
    /// Arm the run belongs to.
    pub arm: String,
    /// Hash of the request the specification answers.
    pub request_hash: String,
    /// SHA-256 of the study file's text; none for a run that no study file asks for.
    pub study_file_sha256: Option<String>,
    /// The command line.
    pub command: Vec<String>,
    /// Machine and program.
    pub environment: Environment,
}

/// Reads the peak of the memory in use from whoever allocates it.
#[derive(Clone, Copy, Debug)]
pub struct MemoryGauge {
    /// Lets the peak begin anew.
    pub restart: fn(),
    /// The peak in bytes since then.
    pub peak_bytes: fn() -> u64,
}

/// How a run is carried out; none of it changes a number.
#[derive(Clone, Copy, Debug)]
pub struct Execution {
    /// Instruction set of the kernels.
    pub isa: Isa,
    /// Threads that prepare batches; 0 prepares them between the steps.
    pub loader_workers: usize,
    /// Longest time between two checkpoints; the end of an epoch always makes one.
    pub checkpoint_every: Duration,
    /// Measures the run's memory; none where other runs share the process, whose memory could not be told apart.
    pub memory: Option<MemoryGauge>,
}

/// Everything a run needs.
pub struct Job<'a> {
    /// What to run.
    pub specification: &'a RunSpecification,
    /// Where its files lie.
    pub directory: &'a RunDirectory,
    /// Who asked for it.
    pub identity: &'a Identity,
    /// The data sets.
    pub data: &'a DataStore,
    /// Where tensors live; without autodiff.
    pub device: &'a Device,
    /// How it is carried out.
    pub execution: Execution,
    /// Runs whose first steps it may take over: those that differ in the length of the training alone. Others are passed over.
    pub relatives: &'a [RunDirectory],
    /// Measures the finished network, if the specification asks for it.
    pub measurer: &'a dyn Measurer,
    /// Set from outside to stop after the step under way, with a checkpoint.
    pub interrupted: &'a AtomicBool,
}

/// Makes the run, or what is left of it, and returns how it ended: finished, diverged, stuck or interrupted.
///
/// A run that has already come to its end is not repeated. An interrupted or killed one continues from its newest valid
/// checkpoint, and its weights and metrics become bit for bit those of a run that was never interrupted.
///
/// # Errors
/// [`TrainError`] when files, data or specification stand in the way, or the program panics; the run is then marked as failed where
/// possible. A run written by a later version is left as it is.
pub fn train(job: &Job<'_>, observer: &mut dyn Observer) -> Result<Status, TrainError> {
    // Looked at before the lock as well, because taking the lock writes into the folder.
    if let Some(record) = job.directory.ended()? {
        return Ok(record.status);
    }
    let lock = job.directory.lock()?;
    if let Some(gauge) = job.execution.memory {
        (gauge.restart)();
    }
    if let Some(record) = job.directory.ended()? {
        return Ok(record.status);
    }
    remove_leftovers(job.directory.path(), Duration::ZERO);
    let mut session =
        guarded(|| Session::open(job, lock, observer)).map_err(|error| on_device(error, job, 0))?;
    guarded(|| session.go_on(observer))
        .map_err(|error| on_device(error, job, session.state.step))
        .inspect_err(|error| {
            // The error is what the caller must see; if it cannot be recorded too (a full disk, say), that changes nothing.
            let _ = session.end(Status::Failed, Some(error.to_string()), observer);
        })
}

/// What `work` returns; a panic in it as an error, so that one run cannot end those beside it.
fn guarded<T>(work: impl FnOnce() -> Result<T, TrainError>) -> Result<T, TrainError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
        Err(TrainError::Panicked(text.unwrap_or("without a message").to_owned()))
    })
}

/// A panic after `step` steps, with the device on which it happened, if that is not the CPU: there it may be the device's fault.
fn on_device(error: TrainError, job: &Job<'_>, step: u64) -> TrainError {
    let device = &job.specification.device_kind;
    match error {
        TrainError::Panicked(message) if device != "cpu" => {
            TrainError::Device { device: device.clone(), step, message }
        }
        error => error,
    }
}

/// A run under way.
struct Session<'a> {
    job: &'a Job<'a>,
    settings: RunSettings,
    task: Box<dyn Task>,
    plan: StepPlan,
    /// Steps that a longer run makes alike.
    shared_steps: u64,
    /// The first step after which weights count for `mean`.
    first_averaged_step: u64,
    mean: WeightMean,
    trainer: Trainer,
    store: CheckpointStore,
    journal: Journal,
    state: State,
    record: RunRecord,
    training: Duration,
    evaluation: Duration,
    last_checkpoint: Instant,
    _lock: File,
}

impl<'a> Session<'a> {
    fn open(job: &'a Job<'a>, lock: File, observer: &mut dyn Observer) -> Result<Session<'a>, TrainError> {
        let invalid = |error: allconv_record::ResolveError| TrainError::Specification(error.to_string());
        let settings = RunSettings::read(job.specification).map_err(invalid)?;
        let mut task = open_task(&settings, job.data, job.device)?;
        if task.content_hash() != job.specification.dataset_hash {
            return Err(TrainError::Specification(format!(
                "data set {} has content {}, the run was specified for {}; resolve the study again",
                settings.data.dataset,
                task.content_hash(),
                job.specification.dataset_hash
            )));
        }
        let images = task.samples();
        let plan = StepPlan::new(images, settings.train.batch as u64, settings.train.presentations(images));
        let engine = Engine::new(job.execution.isa, settings.accuracy().map_err(invalid)?);
        let (input, outputs) = (task.input(), task.outputs());
        let described = |error: allconv_nets::DescriptionError| TrainError::Specification(error.to_string());
        let cost = resolve::cost(&walk(&settings.net, input, outputs).map_err(described)?);
        let device = job.device.clone().autodiff();
        let seed = job.specification.seed;
        let network =
            Network::initialise(&settings.net, input, outputs, seed, engine, &device).map_err(described)?;
        let mut trainer = Trainer::new(network, &settings.train, seed, device);
        let mut store = CheckpointStore::at(job.directory.checkpoints());
        let shared_steps = settings.train.shared_steps(&plan);
        if shared_steps > 0 && shared_steps < plan.total_steps() {
            store = store.keeping(shared_steps);
        }
        let specification_hash = job.specification.hash();
        let mut parent = None;
        if shared_steps > 0 && store.steps()?.is_empty() {
            let beginning = Beginning { specification: job.specification, shared_steps, images };
            if let Some(branch) = beginning.branch(job.relatives) {
                write_atomically(&job.directory.journal_path(), &branch.journal)?;
                for checkpoint in &branch.checkpoints {
                    store.write(checkpoint)?;
                }
                parent = Some(branch.parent);
            }
        }
        let journal = existing_journal(job.directory)?;
        let found = store.newest(&|state| fits(state, &specification_hash, &plan, &journal))?;
        for reason in found.rejected {
            observer.observe(&Event::CheckpointRejected { reason });
        }
        let first_averaged_step = settings.train.first_averaged_step(&plan);
        let mut mean = WeightMean::default();
        let state = match found.checkpoint {
            Some(mut checkpoint) => {
                load_tensors(&mut trainer.network, &checkpoint.model).map_err(|error| {
                    TrainError::Specification(format!("the checkpoint does not fit: {error}"))
                })?;
                let averaged = checkpoint.state.step.saturating_sub(first_averaged_step);
                mean = WeightMean::take_from(&mut checkpoint.optimizer, averaged);
                trainer.optimizer.restore(checkpoint.optimizer);
                // A stop right after the checkpoint may have left them on the one before.
                store.mend_links(&checkpoint.state)?;
                checkpoint.state
            }
            None => State::start(specification_hash.clone()),
        };
        let journal = job.directory.open_journal(state.journal_length)?;
        let mut record = match job.directory.read_record() {
            Ok(record) if record.specification_hash == specification_hash => record,
            Ok(_) => new_record(job, cost, plan.total_steps()),
            Err(error) if error.is_repairable() => new_record(job, cost, plan.total_steps()),
            Err(error) => return Err(error.into()),
        };
        record.results.clear();
        record.measured = None;
        // A run that had to begin anew has made every step itself.
        record.parent = parent.or(record.parent.filter(|parent| parent.step <= state.step));
        job.directory.write_specification(job.specification)?;
        task.keep(job.directory)?;
        let loader = LoaderSettings {
            batch_size: settings.train.batch,
            seed: job.specification.seed,
            order: Order::Shuffled,
            augmentation: settings.data.augment,
            workers: job.execution.loader_workers,
            prefetch: PREFETCH,
        };
        let start = Position {
            epoch: (state.step / plan.steps_per_epoch()) as u32,
            batch: (state.step % plan.steps_per_epoch()) as usize,
        };
        let end_epoch = plan.presentations().div_ceil(images) as u32;
        task.begin(loader, start, end_epoch)?;
        let mut session = Session {
            job,
            plan,
            shared_steps,
            first_averaged_step,
            mean,
            trainer,
            store,
            journal,
            training: Duration::from_secs_f64(record.timings.training_seconds),
            evaluation: Duration::from_secs_f64(record.timings.evaluation_seconds),
            last_checkpoint: Instant::now(),
            settings,
            task,
            state,
            record,
            _lock: lock,
        };
        session.record.schema = FORMAT_VERSION;
        session.record.command.clone_from(&job.identity.command);
        session.record.environment.clone_from(&job.identity.environment);
        let begun_at = session.record.parent.as_ref().map_or(0, |parent| parent.step);
        if session.state.step > begun_at {
            session
                .record
                .resumptions
                .push(Resumption { step: session.state.step, unix_seconds: unix_seconds() });
        }
        session.write_record(Status::Running, None)?;
        Ok(session)
    }

    fn go_on(&mut self, observer: &mut dyn Observer) -> Result<Status, TrainError> {
        let images_per_epoch = self.task.samples();
        let total_steps = self.plan.total_steps();
        observer.observe(&Event::Started { step: self.state.step, total_steps, images_per_epoch });
        while self.state.step < total_steps {
            if self.job.interrupted.load(Ordering::Relaxed) {
                self.checkpoint(observer)?;
                return self.end(Status::Interrupted, None, observer);
            }
            let began = Instant::now();
            if let Some(reason) = self.step(observer)? {
                return self.end(Status::Diverged, Some(reason), observer);
            }
            self.training += began.elapsed();
            if self.plan.position(self.state.step - 1).ends_epoch {
                if let Some((status, reason)) = self.end_epoch(observer)? {
                    return self.end(status, Some(reason), observer);
                }
            } else if self.state.step == self.shared_steps
                || self.last_checkpoint.elapsed() >= self.job.execution.checkpoint_every
            {
                self.checkpoint(observer)?;
            }
        }
        self.finish(observer)
    }

    /// One optimiser step; returns why the run has diverged, if it has.
    fn step(&mut self, observer: &mut dyn Observer) -> Result<Option<String>, TrainError> {
        let step = self.state.step;
        let position = self.plan.position(step);
        let learning_rate =
            self.settings.train.learning_rate * self.settings.train.schedule.factor(self.plan.progress(step));
        let images = position.images as usize;
        let result = match self.task.step(&mut self.trainer, images, step, learning_rate) {
            Ok(result) => result,
            Err(StepError::Divergence(divergence)) => return Ok(Some(divergence.to_string())),
            Err(StepError::Train(error)) => return Err(error),
        };
        self.state.correct += result.correct;
        self.state.loss_sum_bits = (f64::from_bits(self.state.loss_sum_bits) + result.loss_sum).to_bits();
        self.state.images += position.images;
        self.state.step += 1;
        self.average_weights()?;
        let loss = result.loss_sum / position.images as f64;
        observer.observe(&Event::Stepped { step: self.state.step, images: position.images, loss });
        Ok(None)
    }

    /// Adds the weights to the mean that the run ends with, if it ends with one, and puts the mean in their place after the last step.
    fn average_weights(&mut self) -> Result<(), TrainError> {
        if self.state.step <= self.first_averaged_step {
            return Ok(());
        }
        self.mean.add(network_tensors(&self.trainer.network));
        match self.mean.value() {
            Some(mean) if self.state.step == self.plan.total_steps() => {
                load_tensors(&mut self.trainer.network, mean).map_err(|error| {
                    TrainError::Specification(format!("the mean of the weights does not fit: {error}"))
                })
            }
            _ => Ok(()),
        }
    }

    /// Records the epoch, evaluates the validation split, and says whether the run is stuck or diverged.
    fn end_epoch(&mut self, observer: &mut dyn Observer) -> Result<Option<(Status, String)>, TrainError> {
        let sums = EpochSums {
            loss: f64::from_bits(self.state.loss_sum_bits),
            correct: self.state.correct,
            samples: self.state.images,
        };
        let mean_loss = sums.loss / sums.samples as f64;
        for (name, value) in self.task.training_metrics(sums) {
            self.measure(SplitName::Train, name, value, observer)?;
        }
        let began = Instant::now();
        if let Some(evaluated) = self.task.evaluate(&self.trainer.network.valid(), SplitName::Valid)? {
            self.evaluation += began.elapsed();
            if !evaluated.loss.is_finite() {
                return Ok(Some((
                    Status::Diverged,
                    format!("the validation loss after step {} is not finite", self.state.step),
                )));
            }
            self.measure(SplitName::Valid, "loss", evaluated.loss, observer)?;
            for (name, value) in &evaluated.metrics {
                self.measure(SplitName::Valid, name, *value, observer)?;
            }
            if self.state.best.as_ref().is_none_or(|best| evaluated.rank < best.rank) {
                self.state.best = Some(Best { rank: evaluated.rank, step: self.state.step });
            }
        }
        let shown = self.plan.position(self.state.step - 1);
        let epochs_done = (shown.shown_before + shown.images) / self.task.samples();
        if self.task.is_stuck(mean_loss, epochs_done, self.state.step) {
            let reason = format!(
                "the mean training loss of epoch {} is {mean_loss:.4}, that of guessing",
                shown.epoch + 1
            );
            return Ok(Some((Status::Stuck, reason)));
        }
        self.state.loss_sum_bits = 0f64.to_bits();
        self.state.correct = 0;
        self.state.images = 0;
        self.checkpoint(observer)?;
        Ok(None)
    }

    fn measure(
        &mut self,
        split: SplitName,
        name: &str,
        value: f64,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        let last = self.plan.position(self.state.step - 1);
        let epoch = (last.shown_before + last.images) as f64 / self.task.samples() as f64;
        let point = MetricPoint { step: self.state.step, epoch, split, name: name.to_owned(), value };
        self.journal.append(&point)?;
        observer.observe(&Event::Measured(point));
        Ok(())
    }

    fn checkpoint(&mut self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let mark = self.journal.synchronise()?;
        (self.state.journal_length, self.state.journal_hash) = (mark.length, mark.hash);
        let mut optimizer = self.trainer.optimizer.tensors();
        self.mean.write_into(&mut optimizer);
        let checkpoint = Checkpoint {
            state: self.state.clone(),
            model: network_tensors(&self.trainer.network),
            optimizer,
        };
        self.store.write(&checkpoint)?;
        self.write_record(Status::Running, None)?;
        self.last_checkpoint = Instant::now();
        observer.observe(&Event::Checkpointed { step: self.state.step });
        Ok(())
    }

    fn end(
        &mut self,
        status: Status,
        reason: Option<String>,
        observer: &mut dyn Observer,
    ) -> Result<Status, TrainError> {
        self.journal.synchronise()?;
        if status.is_final() {
            self.record.results = self.job.directory.hash_results()?;
        }
        self.write_record(status, reason)?;
        observer.observe(&Event::Ended { status });
        Ok(status)
    }

    fn write_record(&mut self, status: Status, reason: Option<String>) -> Result<(), TrainError> {
        let training_seconds = self.training.as_secs_f64();
        let last = self.state.step.checked_sub(1).map(|step| self.plan.position(step));
        let shown = last.map_or(0, |position| position.shown_before + position.images);
        let begun_at =
            self.record.parent.as_ref().map_or(0, |parent| self.plan.position(parent.step).shown_before);
        self.record.status = status;
        self.record.reason = reason;
        self.record.step = self.state.step;
        self.record.changed_unix_seconds = unix_seconds();
        self.record.timings = Timings {
            training_seconds,
            evaluation_seconds: self.evaluation.as_secs_f64(),
            images_per_second: if training_seconds > 0.0 {
                shown.saturating_sub(begun_at) as f64 / training_seconds
            } else {
                0.0
            },
        };
        self.job.directory.write_record(&self.record)?;
        Ok(())
    }
}

fn new_record(job: &Job<'_>, cost: allconv_record::Cost, total_steps: u64) -> RunRecord {
    RunRecord {
        schema: FORMAT_VERSION,
        status: Status::Created,
        reason: None,
        study: job.identity.study.clone(),
        arm: job.identity.arm.clone(),
        seed: job.specification.seed,
        specification_hash: job.specification.hash(),
        request_hash: job.identity.request_hash.clone(),
        study_file_sha256: job.identity.study_file_sha256.clone(),
        command: job.identity.command.clone(),
        environment: job.identity.environment.clone(),
        cost,
        created_unix_seconds: unix_seconds(),
        changed_unix_seconds: unix_seconds(),
        step: 0,
        total_steps,
        timings: Timings::default(),
        parent: None,
        measured: None,
        resumptions: Vec::new(),
        results: BTreeMap::new(),
    }
}

/// Seconds since 1970; 0 on a machine whose clock stands before that.
fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}
