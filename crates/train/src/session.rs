//! One run from its specification to its end: the training loop, checkpoints and resumption.

mod branch;
mod finish;
mod fitting;
mod job;
mod open;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use allconv_record::{
    Event, Journal, Lease, MetricPoint, Observer, RecordError, RunRecord, SplitName, Status, Timings,
    remove_leftovers,
};
use burn::module::Module;

pub use self::job::{Execution, Identity, Job, MemoryGauge};
use crate::checkpoint::{Best, Checkpoint, CheckpointStore, State};
use crate::optimizer::{load_tensors, network_tensors};
use crate::progress::StepPlan;
use crate::task::{EpochSums, StepError, Task};
use crate::trainer::Trainer;
use crate::weight_mean::WeightMean;
use crate::{RunSettings, TrainError};

/// Makes the run, or what is left of it, and returns how it ended: finished, diverged, stuck or interrupted.
///
/// A run that has already come to its end is not repeated. An interrupted or killed one continues from its newest valid
/// checkpoint, and its weights and metrics become bit for bit those of a run that was never interrupted.
///
/// # Errors
/// [`TrainError`] when files, data or specification are unusable, or the program panics; the run is then marked as failed where
/// possible. A run written by a later version is not changed.
pub fn train(job: &Job<'_>, observer: &mut dyn Observer) -> Result<Status, TrainError> {
    // Looked at before the lease as well, because taking it writes into the folder.
    if let Some(record) = job.directory.ended()? {
        return Ok(record.status);
    }
    let lease = job.directory.lease(job.leases)?;
    if let Some(gauge) = job.execution.memory {
        (gauge.restart)();
    }
    if let Some(record) = job.directory.ended()? {
        return Ok(record.status);
    }
    remove_leftovers(job.directory.path(), Duration::ZERO);
    let mut session =
        guarded(|| Session::open(job, lease, observer)).map_err(|error| on_device(error, job, 0))?;
    guarded(|| session.go_on(observer))
        .map_err(|error| on_device(error, job, session.state.step))
        .inspect_err(|error| {
            // The caller gets this error even if it cannot be recorded (a full disk, say).
            let _ = session.end(Status::Failed, Some(error.to_string()), observer);
        })
}

/// Runs `work` and returns a panic in it as an error, so that one run cannot end the others of the process.
fn guarded<T>(work: impl FnOnce() -> Result<T, TrainError>) -> Result<T, TrainError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
        Err(TrainError::Panicked(text.unwrap_or("without a message").to_owned()))
    })
}

/// Returns the error of a panic after `step` steps, with the device if it is not the CPU: the device may be the cause.
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
    /// Number of steps that a longer run makes identically.
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
    lease: Lease,
}

impl Session<'_> {
    fn go_on(&mut self, observer: &mut dyn Observer) -> Result<Status, TrainError> {
        let images_per_epoch = self.task.samples();
        let total_steps = self.plan.total_steps();
        observer.observe(&Event::Started { step: self.state.step, total_steps, images_per_epoch });
        while self.state.step < total_steps {
            if self.job.interrupted.load(Ordering::Relaxed) {
                self.checkpoint(observer)?;
                return self.end(Status::Interrupted, None, observer);
            }
            if self.lease.is_lost() {
                return Err(RecordError::Lost { path: self.job.directory.path().to_owned() }.into());
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

    /// Makes one optimiser step; returns why the run has diverged, if it has.
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

    /// Records the epoch, evaluates the validation split, and returns whether the run is stuck or diverged.
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
        self.confirm()?;
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
        self.confirm()?;
        self.journal.synchronise()?;
        if status.is_final() {
            self.record.results = self.job.directory.hash_results()?;
        }
        self.write_record(status, reason)?;
        observer.observe(&Event::Ended { status });
        Ok(status)
    }

    /// Checks, before files are written, that no other process has taken the run over. `metrics.jsonl` needs no check: whoever takes a run
    /// over replaces that file.
    fn confirm(&self) -> Result<(), TrainError> {
        Ok(self.job.directory.confirm(&self.lease)?)
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
        // Once more, at the last moment: a process that stood still may not write over the record of a run that was finished meanwhile.
        self.confirm()?;
        self.job.directory.write_record(&self.record)?;
        Ok(())
    }
}

/// Returns the seconds since 1970; 0 if the machine's clock is before that.
fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}
