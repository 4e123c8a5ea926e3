//! The commands that the checks run.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

/// Runs `argv` in `folder` with its output passed through, and fails when it fails.
pub(crate) fn run(folder: &Path, argv: &[&str], environment: &[(&str, &str)]) -> anyhow::Result<()> {
    println!("$ {}", argv.join(" "));
    let status =
        command(folder, argv, environment).status().with_context(|| format!("cannot start {}", argv[0]))?;
    ensure!(status.success(), "`{}` ended with {status}", argv.join(" "));
    Ok(())
}

/// [`run`], with what the command writes to standard output copied to `log`, all but the names of tests that passed.
pub(crate) fn run_logged(
    folder: &Path,
    argv: &[&str],
    environment: &[(&str, &str)],
    log: &mut impl Write,
) -> anyhow::Result<()> {
    println!("$ {}", argv.join(" "));
    // The log is committed: it names the program, not where this machine keeps it.
    let program = Path::new(argv[0]).file_name().unwrap_or_default().to_string_lossy();
    writeln!(log, "\n$ {program} {}", argv[1..].join(" "))?;
    let mut child = command(folder, argv, environment)
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", argv[0]))?;
    let written = child.stdout.take().context("no standard output")?;
    for line in BufReader::new(written).lines() {
        let line = line?;
        println!("{line}");
        let names_a_test = line.starts_with("test ") && line.ends_with(" ... ok")
            || line.starts_with("    ") && line.contains("::") && !line.trim().contains(' ')
            || line.is_empty()
            || line == "successes:";
        if !names_a_test {
            writeln!(log, "{line}")?;
        }
    }
    let status = child.wait()?;
    writeln!(log, "{status}")?;
    ensure!(status.success(), "`{}` ended with {status}", argv.join(" "));
    Ok(())
}

/// Runs `argv` in `folder` and returns what it wrote to standard output; fails when it fails.
pub(crate) fn output(folder: &Path, argv: &[&str]) -> anyhow::Result<String> {
    output_with(folder, argv, &[])
}

/// As [`output`], with variables set in its environment.
pub(crate) fn output_with(
    folder: &Path,
    argv: &[&str],
    environment: &[(&str, &str)],
) -> anyhow::Result<String> {
    println!("$ {}", argv.join(" "));
    let output = command(folder, argv, environment)
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {}", argv[0]))?;
    ensure!(output.status.success(), "`{}` ended with {}", argv.join(" "), output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// Returns the current commit, with `-dirty` where files differ from it.
pub(crate) fn commit(workspace: &Path) -> anyhow::Result<String> {
    let commit = output(workspace, &["git", "describe", "--always", "--dirty", "--abbrev=12"])?;
    Ok(commit.trim().to_owned())
}

/// Returns cargo's target folder.
pub(crate) fn target_folder(workspace: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from)
}

fn command(folder: &Path, argv: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(argv[0]);
    command.args(&argv[1..]).current_dir(folder);
    for (name, value) in environment {
        command.env(name, value);
    }
    command
}

/// Returns whether the processor has the instructions that the system calls `flag`.
pub(crate) fn processor_has(flag: &str) -> bool {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = text.lines().find(|line| line.starts_with("flags"));
    flags.is_some_and(|line| line.split_whitespace().any(|word| word == flag))
}

/// Returns the processor's name as the system reports it.
pub(crate) fn processor_name() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| line.split_once(':'))
        .map_or_else(|| "unknown".to_owned(), |(_, name)| name.trim().to_owned())
}
