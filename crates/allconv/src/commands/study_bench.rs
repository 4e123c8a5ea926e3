//! `allconv study bench`: the forward passes of a study's finished arms, timed in turn.

use allconv_document::Table;
use allconv_inspect::{CheckpointChoice, RunWeights, TrainedNetwork};
use allconv_record::create_folder;
use allconv_study::results::PassRatio;
use allconv_study::{BenchRecord, BenchedArm, RunState, StudyResults, in_turns};
use anyhow::Context;
use serde_json::{Value, json};

use super::opened_study::open;
use crate::arguments::StudyBenchArguments;
use crate::exit::{self, UsageError};
use crate::{environment, machine, output};

/// Number of other processes waiting for the processor from which on the machine is called busy.
const BUSY_LOAD: f64 = 0.5;

/// Runs the command.
pub(crate) fn run(arguments: &StudyBenchArguments) -> anyhow::Result<u8> {
    if arguments.rounds == 0 || arguments.images == 0 || arguments.threads == Some(0) {
        return Err(UsageError("--rounds, --images and --threads must be at least 1".to_owned()).into());
    }
    let opened = open(&arguments.study)?;
    let isa = machine::isa(arguments.isa.as_deref())?;
    let load_before = load();
    if let Some(load) = load_before.filter(|load| *load > BUSY_LOAD) {
        output::note(format_args!(
            "warning: {load} processes wanted the processor in the last minute; times are reliable only on an otherwise idle machine"
        ));
    }
    let results = StudyResults::collect(&opened.study, &opened.folders())?;
    let mut arms = Vec::with_capacity(results.arms.len());
    for (position, arm) in results.arms.iter().enumerate() {
        let finished =
            results.runs.iter().find(|run| run.arm_index == position && run.state == RunState::Done);
        let run = finished.and_then(|run| Some((run.directory.as_ref()?, run.record.as_ref()?)));
        let (directory, record) = run
            .with_context(|| format!("arm {} has no finished run whose network could be timed", arm.name))?;
        arms.push((arm.name.as_str(), record.specification_hash.as_str(), directory));
    }
    let (pool, threads) = machine::thread_pool(arguments.threads)?;
    let (data, device) = (opened.data(), opened.device());
    let last = RunWeights::Checkpoint(CheckpointChoice::Last);
    let seconds = pool.install(|| {
        // Loaded where they are used: a network cannot be moved to another thread.
        let mut networks = Vec::with_capacity(arms.len());
        for (arm, _, directory) in &arms {
            let network = TrainedNetwork::of_run(directory, &last, data, isa, device);
            networks.push(
                network.with_context(|| format!("the network of arm {arm} cannot be loaded from its run"))?,
            );
        }
        in_turns(networks.len(), arguments.rounds, |arm| {
            Ok::<f64, anyhow::Error>(networks[arm].forward_seconds(arguments.images))
        })
    })?;
    let benched = arms.iter().zip(seconds).map(|((arm, hash, _), seconds)| BenchedArm {
        arm: (*arm).to_owned(),
        specification_hash: (*hash).to_owned(),
        images: arguments.images,
        seconds,
    });
    let environment = environment::describe(isa, opened.device_kind(), threads);
    create_folder(opened.folder())?;
    BenchRecord::new(environment, load_before, benched.collect()).write(opened.folder())?;
    // Read again with the report's rules, which say whether the machine was quiet.
    let results = StudyResults::collect(&opened.study, &opened.folders())?;
    for warning in &results.warnings {
        output::note(format_args!("warning: {warning}"));
    }
    output::print(&arguments.study.format.write(&table(&results)))?;
    Ok(exit::OK)
}

fn table(results: &StudyResults) -> Table {
    let columns = [
        ("arm", "Arm"),
        ("images", "Images"),
        ("seconds", "Seconds (median)"),
        ("ratio", "Ratio to baseline (median)"),
        ("least", "Least"),
        ("most", "Most"),
    ];
    let mut table = Table::data("allconv.forward-passes/1", &columns);
    let rounded = |value: f64, digits: f64| json!((value * digits).round() / digits);
    for arm in &results.arms {
        let Some(pass) = arm.forward_pass else { continue };
        let ratio =
            |read: fn(PassRatio) -> f64| pass.ratio.map_or(Value::Null, |ratio| rounded(read(ratio), 1e3));
        table.push(vec![
            json!(arm.name),
            json!(pass.images),
            rounded(pass.seconds, 1e6),
            ratio(|ratio| ratio.median),
            ratio(|ratio| ratio.least),
            ratio(|ratio| ratio.most),
        ]);
    }
    table
}

/// Processes that wanted a processor in the last minute, on average; `None` where the system does not report it.
fn load() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}
