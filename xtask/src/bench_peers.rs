//! `cargo xtask bench-peers`: throughput beside PyTorch on this machine, in one interleaved run, written to `docs/performance.md`.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use crate::shell;

/// What is compared: pass, model, width and batch.
const CASES: [(&str, &str, &str, &str); 4] = [
    ("train", "all_cnn_c", "1.0", "128"),
    ("infer", "all_cnn_c", "1.0", "128"),
    ("train", "all_cnn_c", "0.5", "128"),
    ("train", "all_cnn_c", "0.25", "128"),
];

/// Medians of the rounds of one case, images per second.
struct Measured {
    ours: Vec<f64>,
    theirs: Vec<f64>,
    mode: String,
}

/// Measures every case `rounds` times, ours and PyTorch's in turn, and writes the table.
pub(crate) fn run(workspace: &Path, python: &str, rounds: usize) -> anyhow::Result<()> {
    shell::run(workspace, &["cargo", "build", "--release", "--locked", "--package", "allconv"], &[])?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), Into::into);
    let program = target.join("release/allconv");
    let program = program.to_str().context("the path of the target folder is not UTF-8")?;
    let mut rows = String::new();
    let mut versions = String::new();
    for (pass, model, width, batch) in CASES {
        let mut measured = Measured { ours: Vec::new(), theirs: Vec::new(), mode: "best".to_owned() };
        for _ in 0..rounds {
            let words = [
                program,
                "bench",
                pass,
                "--model",
                model,
                "--width",
                width,
                "--batch",
                batch,
                "--threads",
                "2",
                "--format",
                "json",
            ];
            let ours: Value = serde_json::from_str(&shell::output(workspace, &words)?)?;
            measured.ours.push(rate(&ours["images_per_second"])?);
            let mode = measured.mode.clone();
            let script = "peers/torch/throughput.py";
            let words = [
                python, script, "--pass", pass, "--model", model, "--width", width, "--batch", batch,
                "--mode", &mode,
            ];
            let theirs: Value = serde_json::from_str(&shell::output(workspace, &words)?)?;
            measured.theirs.push(rate(&theirs["best"]["images_per_second"])?);
            // PyTorch's fastest mode is searched in the first round and kept.
            measured.mode = theirs["best"]["mode"].as_str().unwrap_or("eager").to_owned();
            versions = format!(
                "PyTorch {}, instruction set {}",
                text(&theirs["torch"]),
                text(&ours["instruction_set"])
            );
        }
        row(&mut rows, (pass, model, width, batch), &measured)?;
    }
    let commit = shell::output(workspace, &["git", "describe", "--always", "--dirty", "--abbrev=12"])?;
    let compiler = shell::output(workspace, &["rustc", "--version"])?;
    let processor = processor_name();
    let page = format!(
        "# Throughput beside PyTorch\n\nWritten by `cargo xtask bench-peers PYTHON {rounds}`; do not edit.\n\n\
         Images per second on 2 threads, dropout included on both sides, loading and augmentation included on ours. Each number is the median of \
         {rounds} rounds with their smallest and largest, ours and PyTorch's in turn; each round's value is itself the median of 7 steps. \
         PyTorch runs in the fastest of eager, channels-last, compiled and both.\n\n\
         | Pass | Model | Width | Batch | allconv | PyTorch | Mode | Ratio of medians |\n|---|---|--:|--:|--:|--:|---|--:|\n{rows}\n\
         Commit {}, {}, {versions}, processor {processor}.\n",
        commit.trim(),
        compiler.trim(),
    );
    std::fs::write(workspace.join("docs/performance.md"), page)?;
    Ok(())
}

fn row(
    rows: &mut String,
    (pass, model, width, batch): (&str, &str, &str, &str),
    measured: &Measured,
) -> anyhow::Result<()> {
    let [ours, theirs] = [&measured.ours, &measured.theirs].map(|rates| {
        let mut sorted = rates.clone();
        sorted.sort_by(f64::total_cmp);
        (sorted[sorted.len() / 2], sorted[0], sorted[sorted.len() - 1])
    });
    writeln!(
        rows,
        "| {pass} | {model} | {width} | {batch} | {:.0} ({:.0}–{:.0}) | {:.0} ({:.0}–{:.0}) | {} | {:.2} |",
        ours.0,
        ours.1,
        ours.2,
        theirs.0,
        theirs.1,
        theirs.2,
        measured.mode,
        ours.0 / theirs.0
    )?;
    Ok(())
}

fn rate(spread: &Value) -> anyhow::Result<f64> {
    spread["median"].as_f64().with_context(|| format!("no median in {spread}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("unknown")
}

fn processor_name() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| line.split_once(':'))
        .map_or_else(|| "unknown".to_owned(), |(_, name)| name.trim().to_owned())
}
