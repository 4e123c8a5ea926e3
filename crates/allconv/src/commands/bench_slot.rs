//! `allconv bench slot`: training steps of a network with each downsampling operator in its slot.

use allconv_document::Table;
use allconv_nets::DownsampleConfig;
use allconv_record::Spread;
use anyhow::Context;
use serde_json::json;

use super::bench_network::Bench;
use super::bench_time::tenth;
use crate::arguments::{BenchArguments, BenchSlotArguments};
use crate::exit::{self, UsageError};
use crate::{machine, output};

/// Runs the command.
pub(super) fn run(arguments: &BenchSlotArguments) -> anyhow::Result<u8> {
    let BenchSlotArguments { model, width, batch, steps, threads, .. } = arguments;
    if *steps == 0 || *batch == 0 || *threads == Some(0) {
        return Err(UsageError("--steps, --batch and --threads must be at least 1".to_owned()).into());
    }
    let bench = BenchArguments {
        model: model.clone(),
        width: *width,
        size: None,
        batch: *batch,
        steps: *steps,
        assert: false,
        threads: *threads,
        precision: "f32".to_owned(),
        isa: None,
        format: arguments.format,
    };
    let (pool, threads) = machine::thread_pool(*threads)?;
    let columns = [
        ("operator", "Operator"),
        ("images_per_second", "Images/s (median)"),
        ("seconds_per_1000_steps", "Seconds per 1,000 steps"),
        ("fastest", "from the fastest step"),
        ("ratio", "× the first"),
        ("batch", "Batch"),
        ("threads", "Threads"),
    ];
    let mut table = Table::data("allconv.bench.slot/1", &columns);
    let mut first = None;
    for operator in operators(&arguments.names)? {
        let mut bench = match Bench::with_operator(&bench, Some(&operator)) {
            Ok(bench) => bench,
            Err(reason) if arguments.names.is_empty() => {
                output::note(format_args!("without {}: {reason}", operator.name()));
                continue;
            }
            Err(reason) => return Err(reason),
        };
        let steps = pool.install(|| bench.train());
        let steps = steps.with_context(|| format!("training with {}", operator.name()))?;
        let seconds = Spread::of(steps.iter().map(|step| step.seconds).collect());
        let Spread { median, least, .. } = seconds.context("no step was timed")?;
        let first = *first.get_or_insert(median);
        table.push(vec![
            json!(operator.name()),
            tenth(*batch as f64 / median),
            tenth(1000.0 * median),
            tenth(1000.0 * least),
            json!((100.0 * median / first).round() / 100.0),
            json!(batch),
            json!(threads),
        ]);
    }
    output::print(&arguments.format.write(&table))?;
    Ok(exit::OK)
}

/// The defaults of the operators called so; of all without names.
fn operators(names: &[String]) -> anyhow::Result<Vec<DownsampleConfig>> {
    let all = DownsampleConfig::NAMES.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let names = if names.is_empty() { &all } else { names };
    let default = |name: &String| {
        let examples = DownsampleConfig::named(name).map_err(|error| UsageError(error.to_string()))?;
        Ok(examples[0].clone())
    };
    names.iter().map(default).collect()
}
