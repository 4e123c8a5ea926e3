//! Events of a running training: the interface between the training loop and its observers.

use serde::{Deserialize, Serialize};

use crate::Status;

/// The split of the data on which a value was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitName {
    /// The training images.
    Train,
    /// Validation images, held out of training; curves, `best` and any search read these.
    Valid,
    /// Test images, evaluated once, on the last step's weights.
    Test,
}

impl SplitName {
    /// Returns the name in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            SplitName::Train => "train",
            SplitName::Valid => "valid",
            SplitName::Test => "test",
        }
    }
}

/// One measured value, a line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricPoint {
    /// Optimiser steps made when the value was taken.
    pub step: u64,
    /// Passes over the training split, fractions included.
    pub epoch: f64,
    /// Data it was measured on.
    pub split: SplitName,
    /// Name of the metric, e.g. `loss`, `error`.
    pub name: String,
    /// The value; always finite.
    pub value: f64,
}

/// An event of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Training begins or continues.
    Started {
        /// Steps already made (0 unless resumed).
        step: u64,
        /// Steps of the whole run.
        total_steps: u64,
        /// Training images in one epoch.
        images_per_epoch: u64,
    },
    /// A step was made.
    Stepped {
        /// Steps made so far.
        step: u64,
        /// Images shown in this step.
        images: u64,
        /// Mean loss of the batch.
        loss: f64,
    },
    /// A value was recorded.
    Measured(MetricPoint),
    /// A checkpoint is complete on disk.
    Checkpointed {
        /// Steps made when it was taken.
        step: u64,
    },
    /// A checkpoint was broken and an older one is used instead.
    CheckpointRejected {
        /// The defect.
        reason: String,
    },
    /// The run came to an end or was interrupted.
    Ended {
        /// The status it ended with.
        status: Status,
    },
}

/// Receives the events of a run, in order.
pub trait Observer {
    /// Called for every event; must not block for long, the training loop waits.
    fn observe(&mut self, event: &Event);
}

/// Ignores all events.
impl Observer for () {
    fn observe(&mut self, _event: &Event) {}
}
