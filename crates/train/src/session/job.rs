//! What a run is given: its specification, its folder, its data, and how it is carried out.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use allconv_kernels::Isa;
use allconv_record::{Environment, Measurer, RunDirectory, RunSpecification};
use burn::tensor::Device;

use crate::DataStore;

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
