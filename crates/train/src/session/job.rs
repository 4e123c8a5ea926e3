//! The inputs of a run: its specification, its folder, its data, and its execution settings.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use allconv_kernels::Isa;
use allconv_record::{Environment, Leases, Measurer, RunDirectory, RunSpecification};
use burn::tensor::Device;

use crate::DataStore;

/// The origin of a run: study, arm, command line, machine; none of it changes a number.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// Study the run belongs to.
    pub study: String,
    /// Arm the run belongs to.
    pub arm: String,
    /// Hash of the request the specification answers.
    pub request_hash: String,
    /// SHA-256 of the study file's text; none for a run without a study file.
    pub study_file_sha256: Option<String>,
    /// The command line.
    pub command: Vec<String>,
    /// Machine and program.
    pub environment: Environment,
}

/// Access to the allocator's peak of the memory in use.
#[derive(Clone, Copy, Debug)]
pub struct MemoryGauge {
    /// Resets the peak.
    pub restart: fn(),
    /// The peak in bytes since the last reset.
    pub peak_bytes: fn() -> u64,
}

/// The execution settings of a run; none of them changes a number.
#[derive(Clone, Copy, Debug)]
pub struct Execution {
    /// Instruction set of the kernels.
    pub isa: Isa,
    /// Threads that prepare batches; 0 prepares them between the steps.
    pub loader_workers: usize,
    /// Longest time between two checkpoints; the end of an epoch always makes one.
    pub checkpoint_every: Duration,
    /// Measures the run's memory; none where other runs share the process, whose memory cannot be separated.
    pub memory: Option<MemoryGauge>,
}

/// Everything a run needs.
pub struct Job<'a> {
    /// The specification.
    pub specification: &'a RunSpecification,
    /// The run directory.
    pub directory: &'a RunDirectory,
    /// Its origin.
    pub identity: &'a Identity,
    /// Takes the lease of the directory.
    pub leases: &'a Leases,
    /// The data sets.
    pub data: &'a DataStore,
    /// The device of tensors; without autodiff.
    pub device: &'a Device,
    /// The execution settings.
    pub execution: Execution,
    /// Runs whose first steps it may take over: those that differ in the length of the training alone. Others are ignored.
    pub relatives: &'a [RunDirectory],
    /// Measures the finished network, if the specification asks for it.
    pub measurer: &'a dyn Measurer,
    /// Set from outside to stop after the step under way, with a checkpoint.
    pub interrupted: &'a AtomicBool,
}
