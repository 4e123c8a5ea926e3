//! `allconv bench`: throughput of training steps and of inference, on drawn images of the network's input size, with the page faults
//! and the memory they cost.

use allconv_document::Table;
use allconv_record::Spread;
use anyhow::Context;
use serde_json::{Value, json};

use super::bench_network::Bench;
use super::bench_time::tenth;
use super::{bench_conv, bench_operators, bench_slot};
use crate::arguments::{BenchArguments, BenchCommand};
use crate::exit::{self, UsageError};
use crate::{machine, output, process};

/// Forward, input gradient and weight gradient: the direct work of a training step in units of the forward pass.
const TRAINING_PASSES: f64 = 3.0;

/// Minor page faults of one step in the steady state from which on `--assert` fails: buffers are reused, so that a step maps hardly
/// any fresh memory.
const PAGE_FAULT_LIMIT: u64 = 200;

/// Runs the command.
pub(crate) fn run(command: &BenchCommand) -> anyhow::Result<u8> {
    let (arguments, pass) = match command {
        BenchCommand::Train(arguments) => (arguments, "train"),
        BenchCommand::Infer(arguments) => (arguments, "infer"),
        BenchCommand::Conv(arguments) => (arguments, "conv"),
        BenchCommand::Operators(arguments) => return bench_operators::run(arguments),
        BenchCommand::Slot(arguments) => return bench_slot::run(arguments),
    };
    if arguments.steps == 0 || arguments.batch == 0 || arguments.threads == Some(0) {
        return Err(UsageError("--steps, --batch and --threads must be at least 1".to_owned()).into());
    }
    if pass == "conv" {
        return bench_conv::run(arguments);
    }
    let measured = Measured::take(arguments, pass)?;
    match arguments.format {
        crate::table::Format::Json => {
            output::print_line(format_args!("{:#}", measured.json(arguments)))?;
        }
        format => output::print(&format.write(&measured.table(arguments)))?,
    }
    verdict(arguments, measured.page_faults)
}

/// The throughput of a network and what it costs.
struct Measured {
    pass: &'static str,
    threads: usize,
    instruction_set: String,
    /// Images per second.
    rates: Spread,
    gflops: f64,
    /// Minor page faults of the median step.
    page_faults: Option<u64>,
    peak_memory_mib: Option<u64>,
    step_memory_mib: Option<u64>,
}

impl Measured {
    /// Times the steps of a pass.
    fn take(arguments: &BenchArguments, pass: &'static str) -> anyhow::Result<Self> {
        let (pool, threads) = machine::thread_pool(arguments.threads)?;
        let mut bench = Bench::new(arguments)?;
        let resident = process::resident_bytes();
        let steps = pool.install(|| if pass == "train" { bench.train() } else { bench.infer() })?;
        let peak = process::peak_resident_bytes();
        let faults = steps.iter().filter_map(|step| step.page_faults).map(|faults| faults as f64).collect();
        let rates = steps.iter().map(|step| arguments.batch as f64 / step.seconds).collect();
        let rates = Spread::of(rates).context("no step was timed")?;
        let passes = if pass == "train" { TRAINING_PASSES } else { 1.0 };
        let mebibytes = |bytes: u64| bytes >> 20;
        Ok(Self {
            pass,
            threads,
            gflops: 2.0 * passes * bench.macs as f64 * rates.median / 1e9,
            instruction_set: bench.instruction_set,
            rates,
            page_faults: Spread::of(faults).map(|faults| faults.median as u64),
            peak_memory_mib: peak.map(mebibytes),
            step_memory_mib: peak
                .zip(resident)
                .map(|(peak, resident)| mebibytes(peak.saturating_sub(resident))),
        })
    }

    fn json(&self, arguments: &BenchArguments) -> Value {
        let Spread { median, least, greatest } = self.rates;
        json!({
            "schema": "allconv.bench/1",
            "pass": self.pass,
            "model": arguments.model,
            "width": arguments.width,
            "size": arguments.size,
            "batch": arguments.batch,
            "threads": self.threads,
            "precision": arguments.precision,
            "instruction_set": self.instruction_set,
            "images_per_second": { "median": tenth(median), "min": tenth(least), "max": tenth(greatest) },
            "gflops": tenth(self.gflops),
            "page_faults_per_step": self.page_faults,
            "peak_memory_mib": self.peak_memory_mib,
            "step_memory_mib": self.step_memory_mib,
        })
    }

    fn table(&self, arguments: &BenchArguments) -> Table {
        let columns = [
            ("pass", "Pass"),
            ("model", "Model"),
            ("batch", "Batch"),
            ("threads", "Threads"),
            ("images_per_second", "Images/s (median)"),
            ("min", "Slowest"),
            ("max", "Fastest"),
            ("gflops", "GFLOP/s (direct-equivalent)"),
            ("page_faults_per_step", "Page faults a step"),
            ("peak_memory_mib", "Peak memory (MiB)"),
            ("step_memory_mib", "of which steps (MiB)"),
        ];
        let mut table = Table::data("allconv.bench/1", &columns);
        table.push(vec![
            json!(self.pass),
            json!(format!("{} × {}", arguments.model, arguments.width)),
            json!(arguments.batch),
            json!(self.threads),
            tenth(self.rates.median),
            tenth(self.rates.least),
            tenth(self.rates.greatest),
            tenth(self.gflops),
            json!(self.page_faults),
            json!(self.peak_memory_mib),
            json!(self.step_memory_mib),
        ]);
        table
    }
}

/// Returns the exit code of `--assert` for the page faults of the median step.
fn verdict(arguments: &BenchArguments, faults: Option<u64>) -> anyhow::Result<u8> {
    if !arguments.assert {
        return Ok(exit::OK);
    }
    match faults {
        None => {
            Err(UsageError("--assert counts page faults, which this system does not report".to_owned())
                .into())
        }
        Some(faults) if faults < PAGE_FAULT_LIMIT => Ok(exit::OK),
        Some(faults) => {
            output::note(format_args!(
                "{faults} page faults a step; fewer than {PAGE_FAULT_LIMIT} are expected"
            ));
            Ok(exit::MISSED)
        }
    }
}
