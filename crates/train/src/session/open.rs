//! The start of a run: at its first step, after the steps shared with another run, or after an interruption.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use allconv_data::{LoaderSettings, Order, Position};
use allconv_kernels::Engine;
use allconv_nets::{DescriptionError, Network, walk};
use allconv_record::{
    Cost, Event, FORMAT_VERSION, Lease, Observer, Parent, ResolveError, Resumption, RunRecord, Status,
    Timings, write_atomically,
};

use super::branch::NewRun;
use super::fitting::{existing_journal, fits};
use super::{Job, Session, unix_seconds};
use crate::checkpoint::{CheckpointStore, State};
use crate::optimizer::load_tensors;
use crate::progress::StepPlan;
use crate::task::{Task, open_task};
use crate::trainer::Trainer;
use crate::weight_mean::WeightMean;
use crate::{ClassBalance, RunSettings, TrainError, resolve};

/// Batches that the loader may prepare ahead.
const PREFETCH: usize = 4;

impl<'a> Session<'a> {
    /// Opens data and network, restores the state of an earlier attempt, and marks the run as running.
    pub(super) fn open(
        job: &'a Job<'a>,
        lease: Lease,
        observer: &mut dyn Observer,
    ) -> Result<Session<'a>, TrainError> {
        let settings = RunSettings::read(job.specification).map_err(unresolved)?;
        let mut task = open_checked_task(job, &settings)?;
        let images = task.samples();
        let plan = StepPlan::new(images, settings.train.batch as u64, settings.train.presentations(images));
        let (mut trainer, cost) = untrained(job, &settings, &*task)?;
        let shared_steps = settings.train.shared_steps(&plan);
        // Opening the data may have taken long.
        job.directory.confirm(&lease)?;
        let (store, parent) = open_store(job, &plan, shared_steps, images)?;
        let first_averaged_step = settings.train.first_averaged_step(&plan);
        let (state, mean) = restore(job, &store, &plan, first_averaged_step, &mut trainer, observer)?;
        let journal = job.directory.open_journal(state.journal_length)?;
        let record = open_record(job, cost, &plan, parent, &state)?;
        job.directory.write_specification(job.specification)?;
        task.keep(job.directory)?;
        begin(job, &settings, &mut *task, &plan, &state)?;
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
            lease,
        };
        session.write_record(Status::Running, None)?;
        Ok(session)
    }
}

fn unresolved(error: ResolveError) -> TrainError {
    TrainError::Specification(error.to_string())
}

/// Returns the task with its data; refuses data that the run was not specified for.
fn open_checked_task(job: &Job<'_>, settings: &RunSettings) -> Result<Box<dyn Task>, TrainError> {
    let task = open_task(settings, job.data, job.device)?;
    if task.content_hash() == job.specification.dataset_hash {
        return Ok(task);
    }
    Err(TrainError::Specification(format!(
        "data set {} has content {}, the run was specified for {}; resolve the study again",
        settings.data.dataset,
        task.content_hash(),
        job.specification.dataset_hash
    )))
}

/// Returns the initial network, its optimiser with zero state, and the network's cost.
fn untrained(job: &Job<'_>, settings: &RunSettings, task: &dyn Task) -> Result<(Trainer, Cost), TrainError> {
    let engine = Engine::new(job.execution.isa, settings.accuracy().map_err(unresolved)?);
    let (input, outputs, seed) = (task.input(), task.outputs(), job.specification.seed);
    let described = |error: DescriptionError| TrainError::Specification(error.to_string());
    let cost = resolve::cost(&walk(&settings.net, input, outputs).map_err(described)?);
    let device = job.device.clone().autodiff();
    let mut network =
        Network::initialise(&settings.net, input, outputs, seed, engine, &device).map_err(described)?;
    if let Some(start) = &settings.train.start {
        let weights = job.data.weights(&start.sha256).ok_or_else(|| {
            let reason = format!(
                "the weights of SHA-256 {} that the run begins from have not been read",
                start.sha256
            );
            TrainError::Specification(format!(
                "{reason}; make it by the command or the study that names their file"
            ))
        })?;
        weights.load_into(&mut network, start);
    }
    Ok((Trainer::new(network, &settings.train, seed, device), cost))
}

/// Returns the checkpoints of the run; those of a relative with the same first steps are taken over where there are none.
fn open_store(
    job: &Job<'_>,
    plan: &StepPlan,
    shared_steps: u64,
    images: u64,
) -> Result<(CheckpointStore, Option<Parent>), TrainError> {
    let mut store = CheckpointStore::at(job.directory.checkpoints());
    if shared_steps > 0 && shared_steps < plan.total_steps() {
        store = store.keeping(shared_steps);
    }
    if shared_steps == 0 || !store.steps()?.is_empty() {
        return Ok((store, None));
    }
    let new_run = NewRun { specification: job.specification, shared_steps, images };
    let Some(branch) = new_run.branch(job.relatives) else { return Ok((store, None)) };
    write_atomically(&job.directory.journal_path(), &branch.journal)?;
    for checkpoint in &branch.checkpoints {
        store.write(checkpoint)?;
    }
    Ok((store, Some(branch.parent)))
}

/// Puts the newest checkpoint that fits into the trainer; without one the run starts.
fn restore(
    job: &Job<'_>,
    store: &CheckpointStore,
    plan: &StepPlan,
    first_averaged_step: u64,
    trainer: &mut Trainer,
    observer: &mut dyn Observer,
) -> Result<(State, WeightMean), TrainError> {
    let specification_hash = job.specification.hash();
    let journal = existing_journal(job.directory)?;
    let found = store.newest(&|state| fits(state, &specification_hash, plan, &journal))?;
    for reason in found.rejected {
        observer.observe(&Event::CheckpointRejected { reason });
    }
    let Some(mut checkpoint) = found.checkpoint else {
        return Ok((State::start(specification_hash), WeightMean::default()));
    };
    load_tensors(&mut trainer.network, &checkpoint.model)
        .map_err(|error| TrainError::Specification(format!("the checkpoint does not fit: {error}")))?;
    let averaged = checkpoint.state.step.saturating_sub(first_averaged_step);
    let mean = WeightMean::take_from(&mut checkpoint.optimizer, averaged);
    trainer.optimizer.restore(checkpoint.optimizer);
    // After a stop right after the checkpoint they may point at the one before.
    store.mend_links(&checkpoint.state)?;
    Ok((checkpoint.state, mean))
}

/// Returns the record of the run after `state`: the existing one, or a new one.
fn open_record(
    job: &Job<'_>,
    cost: Cost,
    plan: &StepPlan,
    parent: Option<Parent>,
    state: &State,
) -> Result<RunRecord, TrainError> {
    let mut record = match job.directory.read_record() {
        Ok(record) if record.specification_hash == job.specification.hash() => record,
        Ok(_) => new_record(job, cost, plan.total_steps()),
        Err(error) if error.is_repairable() => new_record(job, cost, plan.total_steps()),
        Err(error) => return Err(error.into()),
    };
    record.results.clear();
    record.measured = None;
    // A run that had to start again has made every step itself.
    record.parent = parent.or(record.parent.filter(|parent| parent.step <= state.step));
    record.schema = FORMAT_VERSION;
    record.command.clone_from(&job.identity.command);
    record.environment.clone_from(&job.identity.environment);
    let begun_at = record.parent.as_ref().map_or(0, |parent| parent.step);
    if state.step > begun_at {
        record.resumptions.push(Resumption { step: state.step, unix_seconds: unix_seconds() });
    }
    Ok(record)
}

/// Opens the stream of batches from the step after `state` on.
fn begin(
    job: &Job<'_>,
    settings: &RunSettings,
    task: &mut dyn Task,
    plan: &StepPlan,
    state: &State,
) -> Result<(), TrainError> {
    let loader = LoaderSettings {
        batch_size: settings.train.batch,
        seed: job.specification.seed,
        order: match settings.train.class_balance {
            Some(ClassBalance::Sampling) => Order::Balanced,
            Some(ClassBalance::Loss) | None => Order::Shuffled,
        },
        augmentation: settings.data.augment,
        workers: job.execution.loader_workers,
        prefetch: PREFETCH,
    };
    let start = Position {
        epoch: (state.step / plan.steps_per_epoch()) as u32,
        batch: (state.step % plan.steps_per_epoch()) as usize,
    };
    let end_epoch = plan.presentations().div_ceil(task.samples()) as u32;
    task.begin(loader, start, end_epoch)
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
