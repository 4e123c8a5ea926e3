//! `cargo xtask device-check vulkan|cuda`: the golden vectors of every operator on a GPU or a driver in software, written to `docs/DEVICE.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::shell;

/// Where the cases lie, and the field that names an operator of each of the two tests.
const CASES: &str = "crates/nets/tests/fixtures/operators/golden.json";
const TESTS: [(&str, &str); 2] = [
    ("operator", "downsample::tests::golden::values_and_gradients_agree_with_outside_implementations"),
    ("upsample", "upsample::tests::golden::values_and_gradients_agree_with_outside_implementations"),
];

/// How the cases of an operator ended.
#[derive(Default)]
struct Tally {
    agree: usize,
    disagree: usize,
    /// The process was ended from outside: a driver that crashed.
    ended: usize,
}

/// Judges every golden case on the device in a process of its own, since some drivers end the process when they cannot compile a kernel.
/// A case that disagrees is an error; those whose process ended are counted, named and written down.
pub(crate) fn run(workspace: &Path, device: &str, driver: &str) -> anyhow::Result<()> {
    ensure!(
        ["vulkan", "cuda"].contains(&device),
        "there is no device check for `{device}`, but for vulkan and cuda"
    );
    let program = built_tests(workspace, device)?;
    let text =
        std::fs::read_to_string(workspace.join(CASES)).with_context(|| format!("cannot read {CASES}"))?;
    let index: Value = serde_json::from_str(&text)?;
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let mut disagreeing = Vec::new();
    for case in index["cases"].as_array().context("no cases")? {
        let id = case["id"].as_str().context("a case without id")?;
        let Some((key, test)) = TESTS.iter().find(|(key, _)| case.get(key).is_some()) else {
            bail!("{id} names no operator");
        };
        let name = case[*key].as_str().unwrap_or_default();
        let name = name.split(' ').next().unwrap_or_default().to_owned();
        let output = Command::new(&program)
            .args(["--exact", test])
            .env("ALLCONV_TEST_DEVICE", device)
            .env("ALLCONV_GOLDEN_CASE", id)
            .current_dir(workspace.join("crates/nets"))
            .output()
            .with_context(|| format!("cannot start {program}"))?;
        let tally = tallies.entry(name).or_default();
        println!("{id}: {}", output.status);
        match output.status.code() {
            Some(0) => {
                // A name that no test has would pass as well.
                let said = String::from_utf8_lossy(&output.stdout);
                ensure!(said.contains("test result: ok. 1 passed"), "{program} ran no test `{test}`");
                tally.agree += 1;
            }
            Some(_) => {
                tally.disagree += 1;
                disagreeing.push(id.to_owned());
            }
            None => tally.ended += 1,
        }
    }
    let path = workspace.join(format!("docs/{device}.md"));
    std::fs::write(&path, page(workspace, device, driver, &tallies)?)?;
    println!("written to {}", path.display());
    ensure!(disagreeing.is_empty(), "{} cases disagree: {}", disagreeing.len(), disagreeing.join(", "));
    Ok(())
}

/// The crate's unit tests with the device's feature, built.
fn built_tests(workspace: &Path, device: &str) -> anyhow::Result<String> {
    let build =
        ["cargo", "test", "--package", "allconv-nets", "--features", device, "--lib", "--no-run", "--locked"];
    let lines = shell::output(workspace, &[&build[..], &["--message-format=json"]].concat())?;
    let artefacts = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut programs = artefacts.filter_map(|artefact| Some(artefact["executable"].as_str()?.to_owned()));
    programs.next_back().context("cargo built no test program")
}

fn page(
    workspace: &Path,
    device: &str,
    driver: &str,
    tallies: &BTreeMap<String, Tally>,
) -> anyhow::Result<String> {
    let commit = shell::output(workspace, &["git", "describe", "--always", "--dirty", "--abbrev=12"])?;
    let sum = |count: fn(&Tally) -> usize| tallies.values().map(count).sum::<usize>();
    let (agree, disagree, lost) = (sum(|t| t.agree), sum(|t| t.disagree), sum(|t| t.ended));
    let mut text = format!(
        "# Operators on {device}\n\n\
         Written by `cargo xtask device-check {device}`; do not edit.\n\n\
         The golden vectors of [the operators](operators.md), values and gradients from implementations of others, on the first such device of the machine: {driver}. \
         What runs there are the default bodies of the operators, compositions of Burn's operations. Each case has a process of its own.\n\n\
         Of {} cases {agree} agree within the tolerance that the CPU is held to, {disagree} disagree, and in {lost} the driver ended the process.\n\n\
         | Operator | Agree | Disagree | Process ended by the driver |\n|---|--:|--:|--:|\n",
        agree + disagree + lost
    );
    for (name, tally) in tallies {
        writeln!(text, "| {name} | {} | {} | {} |", tally.agree, tally.disagree, tally.ended)?;
    }
    writeln!(text, "\nCommit {}.", commit.trim())?;
    Ok(text)
}
