//! `allconv bench`: throughput of training steps and of inference, on drawn images of the network's input size, with the page faults
//! and the memory they cost.

use allconv_document::Table;
use allconv_record::Spread;
use anyhow::Context;
use serde_json::json;

use super::bench_network::Bench;
use super::bench_time::tenth;
use super::{bench_conv, bench_operators, bench_slot};
use crate::arguments::{BenchArguments, BenchCommand};
use crate::exit::{self, UsageError};
use crate::{machine, output, process};

/// Forward, input gradient and weight gradient: the direct work of a training step in units of the forward pass.
const TRAINING_PASSES: f64 = 3.0;

/// Minor page faults of one step in the steady state from which on `--assert` fails: buffers are reused, so that a step maps next
/// to no fresh memory.
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
    let (pool, threads) = machine::thread_pool(arguments.threads)?;
    let mut bench = Bench::new(arguments)?;
    let resident = process::resident_bytes();
    let steps = pool.install(|| if pass == "train" { bench.train() } else { bench.infer() })?;
    let peak = process::peak_resident_bytes();
    let faults = steps.iter().filter_map(|step| step.page_faults).map(|faults| faults as f64).collect();
    let faults = Spread::of(faults).map(|faults| faults.median as u64);
    let mebibytes = |bytes: Option<u64>| json!(bytes.map(|bytes| bytes >> 20));
    let step_bytes = peak.zip(resident).map(|(peak, resident)| peak.saturating_sub(resident));
    let rates = Spread::of(steps.iter().map(|step| arguments.batch as f64 / step.seconds).collect());
    let Spread { median, least: slowest, greatest: fastest } = rates.context("no step was timed")?;
    let passes = if pass == "train" { TRAINING_PASSES } else { 1.0 };
    let gflops = 2.0 * passes * bench.macs as f64 * median / 1e9;
    if arguments.format == crate::table::Format::Json {
        let result = json!({
            "schema": "allconv.bench/1",
            "pass": pass,
            "model": arguments.model,
            "width": arguments.width,
            "size": arguments.size,
            "batch": arguments.batch,
            "threads": threads,
            "precision": arguments.precision,
            "instruction_set": bench.instruction_set,
            "images_per_second": { "median": tenth(median), "min": tenth(slowest), "max": tenth(fastest) },
            "gflops": tenth(gflops),
            "page_faults_per_step": faults,
            "peak_memory_mib": mebibytes(peak),
            "step_memory_mib": mebibytes(step_bytes),
        });
        output::print_line(format_args!("{result:#}"))?;
        return verdict(arguments, faults);
    }
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
        json!(pass),
        json!(format!("{} × {}", arguments.model, arguments.width)),
        json!(arguments.batch),
        json!(threads),
        tenth(median),
        tenth(slowest),
        tenth(fastest),
        tenth(gflops),
        json!(faults),
        mebibytes(peak),
        mebibytes(step_bytes),
    ]);
    output::print(&arguments.format.write(&table))?;
    verdict(arguments, faults)
}

/// What `--assert` makes of the page faults of the median step.
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
