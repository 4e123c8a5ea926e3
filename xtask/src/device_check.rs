//! `cargo xtask device-check vulkan|cuda`: every operator and a training run of every network on a GPU or a software driver, written to
//! `docs/DEVICE.md`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use allconv_document::{Cell, Column, Table, markdown};
use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::shell;

/// The path of the golden cases, and for each of the two tests the field that names the operator of a case.
const CASES: &str = "crates/nets/tests/fixtures/operators/golden.json";
const TESTS: [(&str, &str); 2] = [
    ("operator", "downsample::golden::values_and_gradients_agree_with_independent_implementations"),
    ("upsample", "upsample::golden::values_and_gradients_agree_with_independent_implementations"),
];
/// The target of these tests.
const OPERATORS_TARGET: &str = "behaviour";
/// The test of the networks, a target of its own.
const STEP_TARGET: &str = "device_step";
const STEP_TEST: &str = "training_steps_on_the_device_are_those_of_the_cpu";

/// How the cases of an operator ended.
#[derive(Default)]
struct Tally {
    agree: usize,
    disagree: usize,
    /// The process was ended from outside: a driver that crashed.
    ended: usize,
}

/// How the training of a network ended.
struct Trained {
    name: String,
    ending: Ending,
}

enum Ending {
    /// The differences from the CPU, and whether they are within the bounds.
    Compared { agrees: bool, differences: Vec<String> },
    /// The program's own panic: where an operation is missing, its message says so.
    Panicked(String),
    /// The process was ended from outside, in this way.
    Ended(String),
}

/// Checks every golden case and every network on the device. Some drivers end the process when they cannot compile a kernel: every network
/// has a process of its own, and so has every case of an operator whose cases do not all agree. A disagreement is an error; processes
/// that were ended are counted and listed.
pub(crate) fn run(workspace: &Path, device: &str, driver: &str) -> anyhow::Result<()> {
    ensure!(
        ["vulkan", "cuda"].contains(&device),
        "there is no device check for `{device}`, but for vulkan and cuda"
    );
    let programs = built_tests(workspace, device)?;
    let mut wrong = Vec::new();
    let (bounds, trained) = trained_networks(workspace, &programs.steps, device)?;
    for network in &trained {
        match &network.ending {
            Ending::Compared { agrees: true, .. } | Ending::Ended(_) => {}
            Ending::Compared { agrees: false, .. } | Ending::Panicked(_) => wrong.push(network.name.clone()),
        }
    }
    let tallies = check_operators(workspace, &programs.operators, device, &mut wrong)?;
    let path = workspace.join(format!("docs/{device}.md"));
    let commit = shell::output(workspace, &["git", "describe", "--always", "--dirty", "--abbrev=12"])?;
    let operators = operator_table(&tallies);
    let networks = network_table(&bounds, &trained);
    let text = format!(
        "# Operators and networks on {device}\n\n\
         Written by `cargo xtask device-check {device}`; do not edit.\n\n\
         On the first such device of the machine: {driver}. What runs there are the default bodies of the operators, compositions of \
         Burn's operations. What does not agree is checked again in a process of its own: a driver that crashes ends its process, which is told \
         apart from a wrong value.\n\n{operators}\n{networks}\nCommit {}.\n",
        commit.trim()
    );
    std::fs::write(&path, text)?;
    println!("written to {}", path.display());
    ensure!(wrong.is_empty(), "{} cases and networks are wrong: {}", wrong.len(), wrong.join(", "));
    Ok(())
}

/// The programs that hold the tests.
struct Programs {
    operators: String,
    steps: String,
}

/// Builds the tests with the device's feature.
fn built_tests(workspace: &Path, device: &str) -> anyhow::Result<Programs> {
    let feature = format!("allconv/{device}");
    let build = [
        "cargo",
        "test",
        "--package=allconv",
        "--package=allconv-nets",
        "--package=allconv-train",
        "--features",
        &feature,
        "--test",
        OPERATORS_TARGET,
        "--test",
        STEP_TARGET,
        "--no-run",
        "--locked",
        "--message-format=json",
    ];
    let lines = shell::output(workspace, &build)?;
    let artefacts: Vec<Value> = lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let program = |target: &str| {
        let of_target =
            |artefact: &&Value| artefact["target"]["name"] == target && artefact["executable"].is_string();
        let artefact = artefacts.iter().find(of_target);
        let artefact = artefact.with_context(|| format!("cargo built no test program {target}"))?;
        anyhow::Ok(artefact["executable"].as_str().unwrap_or_default().to_owned())
    };
    Ok(Programs { operators: program(OPERATORS_TARGET)?, steps: program(STEP_TARGET)? })
}

fn run_test(
    program: &str,
    test: &str,
    folder: &Path,
    environment: &[(&str, &str)],
) -> anyhow::Result<Output> {
    Command::new(program)
        .args(["--exact", test, "--nocapture"])
        .envs(environment.iter().copied())
        .current_dir(folder)
        .output()
        .with_context(|| format!("cannot start {program}"))
}

fn check_operators(
    workspace: &Path,
    program: &str,
    device: &str,
    wrong: &mut Vec<String>,
) -> anyhow::Result<BTreeMap<String, Tally>> {
    let folder = workspace.join("crates/nets");
    let text =
        std::fs::read_to_string(workspace.join(CASES)).with_context(|| format!("cannot read {CASES}"))?;
    let index: Value = serde_json::from_str(&text)?;
    // An operator's cases by its test.
    let mut cases: BTreeMap<(String, &str), Vec<&str>> = BTreeMap::new();
    for case in index["cases"].as_array().context("no cases")? {
        let id = case["id"].as_str().context("a case without id")?;
        let Some((key, test)) = TESTS.iter().find(|(key, _)| case.get(key).is_some()) else {
            bail!("{id} names no operator");
        };
        let name = case[*key].as_str().unwrap_or_default();
        let name = name.split(' ').next().unwrap_or_default().to_owned();
        cases.entry((name, test)).or_default().push(id);
    }
    let run_cases = |test: &str, ids: &str| {
        let environment = [("ALLCONV_TEST_DEVICE", device), ("ALLCONV_GOLDEN_CASES", ids)];
        let output = run_test(program, test, &folder, &environment)?;
        println!("{ids}: {}", output.status);
        // A name that no test has would pass as well.
        let said = String::from_utf8_lossy(&output.stdout);
        let ran = !output.status.success() || said.contains("test result: ok. 1 passed");
        ensure!(ran, "{program} ran no test `{test}`");
        Ok(output)
    };
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for ((name, test), ids) in cases {
        let tally = tallies.entry(name).or_default();
        // All at once where all agree, which compiles every kernel once.
        if run_cases(test, &ids.join(" "))?.status.success() {
            tally.agree += ids.len();
            continue;
        }
        for id in ids {
            let output = run_cases(test, id)?;
            match output.status.code() {
                Some(0) => tally.agree += 1,
                Some(_) => {
                    println!("{}", String::from_utf8_lossy(&output.stderr));
                    tally.disagree += 1;
                    wrong.push(id.to_owned());
                }
                None => tally.ended += 1,
            }
        }
    }
    Ok(tallies)
}

/// The bounds in words, and how the training of each network ended.
fn trained_networks(workspace: &Path, program: &str, device: &str) -> anyhow::Result<(String, Vec<Trained>)> {
    let folder = workspace.join("crates/train");
    // The CPU held to itself names all networks, and shows that the test passes where nothing can differ.
    let output = run_test(program, STEP_TEST, &folder, &[("ALLCONV_TEST_DEVICE", "cpu")])?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "the CPU does not agree with itself:\n{said}");
    let mut bounds = String::new();
    let mut trained = Vec::new();
    for line in said.lines() {
        if let Some((_, words)) = line.split_once("bounds: ") {
            words.clone_into(&mut bounds);
        }
        let Some((name, _)) = line.split_once("step ").and_then(|(_, rest)| rest.split_once(": ")) else {
            continue;
        };
        let environment = [("ALLCONV_TEST_DEVICE", device), ("ALLCONV_TEST_NETWORK", name)];
        let output = run_test(program, STEP_TEST, &folder, &environment)?;
        let ending = match output.status.code() {
            None => Ending::Ended(output.status.to_string()),
            Some(_) => ending(&String::from_utf8_lossy(&output.stdout), name)?,
        };
        println!("{name}: {}", outcome(&ending));
        trained.push(Trained { name: name.to_owned(), ending });
    }
    ensure!(!bounds.is_empty() && !trained.is_empty(), "{program} names no bounds or no network:\n{said}");
    Ok((bounds, trained))
}

/// What the test says of a network.
fn ending(said: &str, name: &str) -> anyhow::Result<Ending> {
    let line = said.split_once(&format!("step {name}: ")).and_then(|(_, rest)| rest.lines().next());
    let line = line.with_context(|| format!("the test says nothing of {name}:\n{said}"))?;
    let (word, rest) = line.split_once(": ").with_context(|| format!("`{line}` is not an outcome"))?;
    let differences = || rest.split(' ').map(str::to_owned).collect();
    match word {
        "agrees" => Ok(Ending::Compared { agrees: true, differences: differences() }),
        "disagrees" => Ok(Ending::Compared { agrees: false, differences: differences() }),
        "panicked" => Ok(Ending::Panicked(rest.to_owned())),
        _ => bail!("`{line}` is not an outcome"),
    }
}

fn outcome(ending: &Ending) -> String {
    match ending {
        Ending::Compared { agrees: true, .. } => "agrees".to_owned(),
        Ending::Compared { agrees: false, differences } => format!("disagrees: {}", differences.join(" ")),
        Ending::Panicked(message) => format!("panicked: {message}"),
        Ending::Ended(how) => format!("ended by the driver: {how}"),
    }
}

fn operator_table(tallies: &BTreeMap<String, Tally>) -> String {
    let sum = |count: fn(&Tally) -> usize| tallies.values().map(count).sum::<usize>();
    let (agree, disagree, lost) = (sum(|t| t.agree), sum(|t| t.disagree), sum(|t| t.ended));
    let table = Table::of(tallies)
        .column(Column::text("Operator"), |(name, _)| Cell::plain(name))
        .column(Column::number("Agree"), |(_, tally)| tally.agree)
        .column(Column::number("Disagree"), |(_, tally)| tally.disagree)
        .column(Column::number("Process ended by the driver"), |(_, tally)| tally.ended)
        .table();
    format!(
        "## Operators\n\n\
         The golden vectors of [the operators](operators.md), values and gradients from implementations of others. \
         Of {} cases {agree} agree within the tolerance that the CPU is held to, {disagree} disagree, and in {lost} the driver ended the process.\n\n{}",
        agree + disagree + lost,
        markdown::table(&table)
    )
}

fn network_table(bounds: &str, trained: &[Trained]) -> String {
    let count = |wanted: fn(&Ending) -> bool| trained.iter().filter(|one| wanted(&one.ending)).count();
    let agree = count(|ending| matches!(ending, Ending::Compared { agrees: true, .. }));
    let disagree = count(|ending| matches!(ending, Ending::Compared { agrees: false, .. }));
    let panicked = count(|ending| matches!(ending, Ending::Panicked(_)));
    let ended = count(|ending| matches!(ending, Ending::Ended(_)));
    let difference = |one: &Trained, position: usize| match &one.ending {
        Ending::Compared { differences, .. } => differences.get(position).cloned(),
        Ending::Panicked(_) | Ending::Ended(_) => None,
    };
    let table = Table::of(trained)
        .column(Column::text("Network"), |one| Cell::plain(&one.name))
        .column(Column::text("Outcome"), |one| match &one.ending {
            Ending::Compared { agrees: true, .. } => Cell::plain("agrees"),
            Ending::Compared { agrees: false, .. } => Cell::plain("disagrees"),
            ending => Cell::plain(&outcome(ending)),
        })
        .column(Column::number("Loss"), |one| difference(one, 0))
        .column(Column::number("Velocity (sum of gradients)"), |one| difference(one, 1))
        .column(Column::number("Weights"), |one| difference(one, 2))
        .column(Column::number("Answer"), |one| difference(one, 3))
        .table();
    format!(
        "## Networks\n\n\
         Two training steps of [every network](models.md), narrow and on small images: forward with dropout, loss, backward, optimiser, running \
         statistics, from the same weights, images and masks as on the CPU, and the trained network's answer in evaluation. \
         Bounds: {bounds}. Of {} networks {agree} agree, {disagree} disagree, {panicked} panicked (as where an operation is missing), and in \
         {ended} the driver ended the process.\n\n{}",
        trained.len(),
        markdown::table(&table)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcomes_of_a_network_are_told_apart() {
        let said = |line: &str| format!("running 1 test\nbounds: small\ntest t ... step u_net: {line}\nok\n");
        let read = |line: &str| ending(&said(line), "u_net");
        let agrees = read("agrees: 1e-7 2e-6 3e-7 4e-6").unwrap();
        assert!(
            matches!(agrees, Ending::Compared { agrees: true, ref differences } if differences.len() == 4)
        );
        assert!(matches!(
            read("disagrees: NaN 2e-6 3e-7 4e-6").unwrap(),
            Ending::Compared { agrees: false, .. }
        ));
        assert!(
            matches!(read("panicked: no such: kernel").unwrap(), Ending::Panicked(message) if message == "no such: kernel")
        );
        assert!(read("passes: 1").is_err());
        assert!(ending(&said("agrees: 1"), "edsr_baseline").is_err());
    }
}
