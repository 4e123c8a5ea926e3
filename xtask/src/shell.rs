//! Runs the commands that checks are made of, and says what was run.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

/// Runs `words` in `folder` with its output passed through, and fails when it fails.
pub(crate) fn run(folder: &Path, words: &[&str], environment: &[(&str, &str)]) -> anyhow::Result<()> {
    println!("$ {}", words.join(" "));
    let status =
        command(folder, words, environment).status().with_context(|| format!("cannot start {}", words[0]))?;
    ensure!(status.success(), "`{}` ended with {status}", words.join(" "));
    Ok(())
}

/// Runs `words` in `folder` and returns what it wrote to standard output; fails when it fails.
pub(crate) fn output(folder: &Path, words: &[&str]) -> anyhow::Result<String> {
    println!("$ {}", words.join(" "));
    let output = command(folder, words, &[])
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {}", words[0]))?;
    ensure!(output.status.success(), "`{}` ended with {}", words.join(" "), output.status);
    Ok(String::from_utf8(output.stdout)?)
}

fn command(folder: &Path, words: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).current_dir(folder);
    for (name, value) in environment {
        command.env(name, value);
    }
    command
}

/// The processor's name as the system tells it.
pub(crate) fn processor_name() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| line.split_once(':'))
        .map_or_else(|| "unknown".to_owned(), |(_, name)| name.trim().to_owned())
}
