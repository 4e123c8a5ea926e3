//! Many real workers on one folder of runs, all with process id 1 of their own namespaces, some of them killed.

use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value;

use super::answers::{Answers, differences, left_over, runs, tree};
use super::campaign::{Campaign, Ended, found, fraction};
use super::figures::{Figures, Session};
use super::watch::watch;

/// What the page says of this part.
pub(super) const TEXT: &str = "`study run` of one study of 1,000 runs in 32 processes at once (60 and 8 in the quick form), each with process id 1 in a namespace of its own, as containers on one file system have; some are killed and \
replaced. A failure is a run that is missing, made twice or different from that of a single worker in weights, metrics or outcomes; a report that differs but for times; \
a worker that fails; a file left behind; a report of all runs that takes 10 s of processor time or 500 MiB.";

/// Keys of results that say how long something took, or how much memory.
const TIMES: [&str; 4] = ["latency_1_seconds", "images_per_second", "training_seconds", "peak_memory_bytes"];

/// Files of a report with times in them, which are compared through `results.json`.
const WITH_TIMES: [&str; 4] = ["index.html", "results.csv", "results.json", "paper.md"];

/// Longest processor time of a report, in seconds, and its largest memory in MiB.
const REPORT: (f64, f64) = (10.0, 500.0);

/// The size of a trial.
struct Size {
    workers: u64,
    seeds: u64,
    kills: u64,
}

/// A trial is one study from the first run to the report.
pub(super) fn run(campaign: &Campaign, session: &mut Session<'_>) -> anyhow::Result<()> {
    let size = Size {
        workers: campaign.scaled(8, 32),
        seeds: campaign.scaled(6, 100),
        kills: campaign.scaled(3, 20),
    };
    let wanted = campaign.scaled(1, 2);
    if session.record().trials >= wanted {
        return Ok(());
    }
    let alone = campaign.scratch.join("alone");
    let ended = Ended::of(&mut complete(campaign.allconv(&campaign.scratch), campaign, &alone, &size))?;
    ensure!(ended.code == Some(0), "{}", ended.told());
    let (results, report) = (results(&alone)?, report(campaign, &alone, &size)?);
    session.trials(
        campaign,
        1,
        |number, _| number >= wanted,
        |number, figures| {
            let out = campaign.scratch.join(format!("together-{number}"));
            let ended = work(campaign, &out, &size, number, figures)?;
            check_workers(&ended, figures);
            check_resumptions(&out, &size, figures)?;
            let differing = differences(&results, &self::results(&out)?);
            figures.count("runs", results.len() as u64);
            if !differing.is_empty() {
                figures.fail(format!(
                    "{} runs are missing or differ: {:?}",
                    differing.len(),
                    differing.first()
                ));
            }
            let left = left_over(&out)?;
            if !left.is_empty() {
                figures.fail(format!("left behind: {left:?}"));
            }
            check_report(campaign, &out, &size, &report, figures)?;
            std::fs::remove_dir_all(&out)?;
            Ok(())
        },
    )
}

fn complete(mut command: Command, campaign: &Campaign, out: &Path, size: &Size) -> Command {
    command.args(["study", "run"]).arg(campaign.study("micro")).arg("--out").arg(out);
    command.args(["--progress", "none", "--threads", "1", "--workers", "0"]);
    command.args(["--checkpoint-seconds", "0.05", "--set", &format!("seeds.count={}", size.seeds)]);
    command
}

fn start(campaign: &Campaign, out: &Path, size: &Size) -> anyhow::Result<Child> {
    let unshare = found("unshare");
    let starter = [&*unshare.to_string_lossy(), "--pid", "--fork", "--kill-child", "--mount-proc"];
    let command = campaign.after(&campaign.scratch, &starter);
    let started = complete(command, campaign, out, size).spawn();
    started.context("this part needs unshare and root on Linux")
}

/// Starts all workers, kills some and starts others for them; returns how those ended that were not killed.
fn work(
    campaign: &Campaign,
    out: &Path,
    size: &Size,
    number: u64,
    figures: &mut Figures,
) -> anyhow::Result<Vec<Ended>> {
    let mut workers = (0..size.workers).map(|_| start(campaign, out, size)).collect::<Result<Vec<_>, _>>()?;
    figures.count("workers", size.workers);
    let all = (size.seeds * 10) as usize;
    for kill in 0..size.kills {
        // At evenly spread shares of the work, so that kills come while there is some.
        let at = all * (kill + 1) as usize / (size.kills + 2) as usize;
        while runs(out)?.len() < at && workers.iter_mut().any(|worker| matches!(worker.try_wait(), Ok(None)))
        {
            std::thread::sleep(Duration::from_millis(20));
        }
        let chosen = (fraction(number * size.kills + kill) * size.workers as f64) as usize;
        let replacement = start(campaign, out, size)?;
        let mut worker = std::mem::replace(&mut workers[chosen], replacement);
        if worker.try_wait()?.is_none() {
            figures.count("kills of a live worker", 1);
        }
        worker.kill()?;
        let ended = Ended::wait(worker)?;
        if ended.crashed() {
            figures.fail(format!("a worker {}", ended.told()));
        }
    }
    workers.into_iter().map(Ended::wait).collect()
}

/// Notes workers that failed.
fn check_workers(ended: &[Ended], figures: &mut Figures) {
    for worker in ended.iter().filter(|worker| worker.code != Some(0) || worker.crashed()) {
        figures.fail(format!("a worker {}", worker.told()));
    }
}

/// Notes runs that were begun again without a kill: a worker has one run at a time, and a kill interrupts one at most.
fn check_resumptions(out: &Path, size: &Size, figures: &mut Figures) -> anyhow::Result<()> {
    let mut resumed = 0;
    for run in runs(out)? {
        let record: Value = serde_json::from_str(&std::fs::read_to_string(run.join("run.json"))?)?;
        resumed += record["resumptions"].as_array().map_or(0, Vec::len) as u64;
    }
    figures.count("runs that another worker continued", resumed);
    if resumed > size.kills {
        figures.fail(format!("{resumed} runs were continued after {} kills", size.kills));
    }
    Ok(())
}

/// The weights, metrics and outcomes of every run, by its name, in one value each.
fn results(out: &Path) -> anyhow::Result<Answers> {
    let mut results = Answers::new();
    for run in runs(out)? {
        let name = run.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        for file in ["checkpoints/last/model.safetensors", "metrics.jsonl", "outcomes.bin", "spec.toml"] {
            bytes.extend(std::fs::read(run.join(file)).with_context(|| format!("{name}: {file}"))?);
        }
        results.insert(name, bytes);
    }
    Ok(results)
}

/// Writes the report of a folder of runs, and returns its files without times.
fn report(campaign: &Campaign, out: &Path, size: &Size) -> anyhow::Result<Answers> {
    let to = out.with_extension("report");
    let ended = Ended::of(&mut report_command(campaign, out, &to, size))?;
    ensure!(ended.code == Some(0), "{}", ended.told());
    without_times(&to)
}

fn report_command(campaign: &Campaign, out: &Path, to: &Path, size: &Size) -> Command {
    let mut command = campaign.allconv(&campaign.scratch);
    command.args(["study", "report"]).arg(campaign.study("micro")).arg("--out").arg(out).arg("--to").arg(to);
    command.args(["--set", &format!("seeds.count={}", size.seeds)]);
    command
}

fn without_times(report: &Path) -> anyhow::Result<Answers> {
    let mut files = tree(report)?;
    let results = files.get("results.json").context("a report has results.json")?;
    let mut results: Value = serde_json::from_slice(results)?;
    remove_times(&mut results);
    files.retain(|name, _| !WITH_TIMES.contains(&name.as_str()));
    files.insert("results.json without times".to_owned(), results.to_string().into_bytes());
    Ok(files)
}

fn remove_times(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !TIMES.contains(&name.as_str()));
            fields.values_mut().for_each(remove_times);
        }
        Value::Array(values) => values.iter_mut().for_each(remove_times),
        _ => {}
    }
}

/// Compares the report that the last worker left with one made now and with that of the single worker; measures the report.
fn check_report(
    campaign: &Campaign,
    out: &Path,
    size: &Size,
    wanted: &Answers,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let to = out.with_extension("report");
    let child = report_command(campaign, out, &to, size).spawn()?;
    let (ended, samples) = watch(child, Duration::from_millis(2))?;
    ensure!(ended.code == Some(0), "{}", ended.told());
    let last = samples.last().copied().unwrap_or_default();
    figures.keep_largest("processor time of the report (s)", last.processor);
    figures.keep_largest("memory of the report (MiB)", last.peak);
    if last.processor >= REPORT.0 || last.peak >= REPORT.1 {
        figures.fail(format!("the report takes {} s and {:.0} MiB", last.processor, last.peak));
    }
    let differing = differences(wanted, &without_times(&to)?);
    if !differing.is_empty() {
        figures.fail(format!("of the report {differing:?} differ from a single worker's"));
    }
    let mut left = tree(&out.join("micro/report"))?;
    let mut fresh = tree(&to)?;
    // It holds the command that wrote it.
    left.remove("paper.md");
    fresh.remove("paper.md");
    let differing = differences(&left, &fresh);
    if !differing.is_empty() {
        figures.fail(format!("{differing:?} of the last worker's report differ from one made afterwards"));
    }
    Ok(())
}
