//! Damaged files: millions of mutations of valid ones, read in one process by the readers that the tests name.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::campaign::{Campaign, Ended, found};
use super::figures::{Figures, Session};
use crate::shell;

/// What the page says of this part.
pub(super) const TEXT: &str = "Readers of study files, specifications, records, journals, outcomes, scores, safetensors, pickles of PyTorch, settings of model folders, images, archives, label maps, packs and \
shards take mutations of valid files (bits, bytes, numbers, ranges, parts of another file), made and read inside `crates/allconv/tests/fuzz` by the stable compiler, without feedback of coverage. The committed corpus \
and some hundred mutations of each kind are read with every run of the tests. A failure is a panic, an input that takes more than 1 s of processor time, or a process above 512 MiB.";

/// The readers, as the tests name them.
const TARGETS: [&str; 17] = [
    "study-file",
    "specification",
    "run-record",
    "journal",
    "outcomes",
    "scores",
    "safetensors",
    "foreign-weights",
    "model-config",
    "image",
    "archive",
    "label-maps",
    "label-list",
    "pack",
    "pictures",
    "shards-header",
    "shards-index",
];

/// Mutations of one trial. Dearer readers make a part of them.
const BATCH: u64 = 20_000;

/// Makes mutations until the scale's number of executions has been reached.
pub(super) fn run(campaign: &Campaign, session: &mut Session<'_>) -> anyhow::Result<()> {
    let program = match &campaign.inputs {
        Some(program) => program.clone(),
        None => built(campaign)?,
    };
    let wanted = campaign.scaled(300_000, 10_000_000);
    session.trials(
        campaign,
        2,
        |_, figures| figures.counted("executions") >= wanted,
        |number, figures| batch(campaign, &program, number, figures),
    )
}

/// Builds the test program of the readers and returns its path.
fn built(campaign: &Campaign) -> anyhow::Result<PathBuf> {
    let build = [
        "cargo",
        "test",
        "--locked",
        "--package",
        "allconv",
        "--test",
        "fuzz",
        "--no-run",
        "--message-format=json",
    ];
    let told = shell::output(&campaign.workspace, &build)?;
    let mut programs = told.lines().filter_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        (line["target"]["name"] == "fuzz").then(|| line["executable"].as_str().map(PathBuf::from))?
    });
    programs.next_back().context("cargo named no program for the test `fuzz`")
}

fn batch(campaign: &Campaign, program: &PathBuf, number: u64, figures: &mut Figures) -> anyhow::Result<()> {
    let target = TARGETS[(number % TARGETS.len() as u64) as usize];
    let round = number / TARGETS.len() as u64;
    let mut command = Command::new(found("nice"));
    command.args(["-n", "10"]).arg(program).args([
        "--exact",
        "mutated_files_are_read_or_refused",
        "--nocapture",
    ]);
    command.env("ALLCONV_INPUTS_TARGET", target).env("ALLCONV_INPUTS_COUNT", BATCH.to_string());
    command.env("ALLCONV_INPUTS_FROM", (round * BATCH).to_string()).env("TMPDIR", &campaign.scratch);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ended = Ended::of(&mut command)?;
    let line = ended.out.lines().find_map(|line| line.split_once("figures ")).map(|(_, rest)| rest);
    if let Some(line) = line {
        // `N executions, N ms at most, N MiB at most`
        let told: Vec<f64> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
        ensure!(told.len() == 3, "{program:?} told {line}");
        figures.count("executions", told[0] as u64);
        figures.count(&format!("executions: {target}"), told[0] as u64);
        figures.keep_largest("longest execution (ms, of a busy machine)", told[1]);
        figures.keep_largest("memory of the process (MiB)", told[2]);
    }
    if ended.code != Some(0) || line.is_none() {
        figures.fail(format!("{target}, mutations from {}: {}", round * BATCH, ended.told()));
    }
    Ok(())
}
